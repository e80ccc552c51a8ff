"""Errors on fixed simulated chunks of speakers that are never trained on."""

import numpy as np
import torch
from torch import Tensor, nn

from .chunks import Generator
from .mixture import Sound
from .powerset import decode
from .scores import Counts, count_chunk

#: Of the chunks, whatever the recipe's, so that runs can be compared.
SEED, SOUND = 20_000, Sound(rooms=40)


class Validation:
    """Holds features, not samples: 6 times smaller, and made once."""

    def __init__(self, generator: Generator, features: nn.Module, count: int, batch: int = 20) -> None:
        parts, classes = [], []
        for first in range(0, count, batch):
            chunks = generator.draw(first, min(batch, count - first))
            with torch.no_grad():
                parts.append(features(chunks.samples))
            classes.append(chunks.classes)
        self.features, self.reference, self.batch = torch.cat(parts), decode(torch.cat(classes).numpy()), batch

    def predicted(self, network: nn.Module) -> Tensor:
        """Most likely classes in evaluation mode, (chunks, frames); the mode is put back afterwards."""
        was_training = network.training
        network.eval()
        device = next(network.parameters()).device
        with torch.inference_mode():
            rows = [network.classify(part.to(device))[0].argmax(dim=2).cpu() for part in self.features.split(self.batch)]
        network.train(was_training)
        return torch.cat(rows)

    def rates(self, network: nn.Module) -> dict[str, float]:
        """See `scores.Counts.rates`."""
        said = decode(self.predicted(network).numpy())
        return sum((count_chunk(*pair) for pair in zip(self.reference, said)), Counts()).rates()


def voiceprints_of(path, speakers: list[str]) -> np.ndarray:
    """Rows of `voiceprints.npz` in the order of `speakers`."""
    stored = np.load(path)
    row = {str(name): index for index, name in enumerate(stored["speaker"])}
    if missing := [name for name in speakers if name not in row]:
        raise ValueError(f"{path} lacks {len(missing)} speakers, such as {missing[0]}: was the pack made anew?")
    return stored["vector"][[row[name] for name in speakers]]
