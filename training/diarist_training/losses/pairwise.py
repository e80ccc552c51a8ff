"""Losses over the pairs and triplets inside a batch; they need two or more crops per speaker."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def _masks(labels: Tensor) -> tuple[Tensor, Tensor]:
    """(same speaker and not itself, different speaker), both (batch, batch)."""
    same = labels[:, None] == labels[None, :]
    return same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device), ~same


class Contrastive(nn.Module):
    """Hadsell et al. 2006 on Euclidean distances of unit vectors: d^2, and max(0, margin - d)^2."""

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        squared = (2.0 - 2.0 * embeddings @ embeddings.T).clamp(min=1e-7)
        positive, negative = _masks(labels)
        pull = squared[positive]
        push = (self.margin - squared[negative].sqrt()).clamp(min=0.0).square()
        return _mean(pull) + _mean(push)


class Triplet(nn.Module):
    """Hardest positive and hardest negative of each crop in the batch (Hermans et al. 2017)."""

    def __init__(self, margin: float = 0.3) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        distance = (2.0 - 2.0 * embeddings @ embeddings.T).clamp(min=1e-7).sqrt()
        positive, negative = _masks(labels)
        usable = positive.any(dim=1) & negative.any(dim=1)
        farthest = distance.masked_fill(~positive, 0.0).amax(dim=1)
        nearest = distance.masked_fill(~negative, torch.inf).amin(dim=1)
        return _mean((farthest - nearest + self.margin).clamp(min=0.0)[usable])


class Supervised(nn.Module):
    """Supervised contrastive loss (Khosla et al. 2020): every other crop of the speaker is the answer."""

    def __init__(self, scale: float = 15.0) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        positive, negative = _masks(labels)
        logits = (self.scale * embeddings @ embeddings.T).masked_fill(~(positive | negative), -1e9)
        log_share = F.log_softmax(logits, dim=1)
        return _mean(-(log_share * positive).sum(dim=1)[positive.any(dim=1)] / positive.sum(dim=1)[positive.any(dim=1)])


def _mean(values: Tensor) -> Tensor:
    """Mean that is zero (with a gradient path) where a batch holds no such pair."""
    return values.mean() if values.numel() else values.sum()
