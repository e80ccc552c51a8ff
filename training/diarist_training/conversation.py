"""Plan of a simulated conversation: who says which chunk when.

Speakers take turns. Between two turns lies a pause, or the next speaker starts before
the current one has ended; while one speaks for long, another may throw in a short
backchannel. All times are whole frames of 10 ms. Nobody overlaps with himself.

Distributions follow what is measured in conversation: pauses skewed with a median
around a third of a second (Heldner & Edlund, "Pauses, gaps and overlaps in
conversations", Journal of Phonetics 38, 2010), turn lengths skewed with a long tail.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .audio import SAMPLE_RATE
from .voices import FRAME, Chunk, Voice

#: Chance that a change of speaker overlaps: calm, lively and heated talk.
OVERLAP_CHANCES = (0.15, 0.4, 0.7)
_CONTINUE_CHANCE = 0.12  # the same person goes on after a pause
_LONG_PAUSE_CHANCE = 0.05
_BACKCHANNEL_CHANCE = 0.35  # per turn long enough to carry one
_BACKCHANNEL_HOST = 3 * SAMPLE_RATE
_TURN_MEDIAN, _TURN_SPREAD, _TURN_LIMITS = 3.5, 0.8, (0.8, 18.0)
_SELF_GAP = 16 * FRAME


@dataclass(frozen=True)
class Turn:
    """A chunk of a speaker placed at ``start`` (samples, a multiple of FRAME)."""

    speaker: int
    start: int
    chunk: Chunk

    @property
    def end(self) -> int:
        """One past the last sample."""
        return self.start + len(self.chunk)


@dataclass(frozen=True)
class Plan:
    """All turns in order of start, and the length of the whole in samples."""

    turns: tuple[Turn, ...]
    samples: int

    def segments(self) -> list[tuple[int, int, int]]:
        """The exact reference: (start sample, end sample, speaker index), in order of start."""
        return sorted((turn.start + start, turn.start + end, turn.speaker)
                      for turn in self.turns for start, end in turn.chunk.regions)


def plan_conversation(voices: list[Voice], samples: int, overlap_chance: float,
                      rng: np.random.Generator) -> Plan:
    """Fill about ``samples`` with turns of ``voices``; everyone speaks at least once."""
    schedule = _Schedule(voices, samples, rng)
    current, end = None, 0
    while (speaker := schedule.next_speaker(current, end)) is not None:
        seconds = np.clip(rng.lognormal(np.log(_TURN_MEDIAN), _TURN_SPREAD), *_TURN_LIMITS)
        chunk = voices[speaker].take(int(seconds * SAMPLE_RATE))
        shorter = min(len(chunk), len(schedule.turns[-1].chunk)) if schedule.turns else 0
        if current not in (None, speaker) and rng.random() < overlap_chance:
            offset = -_frames(rng.uniform(0.2, max(0.3, min(3.0, shorter / SAMPLE_RATE / 2))))
        else:
            offset = _pause(rng)
        start = max(end + offset, schedule.free_from(speaker))
        if start + len(chunk) > samples:
            break
        schedule.place(Turn(speaker, start, chunk))
        current, end = speaker, max(end, start + len(chunk))
    for turn in list(schedule.turns):
        schedule.add_backchannel(turn, rng)
    turns = tuple(sorted(schedule.turns, key=lambda turn: (turn.start, turn.speaker)))
    return Plan(turns, samples)


def _frames(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE / FRAME) * FRAME


def _pause(rng: np.random.Generator) -> int:
    if rng.random() < _LONG_PAUSE_CHANCE:
        return _frames(rng.uniform(1.5, 4.0))
    return _frames(min(rng.lognormal(np.log(0.35), 0.7), 2.0))


class _Schedule:
    """Turns placed so far, and who may come next."""

    def __init__(self, voices: list[Voice], samples: int, rng: np.random.Generator) -> None:
        self.voices, self.rng = voices, rng
        self.turns: list[Turn] = []
        # Talkativeness differs between people, but no one's weight exceeds his material.
        material = np.array([voice.remaining_samples() for voice in voices], float)
        share = rng.dirichlet(np.full(len(voices), 4.0)) * samples
        self.weight = np.minimum(share, material)
        self.due = rng.uniform(0.05, 0.75, len(voices)) * samples
        self.spoken = np.zeros(len(voices), bool)

    def next_speaker(self, current: int | None, clock: int) -> int | None:
        left = np.array([voice.remaining_samples() for voice in self.voices])
        weight = np.where(left > 0, self.weight, 0.0)
        if current is not None:
            if weight[current] and self.rng.random() < _CONTINUE_CHANCE:
                return current
            others = weight.copy()
            others[current] = 0.0
            weight = others if others.sum() else weight
        if not weight.sum():
            return None
        late = np.flatnonzero(~self.spoken & (self.due < clock) & (weight > 0))
        if len(late):
            return int(late[np.argmin(self.due[late])])
        return int(self.rng.choice(len(weight), p=weight / weight.sum()))

    def place(self, turn: Turn) -> None:
        self.turns.append(turn)
        self.spoken[turn.speaker] = True

    def free_from(self, speaker: int) -> int:
        """From when on ``speaker`` may start without touching his own earlier turns."""
        return max((turn.end + _SELF_GAP for turn in self.turns if turn.speaker == speaker), default=0)

    def add_backchannel(self, host: Turn, rng: np.random.Generator) -> None:
        """Maybe let a listener interject in the middle of ``host``."""
        if len(host.chunk) < _BACKCHANNEL_HOST or rng.random() >= _BACKCHANNEL_CHANCE:
            return
        listener = int(rng.integers(len(self.voices)))
        start = host.start + _frames(rng.uniform(0.2, 0.8) * len(host.chunk) / SAMPLE_RATE)
        own = [turn for turn in self.turns if turn.speaker == listener]
        chunk = None if listener == host.speaker else self.voices[listener].take_backchannel()
        if chunk is None or start + len(chunk) > host.end:
            return
        if all(turn.end + _SELF_GAP <= start or start + len(chunk) + _SELF_GAP <= turn.start for turn in own):
            self.place(Turn(listener, start, chunk))
