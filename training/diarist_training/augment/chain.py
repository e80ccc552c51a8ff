"""The chain of augmentations a recipe names, each with the chance that a crop gets it."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from ..fbank import SAMPLE_RATE
from ..pack import Pack
from ..rooms import random_impulse_response
from ..sampler import on_device
from .spectrum import SpecAugment
from .waveform import Babble, Codec, Gain, Noise, Reverb, Speed, Telephone

ROOMS = 200  # simulated rooms, unless the recipe says otherwise
ROOM_SECONDS = 0.4  # taps kept after the direct path

# In the order in which they happen to real speech: the voice, the room, the noise, the device.
WAVEFORM = {
    "speed": lambda options, noise, rooms: Speed(**options),
    "reverb": lambda options, noise, rooms: Reverb(rooms),
    "noise": lambda options, noise, rooms: Noise(noise, **options),
    "babble": lambda options, noise, rooms: Babble(**options),
    "telephone": lambda options, noise, rooms: Telephone(**options),
    "codec": lambda options, noise, rooms: Codec(**options),
    "gain": lambda options, noise, rooms: Gain(**options),
}
NAMES = (*WAVEFORM, "specaugment")


@dataclass
class Step:
    """One augmentation and its chance per crop at full strength."""

    apply: object
    chance: float


class Chain:
    """Applies what the recipe names; `strength` 0..1 scales every chance."""

    def __init__(self, recipe: dict[str, dict], pack: Pack, seed: int, device: torch.device) -> None:
        unknown = set(recipe) - set(NAMES)
        if unknown:
            raise ValueError(f"augmentations must be of {', '.join(NAMES)}; given: {', '.join(sorted(unknown))}")
        noise = torch.from_numpy(pack.noise[:].copy()).to(device) if "noise" in recipe else None
        rooms = room_bank(recipe["reverb"].get("rooms", ROOMS), seed).to(device) if "reverb" in recipe else None
        self.waveform = [Step(make(_options(recipe[name]), noise, rooms), recipe[name]["chance"])
                         for name, make in WAVEFORM.items() if name in recipe]
        self.spectrum = [Step(SpecAugment(**_options(recipe["specaugment"])), recipe["specaugment"]["chance"])] \
            if "specaugment" in recipe else []

    def on_waveform(self, samples: Tensor, generator: Generator, strength: float) -> Tensor:
        """(batch, samples) -> the same shape."""
        return _run(self.waveform, samples, generator, strength)

    def on_features(self, features: Tensor, generator: Generator, strength: float) -> Tensor:
        """(batch, frames, bins) -> the same shape."""
        return _run(self.spectrum, features, generator, strength)


def room_bank(count: int, seed: int) -> Tensor:
    """Impulse responses of `count` random rooms, (count, taps), zero-padded to one length."""
    random = np.random.default_rng(seed)
    bank = np.zeros((count, round(ROOM_SECONDS * SAMPLE_RATE)), np.float32)
    for row in bank:
        taps = random_impulse_response(random, sample_rate=SAMPLE_RATE, seconds=ROOM_SECONDS)[: len(row)]
        row[: len(taps)] = taps
    return torch.from_numpy(bank)


def _options(entry: dict) -> dict:
    return {name: value for name, value in entry.items() if name not in ("chance", "rooms")}


def _run(steps: list[Step], batch: Tensor, generator: Generator, strength: float) -> Tensor:
    """Which rows are changed follows from the generator's seed, but is drawn on the CPU: a GPU
    would have to be waited for. Their number is the chance's share of the batch, so that a GPU's
    Fourier transforms meet few sizes."""
    random = np.random.default_rng([generator.initial_seed(), batch.ndim])
    for step in steps:
        count = int(len(batch) * step.chance * strength + random.random())
        rows = random.permutation(len(batch))[:count]
        if count:
            rows = on_device(rows, batch.device)
            batch = batch.index_copy(0, rows, step.apply(batch[rows], generator))
    return batch
