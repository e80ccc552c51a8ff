"""Command `segment-measure`: errors of an exported segmentation network, chunk by chunk.

Sets are chunks simulated from a split's speakers, and recordings with an RTTM, cut into whole chunks
of 10 s one after the other (what a UEM leaves out is not scored). Figures are those of `scores`.
Beside the network stands WebRTC's voice activity detector on the same frames, for speech alone.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import webrtcvad

from ..audio import SAMPLE_RATE, read_mono, to_int16
from ..export import session
from ..manifest import shared_data
from ..pack import Pack
from ..rttm import read_rttm, read_uem
from .chunks import Generator
from .export import INPUT
from .frontend import FRAME_SHIFT
from .powerset import SPEAKERS, decode
from .scene import CHUNK, FRAMES
from .scores import Counts, count_chunk
from .validation import SEED, SOUND

WEBRTC_MODES = (1, 3)  # of 0 to 3, the higher the stricter


@dataclass(frozen=True)
class Chunk:
    """`samples` (CHUNK,), `reference` (FRAMES, speakers) of 0 and 1, `scored` (FRAMES,)."""

    samples: np.ndarray
    reference: np.ndarray
    scored: np.ndarray


def simulated(pack: Pack, split: str, count: int, left_out: tuple[str, ...]) -> Iterator[Chunk]:
    """Chunks of speakers of `split`; those of `verify` are the ones that training validates on."""
    generator = Generator(pack, split, SOUND, SEED, left_out)
    for number in range(count):
        drawn = generator.draw(number, 1)
        yield Chunk(drawn.samples[0, 0].numpy(), decode(drawn.classes[0].numpy()), np.ones(FRAMES, bool))


def recorded(audio: Path) -> Iterator[Chunk]:
    """The whole chunks of a recording with an RTTM, and maybe a UEM, beside it."""
    samples = read_mono(audio)
    turns = read_rttm(audio.with_suffix(".rttm"))
    names = sorted({turn.speaker for turn in turns})
    count = len(samples) // CHUNK
    # A frame is what lies at its centre.
    centre = (np.arange(count * FRAMES) + 0.5) * FRAME_SHIFT / SAMPLE_RATE
    reference = np.zeros((count * FRAMES, len(names)), np.int64)
    for turn in turns:
        reference[(centre >= turn.start) & (centre < turn.end), names.index(turn.speaker)] = 1
    uem = audio.with_suffix(".uem")
    regions = read_uem(uem) if uem.exists() else [("", 0.0, np.inf)]
    scored = np.any([(centre >= start) & (centre < end) for _, start, end in regions], axis=0)
    for number in range(count):
        frames = slice(number * FRAMES, (number + 1) * FRAMES)
        part = reference[frames]
        yield Chunk(samples[number * CHUNK: (number + 1) * CHUNK], part[:, part.any(axis=0)], scored[frames])


class Network:
    """An exported file as a function from samples (CHUNK,) to activity (FRAMES, 3)."""

    def __init__(self, path: Path, threads: int) -> None:
        self.runtime = session(path, threads)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        logp = self.runtime.run(None, {INPUT: samples[None, None].astype(np.float32)})[0][0]
        return decode(logp.argmax(axis=1))


def webrtc(samples: np.ndarray, mode: int) -> np.ndarray:
    """Speech by WebRTC's detector as activity (FRAMES, 1); it takes frames of 20 ms too."""
    detector = webrtcvad.Vad(mode)
    frames = to_int16(samples).reshape(FRAMES, FRAME_SHIFT)
    return np.array([[detector.is_speech(frame.tobytes(), SAMPLE_RATE)] for frame in frames], np.int64)


def measure(name: str, chunks: Iterator[Chunk], network: Network) -> list[dict]:
    """Rows for all chunks, and by how many speak in one; speech alone for WebRTC's detector."""
    groups: dict[str, tuple[int, Counts]] = {}
    speech = {mode: Counts() for mode in WEBRTC_MODES}
    for chunk in chunks:
        counts = count_chunk(chunk.reference, network(chunk.samples), chunk.scored)
        people = int(chunk.reference[chunk.scored].any(axis=0).sum())
        for group in ("all", str(people) if people <= SPEAKERS else f"more than {SPEAKERS}"):
            number, before = groups.get(group, (0, Counts()))
            groups[group] = number + 1, before + counts
        anyone = chunk.reference.any(axis=1, keepdims=True)
        for mode in WEBRTC_MODES:
            speech[mode] += count_chunk(anyone, webrtc(chunk.samples, mode), chunk.scored)
    rows = [{"set": name, "system": "network", "speakers": group, "chunks": number,
             "overlap": counts.overlap / max(counts.speech, 1), **counts.rates()}
            for group, (number, counts) in sorted(groups.items(), key=lambda item: (item[0] != "all", item[0]))]
    return rows + [{"set": name, "system": f"WebRTC, mode {mode}", "speakers": "all", "chunks": groups["all"][0],
                    **{key: value for key, value in counts.rates().items() if key.startswith("speech")}}
                   for mode, counts in speech.items()]


def write_json(path: Path, content: object) -> None:
    """One indented document, ended by a newline."""
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def add_arguments(parser) -> None:
    """Flags of `segment-measure`."""
    parser.add_argument("model", type=Path)
    parser.add_argument("--pack", type=Path, default=Path("training/pack"))
    parser.add_argument("--split", action="append", default=[], help="simulate chunks from this split's speakers; repeat")
    parser.add_argument("--chunks", type=int, default=300, help="of each split")
    parser.add_argument("--leave-out", nargs="*", default=["fsdd"], help="corpora that no chunk is made from")
    parser.add_argument("--recordings", type=Path, default=shared_data() / "conversations",
                        help="folder of audio with RTTM files")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, help="JSON file for the model's card")
    parser.add_argument("--run", type=Path, dest="training_run",
                        help="a run's folder: summarise its log into training.json beside the output")


def summarise_run(folder: Path) -> dict:
    """Recipe, budget and validation curve of a finished run."""
    final = torch.load(folder / "final.pt", map_location="cpu", weights_only=True, mmap=True)
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return {"seconds": round(final["seconds"]), "steps": final["step"], "chosen": final["chosen"],
            "validation_local_der": final["rates"], "recipe": final["recipe"],
            "manifest_sha256": final["manifest_sha256"],
            "validation": [{key: value for key, value in line.items() if key not in ("kind", "progress")}
                           for line in log if line["kind"] == "validate"]}


def run(arguments) -> None:
    """Measures every set, prints a line per row."""
    network = Network(arguments.model, arguments.threads)
    rows = []
    for split in arguments.split:
        chunks = simulated(Pack.open(arguments.pack), split, arguments.chunks, tuple(arguments.leave_out))
        rows += measure(f"simulated, {split}", chunks, network)
    files = sorted(path for kind in ("flac", "wav") for path in arguments.recordings.glob(f"*.{kind}"))
    for name in sorted({path.stem.rstrip("0123456789") for path in files}):
        parts = [path for path in files if path.stem.rstrip("0123456789") == name]
        rows += measure(name, (chunk for path in parts for chunk in recorded(path)), network)
    for row in rows:
        print(f"{row['set']:22} {row['system']:16} {row['speakers']:11} {row['chunks']:4} chunks  "
              + "  ".join(f"{key} {100 * row[key]:5.1f}" for key in row if isinstance(row[key], float)), flush=True)
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        rounded = [{key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()} for row in rows]
        write_json(arguments.output, rounded)
        if arguments.training_run:
            write_json(arguments.output.with_name("training.json"), summarise_run(arguments.training_run))
