"""Command ``teacher``: one Resemblyzer embedding per utterance of a manifest."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import soundfile
import torch
from tqdm import tqdm

from .manifest import Utterance, read_manifest, shared_data
from .resemblyzer_encoder import ResemblyzerEncoder, partial_mels, prepare

SAMPLE_RATE = 16_000


class _Windows(torch.utils.data.Dataset):
    """Decodes on demand: item i is utterance i as partial mel windows."""

    def __init__(self, root: Path, utterances: list[Utterance], trim: bool) -> None:
        self.root, self.utterances, self.trim = root, utterances, trim

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> torch.Tensor:
        path = self.root / self.utterances[index].path
        wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
        if rate != SAMPLE_RATE:
            raise ValueError(f"{path}: sample rate must be {SAMPLE_RATE} Hz, is {rate} Hz")
        return partial_mels(prepare(wave.mean(axis=1), self.trim))


def embed_manifest(root: Path, utterances: list[Utterance], *, workers: int,
                   trim: bool = False, bf16: bool = False, device: str = "cpu") -> np.ndarray:
    """Embed whole utterances with Resemblyzer; returns float32 ``[n, 256]`` in order."""
    loader = torch.utils.data.DataLoader(
        _Windows(root, utterances, trim), batch_size=None, num_workers=workers,
        prefetch_factor=64 if workers else None)
    encoder = ResemblyzerEncoder(bf16=bf16, device=device)
    rows = []
    with tqdm(total=len(utterances), unit="clip", desc="resemblyzer", disable=None) as bar:
        for block in encoder.embed_parts(loader):
            rows.append(block)
            bar.update(len(block))
    return np.concatenate(rows).astype(np.float32)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("--manifest", type=Path, default=shared_data() / "manifest.tsv")
    parser.add_argument("--split", action="append", help="repeatable; default: train and verify")
    parser.add_argument("--output", type=Path, default=Path("training/pack/teacher_resemblyzer.npz"))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--trim", action="store_true", help="cut long pauses first")
    parser.add_argument("--bf16", action="store_true", help="LSTM in bf16 on devices that have it: three times faster on a CPU")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")


def run(args: argparse.Namespace) -> None:
    """Write ``path`` (str) and ``embedding`` (float32 [n, 256]) in manifest order."""
    utterances = read_manifest(args.manifest, set(args.split or ("train", "verify")))
    embedding = embed_manifest(args.manifest.parent, utterances, workers=args.workers,
                               trim=args.trim, bf16=args.bf16, device=args.device)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    part = args.output.with_name(args.output.name + ".part")
    with open(part, "wb") as handle:
        np.savez(handle, path=np.array([item.path for item in utterances]), embedding=embedding)
    os.replace(part, args.output)
    print(f"{args.output}: {len(utterances)} utterances, {embedding.shape[1]} values each")
