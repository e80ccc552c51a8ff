"""Which crops make up a batch: balanced over speakers, and a pure function of seed and step.

Since nothing but `(seed, step)` decides, resuming a run needs no sampler state. All of it is
drawn on the CPU, so that nobody waits for a GPU to say how large something is.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .pack import Pack


@dataclass(frozen=True)
class Batch:
    """Per crop: class id of the `speaker`, index of the `clip` in the pack, first sample in the
    clip, and the `speed` at which it is played, as a factor."""

    speaker: np.ndarray
    clip: np.ndarray
    start: np.ndarray
    speed: np.ndarray

    def rows(self, index: np.ndarray) -> "Batch":
        """Some of the crops."""
        return Batch(self.speaker[index], self.clip[index], self.start[index], self.speed[index])


class BalancedSampler:
    """Draws speakers without replacement, then crops of each.

    A speaker's weight is min(seconds of speech, cap) to the power `balance`: 0 treats all
    speakers alike, 1 follows the amount of speech. A clip's chance is its share of the
    speaker's speech.

    Played faster or slower, a voice has another pitch and other resonances, which makes another
    speaker of it (Yamamoto et al. 2019). Class `k * len(names) + i` is speaker i at `speeds[k]`.
    """

    def __init__(self, pack: Pack, split: str, seed: int, speakers_per_batch: int, crops_per_speaker: int,
                 cap_seconds: float, balance: float, sample_rate: int,
                 held_out: frozenset[str] = frozenset(), speeds: tuple[float, ...] = (1.0,)) -> None:
        clips = pack.clips_of(split)
        clips = clips[~np.isin(pack.speaker[clips], list(held_out))]
        self.pack, self.seed = pack, seed
        self.names, owner = np.unique(pack.speaker[clips], return_inverse=True)
        self.classes = len(self.names) * len(speeds)
        if speakers_per_batch > self.classes:
            raise ValueError(f"speakers_per_batch must be at most the {self.classes} speakers of split "
                             f"{split}; given: {speakers_per_batch}")
        if not speeds or speeds[0] != 1.0 or min(speeds) < 0.5 or max(speeds) > 2.0:
            raise ValueError(f"speeds must begin with 1 and lie from 0.5 to 2; given: {list(speeds)}")
        self.speeds = np.array(speeds)
        self.clips = [clips[owner == speaker] for speaker in range(len(self.names))]
        seconds = np.array([pack.length[own].sum() for own in self.clips]) / sample_rate
        weight = np.tile(np.minimum(seconds, cap_seconds) ** balance, len(speeds))
        self.weight = weight / weight.sum()
        self.speakers_per_batch, self.crops_per_speaker = speakers_per_batch, crops_per_speaker

    def batch(self, step: int, length: int) -> Batch:
        """The batch of one step, crops of `length` samples."""
        random = np.random.default_rng([self.seed, step])
        classes = random.choice(self.classes, self.speakers_per_batch, replace=False, p=self.weight)
        speaker = np.repeat(classes, self.crops_per_speaker)
        clip = np.concatenate([self._draw_clips(self.clips[c % len(self.names)], random) for c in classes])
        speed = self.speeds[speaker // len(self.names)]
        # A clip shorter than the crop may start anywhere, since it is repeated.
        room = self.pack.length[clip] - np.ceil(length * speed).astype(np.int64)
        room = np.where(room >= 0, room, self.pack.length[clip] - 1)
        return Batch(speaker, clip, random.integers(0, room + 1), speed)

    def _draw_clips(self, own: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Clips of one speaker, different ones where there are enough.

        The clips with the smallest exponential draws over their weights are a weighted sample
        without replacement (Efraimidis and Spirakis 2006).
        """
        if len(own) == 1:
            return np.repeat(own, self.crops_per_speaker)
        if len(own) < self.crops_per_speaker:
            share = self.pack.length[own] / self.pack.length[own].sum()
            return random.choice(own, self.crops_per_speaker, p=share)
        order = np.argsort(random.standard_exponential(len(own)) / self.pack.length[own])
        return own[order[: self.crops_per_speaker]]


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
        clip, start = (on_device(values, self.device)[:, None] for values in (batch.clip, batch.start))
        time = torch.arange(length, device=self.device)
        if (batch.speed == 1.0).all():
            return self._samples(clip, start + time)
        moved = time * on_device(batch.speed, self.device)[:, None]
        left = moved.floor()
        part = (moved - left).float()
        position = start + left.long()
        return self._samples(clip, position) * (1.0 - part) + self._samples(clip, position + 1) * part

    def _samples(self, clip: Tensor, position: Tensor) -> Tensor:
        """Samples of `clip` (batch, 1) at `position` (batch, length), which starts over at the clip's end."""
        return self.speech[self.offset[clip] + position % self.length[clip]].float() / 32768.0


def on_device(values: np.ndarray, device: torch.device) -> Tensor:
    """A copy on `device`, for which the CPU does not wait."""
    tensor = torch.from_numpy(values)
    return tensor if device.type == "cpu" else tensor.pin_memory().to(device, non_blocking=True)
