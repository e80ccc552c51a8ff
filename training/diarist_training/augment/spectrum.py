"""SpecAugment (Park et al. 2019) on mean-normalised log-mel features (batch, frames, bins)."""

import torch
from torch import Generator, Tensor


class SpecAugment:
    """Sets one random band and one random stretch of time per row to zero, the features' mean."""

    def __init__(self, bins: int = 10, time_share: float = 0.15) -> None:
        self.bins, self.time_share = bins, time_share

    def __call__(self, features: Tensor, generator: Generator) -> Tensor:
        _, frames, bins = features.shape
        band = self._stretch(features, bins, self.bins, generator)
        time = self._stretch(features, frames, int(frames * self.time_share), generator)
        return features.masked_fill(time[:, :, None] | band[:, None, :], 0.0)

    @staticmethod
    def _stretch(features: Tensor, size: int, longest: int, generator: Generator) -> Tensor:
        """(batch, size) mask with one run of up to `longest` per row."""
        batch, device = len(features), features.device
        width = torch.randint(0, longest + 1, (batch, 1), generator=generator, device=device)
        start = (torch.rand(batch, 1, generator=generator, device=device) * (size - width + 1)).long()
        index = torch.arange(size, device=device)[None]
        return (index >= start) & (index < start + width)
