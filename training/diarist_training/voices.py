"""Speech material of one person for simulated conversations: regions, tape, reuse.

Speech boundaries come from the signal's energy, on a grid of 10 ms, so a reference
written in milliseconds is exact. Pauses below ``BRIDGE_SECONDS`` belong to speech, as
in common reference annotation; longer ones separate two segments of the same turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .audio import SAMPLE_RATE

FRAME = SAMPLE_RATE // 100
BRIDGE_SECONDS = 0.3
MIN_REGION_SECONDS = 0.3
BACKCHANNEL_SECONDS = (0.25, 1.0)
_FINE_PAUSE_SECONDS = 0.12
_BELOW_SPEECH_DB = 30.0  # quieter than the loud frames by this much is a pause,
_ABOVE_FLOOR_DB = 9.0  # and so is what is within this much of the quietest frames,
_ALWAYS_SPEECH_DB = 12.0  # but never what is within this much of the loud ones
_RESERVED = 8  # one clip in this many is kept for backchannels

Region = tuple[int, int]  # first and one-past-last sample, multiples of FRAME


def speech_regions(wave: np.ndarray, bridge_seconds: float = BRIDGE_SECONDS) -> list[Region]:
    """Where someone speaks in a clip: 10 ms frames whose level is that of speech.

    A frame counts when its level, averaged with its neighbours', is within 30 dB of the
    clip's 95th percentile and 9 dB above its 5th, or within 12 dB of the 95th: recordings
    with a noisy floor need the second bound. Islands below 50 ms are dropped, then pauses
    shorter than ``bridge_seconds`` closed.
    """
    count = len(wave) // FRAME
    if count == 0:
        return []
    power = np.square(wave[: count * FRAME].reshape(count, FRAME).astype(np.float64)).mean(axis=1)
    loud, floor = np.quantile(power, [0.95, 0.05])
    if loud <= 1e-10:
        return []
    threshold = max(loud * 10 ** (-_BELOW_SPEECH_DB / 10), floor * 10 ** (_ABOVE_FLOOR_DB / 10))
    smooth = np.convolve(np.pad(power, 1, mode="edge"), np.ones(3) / 3, mode="valid")
    active = smooth > min(threshold, loud * 10 ** (-_ALWAYS_SPEECH_DB / 10))
    regions = [region for region in _runs(active) if region[1] - region[0] >= 5]
    merged: list[list[int]] = []
    for start, end in regions:
        if merged and (start - merged[-1][1]) * FRAME < bridge_seconds * SAMPLE_RATE:
            merged[-1][1] = end
        else:
            merged.append([start, end])
    return [(start * FRAME, end * FRAME) for start, end in merged]


def _runs(active: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist()))


@dataclass(frozen=True)
class Chunk:
    """A stretch of one clip: samples from the first region's start to the last one's end.

    ``regions`` are relative to the stretch's start; together they are its exact reference.
    """

    wave: np.ndarray
    regions: tuple[Region, ...]

    @property
    def speech_samples(self) -> int:
        """Samples inside regions."""
        return sum(end - start for start, end in self.regions)

    def __len__(self) -> int:
        return len(self.wave)


@dataclass
class Voice:
    """One speaker's material for one conversation; everything is used at most once."""

    speaker: str
    runs: list[list[Chunk]] = field(default_factory=list)  # one-region chunks in order, per stretch
    backchannels: list[Chunk] = field(default_factory=list)

    def remaining_samples(self) -> int:
        """Speech samples not used yet, backchannels left out."""
        return sum(chunk.speech_samples for run in self.runs for chunk in run)

    def take(self, samples: int) -> Chunk | None:
        """The next stretch of a clip, about ``samples`` long, ending with a region's end."""
        while self.runs and not self.runs[0]:
            self.runs.pop(0)
        if not self.runs:
            return None
        run = self.runs[0]
        taken = [run.pop(0)]
        length = len(taken[0])
        while run and length + len(run[0]) / 2 < samples:
            taken.append(run.pop(0))
            length += len(taken[-1])
        return _join(taken)

    def take_backchannel(self) -> Chunk | None:
        """A short interjection, or ``None`` when they are used up."""
        return self.backchannels.pop(0) if self.backchannels else None


def _join(chunks: Sequence[Chunk]) -> Chunk:
    """Put consecutive chunks back together; each but the last carries its trailing pause."""
    regions, offset = [], 0
    for chunk in chunks:
        regions += [(start + offset, end + offset) for start, end in chunk.regions]
        offset += len(chunk)
    wave = np.concatenate([chunk.wave for chunk in chunks])[: regions[-1][1]]
    return Chunk(wave, tuple(regions))


def voice(speaker: str, clips: Sequence[np.ndarray], rng: np.random.Generator) -> Voice:
    """Lay out a speaker's clips in random order; long material also yields backchannels.

    With ``_RESERVED`` clips or more, one in ``_RESERVED`` gives no turns, only short
    stretches between its pauses, so a backchannel never repeats what a turn said.
    """
    order = [clips[index] for index in rng.permutation(len(clips))]
    reserved = len(order) // _RESERVED
    made = Voice(speaker)
    for clip in order[:reserved]:
        low, high = (seconds * SAMPLE_RATE for seconds in BACKCHANNEL_SECONDS)
        made.backchannels += [Chunk(clip[start:end], ((0, end - start),))
                              for start, end in speech_regions(clip, _FINE_PAUSE_SECONDS)
                              if low <= end - start <= high]
    for clip in order[reserved:]:
        made.runs += _stretches(clip)
    made.backchannels = [made.backchannels[i] for i in rng.permutation(len(made.backchannels))]
    return made


def _stretches(clip: np.ndarray) -> list[list[Chunk]]:
    """Runs of consecutive regions as one-region chunks, each with the pause that follows.

    A region too short to stand alone ends a run, so that nothing audible is left unmarked.
    """
    runs: list[list[Chunk]] = [[]]
    regions = speech_regions(clip)
    following = [start for start, _ in regions[1:]] + [len(clip)]
    for (start, end), until in zip(regions, following):
        if end - start < MIN_REGION_SECONDS * SAMPLE_RATE:
            runs.append([])
        else:
            runs[-1].append(Chunk(clip[start:until], ((0, end - start),)))
    return [run for run in runs if run]
