"""Packing: every clip decoded once into one int16 file, so that training never waits for a decoder.

A pack folder holds `speech.i16` and `noise.i16` (raw little-endian 16-bit PCM at 16 kHz, clips
back to back), and `index.npz` with, per clip: `offset` and `length` in samples, `path`,
`speaker`, `corpus`, `language`, `split`; `noise_offset` and `noise_length`; the manifest's hash.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from .audio import SAMPLE_RATE, read_mono, to_int16, trim_silence
from .manifest import manifest_hash, read_manifest, shared_data

SHORTEST_SECONDS = 0.5


@dataclass
class Pack:
    """A pack opened for reading; `speech` and `noise` are memory-mapped."""

    speech: np.ndarray
    noise: np.ndarray
    offset: np.ndarray
    length: np.ndarray
    path: np.ndarray
    speaker: np.ndarray
    corpus: np.ndarray
    language: np.ndarray
    split: np.ndarray
    noise_offset: np.ndarray
    noise_length: np.ndarray
    manifest_sha256: str

    @classmethod
    def open(cls, folder: Path) -> "Pack":
        """Opens the pack that `write_pack` left in `folder`."""
        index_path = folder / "index.npz"
        if not index_path.exists():
            raise FileNotFoundError(f"{index_path} is missing: run `pack` first")
        index = np.load(index_path)
        fields = {name: index[name] for name in index.files}
        fields["manifest_sha256"] = str(fields["manifest_sha256"])
        return cls(speech=_map_or_empty(folder / "speech.i16"),
                   noise=_map_or_empty(folder / "noise.i16"), **fields)

    def clips_of(self, split: str) -> np.ndarray:
        """Indices of the clips of one split, in pack order."""
        return np.flatnonzero(self.split == split)

    def samples(self, clip: int) -> np.ndarray:
        """One whole clip as int16."""
        return self.speech[self.offset[clip]: self.offset[clip] + self.length[clip]]


def _map_or_empty(path: Path) -> np.ndarray:
    # Copy-on-write, since PyTorch shares memory with writable arrays alone.
    return np.memmap(path, dtype=np.int16, mode="c") if path.stat().st_size else np.zeros(0, np.int16)


def _decode(path: Path, trim: bool) -> tuple[np.ndarray, str]:
    """Decoded samples, or an empty array and the reason for dropping the file."""
    try:
        samples = read_mono(path)
        if trim:
            samples = trim_silence(samples)
        if not np.isfinite(samples).all():
            return np.zeros(0, np.int16), "samples that are not finite"
        if len(samples) < SHORTEST_SECONDS * SAMPLE_RATE:
            return np.zeros(0, np.int16), f"shorter than {SHORTEST_SECONDS} s after trimming"
        return to_int16(samples), ""
    except (OSError, RuntimeError) as error:
        return np.zeros(0, np.int16), str(error)


def _write_clips(paths: list[Path], target: Path, trim: bool, workers: int, title: str) -> tuple[np.ndarray, list[str]]:
    """Writes decoded clips back to back; returns their lengths (0: dropped) and the reasons."""
    lengths, dropped = np.zeros(len(paths), np.int64), []
    with open(target, "wb") as file, ProcessPoolExecutor(workers) as pool:
        decoded = pool.map(partial(_decode, trim=trim), paths, chunksize=16)
        for index, (samples, reason) in enumerate(tqdm(decoded, total=len(paths), desc=title, unit="clip")):
            lengths[index] = len(samples)
            file.write(samples.astype("<i2").tobytes())
            if reason:
                dropped.append(f"{paths[index]}: {reason}")
    return lengths, dropped


def write_pack(manifest: Path, noise_folder: Path | None, folder: Path, workers: int) -> list[str]:
    """Decodes the manifest's clips and the noise into `folder`; returns what was dropped and why."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = read_manifest(manifest)
    root = manifest.parent
    lengths, dropped = _write_clips([root / clip.path for clip in clips], folder / "speech.i16", True, workers, "speech")
    noises = sorted(p for p in noise_folder.rglob("*") if p.suffix in {".ogg", ".wav", ".flac"}) if noise_folder else []
    noise_lengths, noise_dropped = _write_clips(noises, folder / "noise.i16", False, workers, "noise")
    keep, noise_keep = lengths > 0, noise_lengths > 0
    columns = {name: np.array([getattr(clip, name) for clip in clips])[keep]
               for name in ("path", "speaker", "corpus", "language", "split")}
    lengths, noise_lengths = lengths[keep], noise_lengths[noise_keep]
    # The index is written last: a pack without one was cut off and is not opened.
    np.savez(folder / "index.npz", offset=np.cumsum(lengths) - lengths, length=lengths,
             noise_offset=np.cumsum(noise_lengths) - noise_lengths, noise_length=noise_lengths,
             manifest_sha256=manifest_hash(manifest), **columns)
    return dropped + noise_dropped


def add_arguments(parser) -> None:
    """Flags of `pack`."""
    parser.add_argument("--manifest", type=Path, default=shared_data() / "manifest.tsv")
    parser.add_argument("--noise", type=Path, help="folder of noise clips; default: `noise` beside the manifest")
    parser.add_argument("--output-dir", type=Path, default=Path("training/pack"))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)


def run(arguments) -> int:
    """Packs, and says what was dropped."""
    noise = arguments.noise or arguments.manifest.parent / "noise"
    dropped = write_pack(arguments.manifest, noise if noise.is_dir() else None, arguments.output_dir, arguments.workers)
    for line in dropped:
        print(f"dropped {line}")
    pack = Pack.open(arguments.output_dir)
    print(f"{len(pack.length)} clips, {len(set(pack.speaker))} speakers, {pack.length.sum() / SAMPLE_RATE / 3600:.2f} h; "
          f"{len(pack.noise_length)} noise clips; {len(dropped)} dropped")
    return 0
