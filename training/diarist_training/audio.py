"""Decoding to mono 16 kHz and trimming of silence at both ends."""

from math import gcd
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

SAMPLE_RATE = 16_000


def read_mono(path: Path) -> np.ndarray:
    """Decodes any file that libsndfile knows to float32 samples in [-1, 1] at 16 kHz, mono."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    samples = samples.mean(axis=1)
    if rate != SAMPLE_RATE:
        divisor = gcd(rate, SAMPLE_RATE)
        samples = resample_poly(samples, SAMPLE_RATE // divisor, rate // divisor).astype(np.float32)
    return samples


def trim_silence(samples: np.ndarray, below_peak_db: float = 35.0, keep_ms: int = 100) -> np.ndarray:
    """Cuts what is quieter than `below_peak_db` under the loudest frame off both ends.

    Frames are 20 ms; `keep_ms` of the quiet part stays on each side. A clip without any
    energy is returned empty.
    """
    frame = SAMPLE_RATE // 50
    count = len(samples) // frame
    if count == 0:
        return samples
    power = np.square(samples[: count * frame].reshape(count, frame)).mean(axis=1)
    if power.max() <= 1e-10:
        return samples[:0]
    loud = np.flatnonzero(power > power.max() * 10 ** (-below_peak_db / 10))
    keep = SAMPLE_RATE * keep_ms // 1000
    return samples[max(0, loud[0] * frame - keep): (loud[-1] + 1) * frame + keep]


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Rounds [-1, 1] to 16-bit PCM, clipping what lies outside."""
    return np.clip(np.rint(samples * 32767.0), -32768, 32767).astype(np.int16)
