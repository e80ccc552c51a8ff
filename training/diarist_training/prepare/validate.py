"""Which files can be trained on: decoded whole, in parallel, with a reason for every refusal."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from ..manifest import Utterance

MIN_RATE = 8_000
_BLOCK_SECONDS = 30
_SILENT_PEAK = 1e-4
_AAC = {".m4a", ".aac", ".mp4"}  # what libsndfile cannot decode and VoxCeleb2 comes in


@dataclass(frozen=True)
class Limits:
    """Lengths in seconds that are kept."""

    shortest: float = 0.5
    longest: float = 600.0


@dataclass(frozen=True)
class Verdict:
    """An utterance with its measured length, or the reason why it is dropped."""

    utterance: Utterance
    reason: str = ""


def validate(root: Path, utterances: Sequence[Utterance], limits: Limits, *, workers: int,
             convert: Path | None = None) -> Iterator[Verdict]:
    """Judge every utterance, in order. With ``convert``, AAC files become FLAC below that folder."""
    judge = partial(judge_file, root, limits=limits, convert=convert)
    with ProcessPoolExecutor(workers) as pool:
        yield from tqdm(pool.map(judge, utterances, chunksize=16), total=len(utterances),
                        desc="validate", unit="file", disable=None)


def judge_file(root: Path, utterance: Utterance, *, limits: Limits, convert: Path | None) -> Verdict:
    """Decode one file from start to end and measure it."""
    path = root / utterance.path
    if not path.is_file():
        return Verdict(utterance, "missing")
    if path.suffix.lower() in _AAC:
        if convert is None:
            return Verdict(utterance, "AAC: give --convert FOLDER to turn it into FLAC with ffmpeg")
        converted = convert / Path(utterance.path).with_suffix(".flac")
        problem = to_flac(path, converted)
        if problem:
            return Verdict(utterance, problem)
        path = converted
        utterance = replace(utterance, path=os.path.relpath(converted, root))
    try:
        seconds, peak, rate = measure(path)
    except (soundfile.SoundFileError, RuntimeError) as error:
        return Verdict(utterance, f"unreadable: {str(error).rsplit(':', 1)[-1].strip()}")
    utterance = replace(utterance, seconds=seconds)
    if rate < MIN_RATE:
        return Verdict(utterance, f"sample rate below {MIN_RATE} Hz")
    if not np.isfinite(peak):
        return Verdict(utterance, "samples that are not finite")
    if peak < _SILENT_PEAK:
        return Verdict(utterance, "silent")
    if seconds < limits.shortest:
        return Verdict(utterance, f"shorter than {limits.shortest:g} s")
    if seconds > limits.longest:
        return Verdict(utterance, f"longer than {limits.longest:g} s")
    return Verdict(utterance)


def measure(path: Path) -> tuple[float, float, int]:
    """Length in seconds as decoded, peak (NaN if any sample is), sample rate; memory stays bounded."""
    with soundfile.SoundFile(path) as handle:
        rate, frames, peak = handle.samplerate, 0, 0.0
        while len(block := handle.read(_BLOCK_SECONDS * rate, dtype="float32")):
            frames += len(block)
            peak = max(peak, float(np.abs(block).max())) if np.isfinite(block).all() else float("nan")
            if np.isnan(peak):
                break
        return frames / rate, peak, rate


def to_flac(source: Path, target: Path) -> str:
    """Convert with ffmpeg to 16 kHz mono FLAC unless done before; returns the problem, if any."""
    if target.exists():
        return ""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(source), "-ac", "1", "-ar", "16000",
               "-sample_fmt", "s16", "-f", "flac", str(part)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        return "AAC: ffmpeg is not installed"
    if done.returncode != 0:
        part.unlink(missing_ok=True)
        return "unreadable: ffmpeg could not decode it"
    os.replace(part, target)
    return ""
