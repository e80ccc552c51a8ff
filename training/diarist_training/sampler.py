"""Which crops make up a batch: balanced over speakers, and a pure function of seed and step.

Since nothing but `(seed, step)` decides, resuming a run needs no sampler state.
"""

from dataclasses import dataclass

import numpy as np

from .pack import Pack


@dataclass(frozen=True)
class Batch:
    """`samples` int16 (batch, length); `speaker` class ids; `clip` indices into the pack."""

    samples: np.ndarray
    speaker: np.ndarray
    clip: np.ndarray


class BalancedSampler:
    """Draws speakers without replacement, then crops of each.

    A speaker's weight is min(seconds of speech, cap) to the power `balance`: 0 treats all
    speakers alike, 1 follows the amount of speech. A clip's chance is its share of the
    speaker's speech. Clips shorter than the crop are repeated until they fill it.
    """

    def __init__(self, pack: Pack, split: str, seed: int, speakers_per_batch: int, crops_per_speaker: int,
                 cap_seconds: float, balance: float, sample_rate: int,
                 held_out: frozenset[str] = frozenset()) -> None:
        clips = pack.clips_of(split)
        clips = clips[~np.isin(pack.speaker[clips], list(held_out))]
        self.pack, self.seed = pack, seed
        self.names, owner = np.unique(pack.speaker[clips], return_inverse=True)
        if speakers_per_batch > len(self.names):
            raise ValueError(f"speakers_per_batch must be at most the {len(self.names)} speakers of split {split}; "
                             f"given: {speakers_per_batch}")
        self.clips = [clips[owner == speaker] for speaker in range(len(self.names))]
        self.shares = [pack.length[own] / pack.length[own].sum() for own in self.clips]
        seconds = np.array([pack.length[own].sum() for own in self.clips]) / sample_rate
        weight = np.minimum(seconds, cap_seconds) ** balance
        self.weight = weight / weight.sum()
        self.speakers_per_batch, self.crops_per_speaker = speakers_per_batch, crops_per_speaker

    def batch(self, step: int, length: int) -> Batch:
        """The batch of one step, crops of `length` samples."""
        random = np.random.default_rng([self.seed, step])
        speakers = random.choice(len(self.names), self.speakers_per_batch, replace=False, p=self.weight)
        speaker = np.repeat(speakers, self.crops_per_speaker)
        clip = np.concatenate([random.choice(self.clips[s], self.crops_per_speaker, p=self.shares[s],
                                             replace=len(self.clips[s]) < self.crops_per_speaker) for s in speakers])
        samples = np.stack([crop(self.pack.samples(c), length, random) for c in clip])
        return Batch(samples, speaker, clip)


def crop(samples: np.ndarray, length: int, random: np.random.Generator) -> np.ndarray:
    """A random stretch of `length` samples; what is shorter is repeated."""
    if len(samples) < length:
        samples = np.tile(samples, -(-length // len(samples)))
    start = random.integers(0, len(samples) - length + 1)
    return samples[start: start + length]
