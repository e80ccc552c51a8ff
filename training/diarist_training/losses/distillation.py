"""Distillation from a teacher's embeddings of whole utterances.

The student sees a short augmented crop and is drawn, through a linear head that export drops,
to the place where the teacher put the whole utterance: a dense signal from the first step.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..pack import Pack
from ..sampler import BalancedSampler


def teacher_space(pack: Pack, sampler: BalancedSampler, path: Path) -> tuple[Tensor, Tensor]:
    """Targets per clip (clips, dim) and prototypes per class (classes, dim), unit norm.

    The teacher's embeddings are centred on their corpus's mean over speakers first: Resemblyzer's
    are non-negative, so that without it all of them point into one narrow cone, and what a whole
    corpus has in common is its recording, not a voice. A clip's target is halfway between its
    own embedding and its speaker's mean.
    """
    stored = np.load(path)
    row_of = {name: row for row, name in enumerate(stored["path"])}
    used = np.concatenate(sampler.clips)
    missing = [pack.path[clip] for clip in used if pack.path[clip] not in row_of]
    if missing:
        raise ValueError(f"{path} lacks {len(missing)} of {len(used)} training clips, first {missing[0]}")
    embedding = np.zeros((len(pack.path), stored["embedding"].shape[1]), np.float32)
    embedding[used] = stored["embedding"][[row_of[pack.path[clip]] for clip in used]]
    means = np.stack([embedding[own].mean(axis=0) for own in sampler.clips])
    corpora = np.array([pack.corpus[own[0]] for own in sampler.clips])
    centres = {corpus: means[corpora == corpus].mean(axis=0) for corpus in np.unique(corpora)}
    prototypes = _unit(means - np.stack([centres[corpus] for corpus in corpora]))
    targets = np.zeros_like(embedding)
    for own, prototype, corpus in zip(sampler.clips, prototypes, corpora, strict=True):
        targets[own] = _unit(_unit(embedding[own] - centres[corpus]) + prototype)
    return torch.from_numpy(targets), torch.from_numpy(prototypes)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-8)


class Distillation(nn.Module):
    """Two terms on the projected embedding: 1 - cosine to the clip's target, and cross-entropy
    of the scaled cosines to all speakers' prototypes, which also pushes away from neighbours.

    The teacher heard the clips as they are, so crops at another speed, whose labels lie beyond the
    prototypes, count in neither.
    """

    def __init__(self, dim: int, targets: Tensor, prototypes: Tensor, scale: float = 20.0) -> None:
        super().__init__()
        self.head = nn.Linear(dim, targets.shape[1], bias=False)
        nn.init.orthogonal_(self.head.weight)
        self.register_buffer("targets", targets, persistent=False)
        self.register_buffer("prototypes", prototypes, persistent=False)
        self.scale = scale

    def forward(self, embeddings: Tensor, labels: Tensor, clips: Tensor, offset: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
        speakers = len(self.prototypes)
        heard = (labels < speakers).to(embeddings.dtype)
        projected = F.normalize(self.head(embeddings))
        cosine = 1.0 - (projected * self.targets[clips]).sum(dim=1)
        if isinstance(offset, Tensor):
            offset = offset[:, :speakers]
        entropy = F.cross_entropy(self.scale * projected @ self.prototypes.T + offset, labels % speakers, reduction="none")
        share = heard / heard.sum().clamp(min=1.0)
        return (cosine * share).sum(), (entropy * share).sum()

    def class_directions(self) -> Tensor:
        """The prototypes carried into the embedding space: a start for a classifier's weights."""
        return self.prototypes @ self.head.weight.detach()

    @torch.no_grad()
    def start_from(self, embeddings: Tensor, clips: Tensor, ridge: float = 1e-2) -> None:
        """The head that maps a trained network's embeddings (crops, dim) to their targets: ridge regression."""
        gram = embeddings.T @ embeddings / len(embeddings)
        cross = embeddings.T @ self.targets[clips] / len(embeddings)
        scaled = ridge * gram.diagonal().mean() * torch.eye(len(gram), device=gram.device)
        self.head.weight.copy_(torch.linalg.solve(gram + scaled, cross).T)
