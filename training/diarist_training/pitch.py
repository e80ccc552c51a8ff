"""Command ``pitch``: median fundamental frequency per speaker, to tell likely children.

Autocorrelation of Hann-windowed frames of 40 ms, divided by the window's own
autocorrelation (Boersma, "Accurate short-term analysis of the fundamental frequency",
IFA Proceedings 17, 1993); the loudest two fifths of the frames of a speaker's first
clips, those periodic enough, give the median.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from pathlib import Path

import numpy as np

from .audio import SAMPLE_RATE, read_mono
from .manifest import read_manifest, shared_data

FRAME, HOP, FFT = 640, 320, 2048
LOWEST_HZ, HIGHEST_HZ = 70.0, 450.0
_PERIODIC = 0.6  # correlation at the best lag that counts as voiced
_FIRST_PEAK = 0.9  # a shorter lag this close to the best one wins: no octave too low
_CLIPS = 8


def frame_pitches(wave: np.ndarray) -> np.ndarray:
    """Fundamental frequencies in Hz of the loud, voiced frames of ``wave``."""
    if len(wave) < FRAME:
        return np.empty(0)
    frames = np.lib.stride_tricks.sliding_window_view(wave.astype(np.float64), FRAME)[::HOP]
    energy = np.square(frames).mean(axis=1)
    frames = frames[energy > np.percentile(energy, 60)]
    window = np.hanning(FRAME)
    spectrum = np.abs(np.fft.rfft((frames - frames.mean(axis=1, keepdims=True)) * window, FFT)) ** 2
    own = np.fft.irfft(np.abs(np.fft.rfft(window, FFT)) ** 2)[:FRAME]
    correlation = np.fft.irfft(spectrum)[:, :FRAME]
    correlation = correlation / np.maximum(correlation[:, :1], 1e-12) / (own / own[0] + 1e-9)
    first = int(SAMPLE_RATE / HIGHEST_HZ)
    lags = correlation[:, first : int(SAMPLE_RATE / LOWEST_HZ)]
    best = lags.max(axis=1)
    pitches = []
    for row, top in zip(lags[best >= _PERIODIC], best[best >= _PERIODIC]):
        lag = int(np.argmax(row > _FIRST_PEAK * top))
        while lag + 1 < len(row) and row[lag + 1] > row[lag]:
            lag += 1
        pitches.append(SAMPLE_RATE / (first + lag))
    return np.array(pitches)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("--manifest", type=Path, default=shared_data() / "manifest.tsv")
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--first", type=int, default=0, help="lowest number at the end of a speaker's id")
    parser.add_argument("--last", type=int, default=10**9, help="highest such number")
    parser.add_argument("--at-least", type=float, default=0.0, metavar="HZ")


def run(args: argparse.Namespace) -> None:
    """Print ``speaker <tab> median pitch in Hz``, by id."""
    clips: dict[str, list[Path]] = defaultdict(list)
    for item in read_manifest(args.manifest):
        number = re.search(r"(\d+)$", item.speaker)
        if item.corpus == args.corpus and number and args.first <= int(number[1]) <= args.last:
            clips[item.speaker].append(args.manifest.parent / item.path)
    for speaker, paths in sorted(clips.items()):
        pitches = np.concatenate([frame_pitches(read_mono(path)) for path in paths[:_CLIPS]])
        if len(pitches) and np.median(pitches) >= args.at_least:
            print(f"{speaker}\t{np.median(pitches):.0f}")
