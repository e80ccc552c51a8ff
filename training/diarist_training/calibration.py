"""Real speech for calibrating int8 ranges: one crop from each of many training speakers."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

import numpy as np
import torch

from .audio import SAMPLE_RATE, read_mono, trim_silence
from .fbank import Fbank
from .manifest import ManifestError, read_manifest

#: What the service feeds the network.
WINDOW_SECONDS = 1.5


def calibration_features(manifest: Path, count: int, seed: int, held_out: Container[str] = ()) -> np.ndarray:
    """Features of `count` windows of the `train` split but for ``held_out`` speakers, ``[count, 150, 80]``.

    Speakers are drawn without replacement, so that no voice, language or microphone sets
    the ranges alone; the same seed draws the same windows.
    """
    generator = np.random.default_rng(seed)
    by_speaker: dict[str, list[str]] = {}
    for item in read_manifest(manifest, {"train"}):
        if item.speaker in held_out:
            continue
        by_speaker.setdefault(item.speaker, []).append(item.path)
    speakers = sorted(by_speaker)
    length, fbank, rows = round(WINDOW_SECONDS * SAMPLE_RATE), Fbank(), []
    for index in generator.permutation(len(speakers)):
        paths = by_speaker[speakers[index]]
        samples = trim_silence(read_mono(manifest.parent / paths[generator.integers(len(paths))]))
        if len(samples) < length:
            continue
        start = generator.integers(len(samples) - length + 1)
        rows.append(fbank(torch.from_numpy(samples[start : start + length].copy())[None]).numpy()[0])
        if len(rows) == count:
            return np.stack(rows)
    raise ManifestError(f"{manifest}: {count} training speakers with {WINDOW_SECONDS} s are needed, {len(rows)} have it")
