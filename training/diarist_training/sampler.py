"""Which crops make up a batch: balanced over speakers, and a pure function of seed and step.

Since nothing but `(seed, step)` decides, resuming a run needs no sampler state.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .pack import Pack


@dataclass(frozen=True)
class Batch:
    """Per crop: class id of the `speaker`, index of the `clip` in the pack, first sample in the clip."""

    speaker: np.ndarray
    clip: np.ndarray
    start: np.ndarray


class BalancedSampler:
    """Draws speakers without replacement, then crops of each.

    A speaker's weight is min(seconds of speech, cap) to the power `balance`: 0 treats all
    speakers alike, 1 follows the amount of speech. A clip's chance is its share of the
    speaker's speech.
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
        # A clip shorter than the crop may start anywhere, since it is repeated.
        room = self.pack.length[clip] - length
        room = np.where(room >= 0, room, self.pack.length[clip] - 1)
        return Batch(speaker, clip, random.integers(0, room + 1))


class Cropper:
    """Cuts crops out of a pack's speech, on the device where the speech lies.

    `speech` is the memory map itself on a CPU, or a copy of it in a GPU's memory.
    """

    def __init__(self, pack: Pack, device: torch.device) -> None:
        speech = torch.from_numpy(pack.speech) if device.type == "cpu" else torch.from_numpy(pack.speech[:]).to(device)
        self.speech, self.device = speech, device
        self.offset, self.length = (torch.from_numpy(values).to(device) for values in (pack.offset, pack.length))

    def __call__(self, batch: Batch, length: int) -> Tensor:
        """(batch, length) float32 in [-1, 1]; clips that are too short are repeated."""
        clip, start = (torch.from_numpy(values).to(self.device) for values in (batch.clip, batch.start))
        position = (start[:, None] + torch.arange(length, device=self.device)) % self.length[clip, None]
        return self.speech[self.offset[clip, None] + position].float() / 32768.0
