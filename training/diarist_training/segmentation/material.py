"""Speech that simulated chunks are cut from: clips whose speech has clear borders, by speaker.

Borders are those of `voices.speech_regions`, on a grid of 10 ms. A clip is used only where its
speech is much louder than what lies between: elsewhere the borders would be guesses, and the network
would learn them.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from ..audio import SAMPLE_RATE
from ..pack import Pack
from ..voices import speech_regions

#: Pauses longer than this part two regions. Labels close the gap again up to `voices.BRIDGE_SECONDS`.
PAUSE_SECONDS = 0.12
CLEAR_DB = 18.0  # mean power of speech over that of the pauses
SHORTEST_SECONDS = 0.1


@dataclass(frozen=True)
class Clip:
    """A clip of the pack and its regions, int64 (regions, 2): first and one-past-last sample."""

    index: int
    regions: np.ndarray


class Material:
    """Clips by speaker, speakers by corpus, and where they lie in the pack."""

    def __init__(self, pack: Pack, split: str, left_out: tuple[str, ...] = ()) -> None:
        self.pack = pack
        self.clips: dict[str, list[Clip]] = defaultdict(list)
        self.corpora: dict[str, list[str]] = {}
        seen = defaultdict(set)
        for index in pack.clips_of(split):
            corpus = str(pack.corpus[index])
            regions = None if corpus in left_out else clear_regions(self.samples(index))
            if regions is not None:
                self.clips[str(pack.speaker[index])].append(Clip(int(index), regions))
                seen[corpus].add(str(pack.speaker[index]))
        self.corpora = {name: sorted(speakers) for name, speakers in sorted(seen.items())}
        if not self.clips:
            raise ValueError(f"no clip of split {split} has speech with clear borders")

    @property
    def speakers(self) -> list[str]:
        """All speakers, sorted."""
        return sorted(self.clips)

    def samples(self, index: int) -> np.ndarray:
        """A clip as float32 in [-1, 1]."""
        return self.pack.samples(index).astype(np.float32) / 32768.0


def clear_regions(wave: np.ndarray) -> np.ndarray | None:
    """Speech regions of a clip, (regions, 2), or None where they are not clear."""
    regions = np.array(speech_regions(wave, PAUSE_SECONDS), np.int64).reshape(-1, 2)
    regions = regions[regions[:, 1] - regions[:, 0] >= SHORTEST_SECONDS * SAMPLE_RATE]
    if not len(regions):
        return None
    inside = np.zeros(len(wave), bool)
    for start, end in regions:
        inside[start:end] = True
    square = np.square(wave)
    if inside.all():
        return regions
    pause = float(square[~inside].mean())
    clear = float(square[inside].mean()) >= pause * 10 ** (CLEAR_DB / 10)
    return regions if clear else None


class Tape:
    """One speaker's clips in random order, played on and on; a turn ends where a region ends.

    The material of most speakers is shorter than a chunk, so it starts over when it is used up.
    """

    def __init__(self, clips: list[Clip], rng: np.random.Generator) -> None:
        self.order = [clips[i] for i in rng.permutation(len(clips))]
        self.clip, self.region = 0, int(rng.integers(len(self.order[0].regions)))

    def take(self, samples: int) -> tuple[Clip, np.ndarray]:
        """The next regions of one clip, at least one, about `samples` long: (regions, 2)."""
        clip = self.order[self.clip % len(self.order)]
        first = last = self.region
        while last + 1 < len(clip.regions) and clip.regions[last + 1][1] - clip.regions[first][0] <= samples:
            last += 1
        self.region = last + 1
        if self.region >= len(clip.regions):
            self.clip, self.region = self.clip + 1, 0
        return clip, clip.regions[first: last + 1]
