"""Who says what when in one simulated chunk: turns, pauses, overlaps, backchannels.

A talk of two or three people begins some seconds before the chunk and is cut by its borders. Each
chunk has a style of its own, from slow talk with long silences to heated talk with turns no longer
than a laugh, so that every share of overlap from none to about 40 percent occurs. Lognormal turns and
pauses follow what is measured in conversation (Heldner & Edlund, Journal of Phonetics 38, 2010).

All times are whole cells of 10 ms from the chunk's start, and nobody overlaps with himself.
"""

from dataclasses import dataclass, field

import numpy as np

from ..audio import SAMPLE_RATE
from ..voices import BRIDGE_SECONDS, FRAME
from .frontend import FRAME_SHIFT
from .material import Clip, Material, Tape
from .powerset import AT_ONCE, SPEAKERS, encode

CHUNK_SECONDS = 10.0
CHUNK = round(CHUNK_SECONDS * SAMPLE_RATE)
CELLS = CHUNK // FRAME
FRAMES = CHUNK // FRAME_SHIFT
PEOPLE_SHARES = (0.03, 0.2, 0.44, 0.33)  # chunks with nobody, one person, two and three in the talk
SAME_CORPUS = 0.7  # chance that all come from one corpus: else recordings, not voices, tell them apart
_BEFORE_SECONDS = 6.0
_SELF_GAP = 10  # cells
_TURN_LIMITS = (0.15, 12.0)
_CONTINUE_CHANCE = 0.15  # the same person goes on after a pause
_TAPER = FRAME  # a cut inside speech fades over this much


@dataclass(frozen=True)
class Piece:
    """A stretch of a clip, `first` to `last` in samples, that `speaker` says from cell `start` on."""

    speaker: int
    start: int
    clip: Clip
    first: int
    last: int
    regions: np.ndarray  # (regions, 2) in samples of the clip


@dataclass
class Scene:
    """The people in order of their index, their pieces, and `active` (3, CELLS): who speaks when."""

    people: list[str]
    pieces: list[Piece] = field(default_factory=list)
    active: np.ndarray = field(default_factory=lambda: np.zeros((SPEAKERS, CELLS), bool))

    def classes(self) -> np.ndarray:
        """Powerset class per 20 ms frame, (FRAMES,); a frame counts as spoken in from half of it on."""
        cells = self.active.reshape(SPEAKERS, FRAMES, -1).sum(axis=2)
        spoken = cells > 0
        # One who stops in the first half of a frame and one who begins in the second never met, but make
        # three of two: whoever has least of the frame goes.
        crowded = spoken.sum(axis=0) > AT_ONCE
        spoken[cells.argmin(axis=0)[crowded], crowded] = False
        return encode(spoken.T)


@dataclass(frozen=True)
class Style:
    """How a talk runs; times are medians in seconds."""

    turn: float
    pause: float
    overlap: float  # chance that a change of speaker overlaps
    long_pause: float  # chance of a pause of seconds
    backchannel: float  # chance per turn of two seconds or more

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Style":
        return cls(turn=rng.choice([0.7, 1.5, 3.0, 5.0], p=[0.2, 0.3, 0.3, 0.2]),
                   pause=rng.choice([0.1, 0.35, 1.0], p=[0.3, 0.5, 0.2]),
                   overlap=rng.choice([0.0, 0.15, 0.4, 0.7, 0.95], p=[0.15, 0.25, 0.25, 0.2, 0.15]),
                   long_pause=rng.choice([0.0, 0.05, 0.3], p=[0.3, 0.5, 0.2]),
                   backchannel=rng.choice([0.0, 0.3, 0.7], p=[0.4, 0.3, 0.3]))


def draw_people(material: Material, rng: np.random.Generator) -> list[str]:
    """Different speakers of one chunk; corpora count by the root of their number of speakers."""
    count = int(rng.choice(len(PEOPLE_SHARES), p=PEOPLE_SHARES))
    names = list(material.corpora)
    weight = np.sqrt([len(material.corpora[name]) for name in names])
    weight = weight / weight.sum()
    alike = rng.random() < SAME_CORPUS
    corpus = names[rng.choice(len(names), p=weight)]
    people: list[str] = []
    for _ in range(20 * count):
        if len(people) == count:
            break
        pool = material.corpora[corpus if alike else names[rng.choice(len(names), p=weight)]]
        person = pool[rng.integers(len(pool))]
        if person not in people:
            people.append(person)
    return people


def draw_scene(material: Material, rng: np.random.Generator) -> Scene:
    """One chunk's talk."""
    scene = Scene(draw_people(material, rng))
    if scene.people:
        _Talk(scene, material, Style.draw(rng), rng).run()
    return scene


class _Talk:
    """Places pieces on a grid that begins before the chunk."""

    def __init__(self, scene: Scene, material: Material, style: Style, rng: np.random.Generator) -> None:
        self.scene, self.style, self.rng = scene, style, rng
        self.tapes = [Tape(material.clips[name], rng) for name in scene.people]
        self.lead = _cells(_BEFORE_SECONDS)
        self.grid = np.zeros((SPEAKERS, self.lead + CELLS + _cells(2 * _TURN_LIMITS[1])), bool)

    def run(self) -> None:
        rng, style, count = self.rng, self.style, len(self.tapes)
        current = int(rng.integers(count))
        end = self.lead - _cells(rng.uniform(0.0, _BEFORE_SECONDS))
        length = 0
        # A single voice does not fill every chunk.
        while end < self.lead + CELLS:
            seconds = float(np.clip(rng.lognormal(np.log(style.turn), 0.8), *_TURN_LIMITS))
            change = length and count > 1 and rng.random() >= _CONTINUE_CHANCE
            speaker = (current + int(rng.integers(1, count))) % count if change else current
            if change and rng.random() < style.overlap:
                start = end - _cells(rng.uniform(0.1, max(0.15, min(3.0, 0.7 * length / 100, 0.9 * seconds))))
            else:
                start = end + self._pause()
            placed = self._place(speaker, start, seconds)
            if not placed:
                end += _cells(0.2)
                continue
            begin, finish = placed
            if count > 1 and finish - begin > 200 and rng.random() < style.backchannel:
                listener = (speaker + int(rng.integers(1, count))) % count
                self._place(listener, int(rng.integers(begin + 30, finish - 60)), rng.uniform(0.15, 0.9))
            current, length, end = speaker, finish - begin, max(end, finish)
        self.scene.active[:] = self.grid[:, self.lead: self.lead + CELLS]

    def _pause(self) -> int:
        if self.rng.random() < self.style.long_pause:
            return _cells(self.rng.uniform(1.0, 5.0))
        return _cells(min(self.rng.lognormal(np.log(self.style.pause), 0.8), 3.0))

    def _place(self, speaker: int, start: int, seconds: float) -> tuple[int, int] | None:
        """Puts a piece at cell `start` of the grid, if nobody overlaps with himself and no three speak."""
        clip, regions = self.tapes[speaker].take(int(seconds * SAMPLE_RATE))
        first, last = int(regions[0, 0]), int(regions[-1, 1])
        limit = first + max(int(1.4 * seconds * SAMPLE_RATE), int(_TURN_LIMITS[0] * SAMPLE_RATE)) // FRAME * FRAME
        if last > limit:  # speech without a pause: cut inside
            last, regions = limit, np.minimum(regions, limit)
        begin, finish = start, start + (last - first) // FRAME
        if begin < 0 or finish + _SELF_GAP > self.grid.shape[1]:
            return None
        if self.grid[speaker, max(0, begin - _SELF_GAP): finish + _SELF_GAP].any():
            return None
        own = np.zeros(finish - begin, bool)
        previous = 0
        for low, high in (regions - first) // FRAME:
            own[previous if low - previous <= BRIDGE_SECONDS * 100 else low: high] = True
            previous = high
        if (self.grid[:, begin:finish].sum(axis=0) + own > AT_ONCE).any():
            return None
        self.grid[speaker, begin:finish] |= own
        if finish > self.lead and begin < self.lead + CELLS:
            self.scene.pieces.append(Piece(speaker, begin - self.lead, clip, first, last, regions))
        return begin, finish


def _cells(seconds: float) -> int:
    return round(seconds * 100)
