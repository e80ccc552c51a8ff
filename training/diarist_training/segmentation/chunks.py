"""Chunks as the network learns from them: a pure function of a seed and a number."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..pack import Pack
from .material import Material
from .mixture import Banks, Sound, mix
from .powerset import SPEAKERS
from .scene import CHUNK, FRAMES, draw_scene


@dataclass(frozen=True)
class Chunks:
    """`samples` (chunks, 1, CHUNK), `classes` (chunks, FRAMES), and `people` (chunks, 3): who A, B and C
    are, as indices into the generator's speakers, -1 for nobody."""

    samples: Tensor
    classes: Tensor
    people: Tensor


class Generator:
    """Draws chunks from one split's speakers."""

    def __init__(self, pack: Pack, split: str, sound: Sound, seed: int, left_out: tuple[str, ...] = ()) -> None:
        self.material = Material(pack, split, left_out)
        self.sound, self.seed = sound, seed
        self.banks = Banks(pack, sound, seed)
        self.speakers = self.material.speakers
        self.number = {name: index for index, name in enumerate(self.speakers)}

    def draw(self, first: int, count: int) -> Chunks:
        """Chunks number `first` to `first + count`."""
        samples = np.zeros((count, 1, CHUNK), np.float32)
        classes = np.zeros((count, FRAMES), np.int64)
        people = np.full((count, SPEAKERS), -1, np.int64)
        for row in range(count):
            rng = np.random.default_rng([self.seed, first + row])
            scene = draw_scene(self.material, rng)
            samples[row, 0] = mix(scene, self.material, self.banks, self.sound, rng)
            classes[row] = scene.classes()
            people[row, : len(scene.people)] = [self.number[name] for name in scene.people]
        return Chunks(torch.from_numpy(samples), torch.from_numpy(classes), torch.from_numpy(people))
