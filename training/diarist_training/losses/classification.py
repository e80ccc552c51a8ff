"""Softmax cross-entropy over speakers, plain and with margins, on scaled cosines.

`margin` and `scale` are attributes, so that a schedule can move them while training runs.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Softmax(nn.Module):
    """Cross-entropy of scale * cos(embedding, class weight), without a margin."""

    def __init__(self, dim: int, classes: int, scale: float = 30.0, margin: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, dim))
        nn.init.xavier_normal_(self.weight)
        self.scale, self.margin = scale, margin

    def forward(self, embeddings: Tensor, labels: Tensor, offset: Tensor | float = 0.0) -> Tensor:
        """`offset` (batch, classes) is added to the scaled logits."""
        cosine = F.linear(F.normalize(embeddings), F.normalize(self.weight))
        cosine = cosine.clamp(-1 + 1e-6, 1 - 1e-6)
        target = cosine.gather(1, labels[:, None])
        logits = cosine.scatter(1, labels[:, None], self.with_margin(target))
        return F.cross_entropy(self.scale_for(cosine, labels) * logits + offset, labels)

    def with_margin(self, target: Tensor) -> Tensor:
        """The target's logit before scaling, given its cosine."""
        return target

    def scale_for(self, cosine: Tensor, labels: Tensor) -> Tensor | float:
        """The factor on the cosines of this batch."""
        return self.scale


class CosFace(Softmax):
    """Additive cosine margin, LMCL: cos(theta) - m (Wang et al. 2018)."""

    def with_margin(self, target: Tensor) -> Tensor:
        return target - self.margin


class ArcFace(Softmax):
    """Additive angular margin, AAM: cos(theta + m) (Deng et al. 2019).

    Where theta + m would pass pi the logit goes on falling linearly, so that it stays monotonic.
    """

    def with_margin(self, target: Tensor) -> Tensor:
        sine = (1.0 - target.square()).clamp(min=0.0).sqrt()
        moved = target * math.cos(self.margin) - sine * math.sin(self.margin)
        return torch.where(target > math.cos(math.pi - self.margin), moved,
                           target - self.margin * math.sin(self.margin))


class AdaCos(Softmax):
    """Cosine softmax whose scale follows the batch (Zhang et al. 2019, dynamic version)."""

    def __init__(self, dim: int, classes: int, scale: float = 0.0, margin: float = 0.0) -> None:
        super().__init__(dim, classes, scale, margin)
        self.register_buffer("current", torch.tensor(math.sqrt(2.0) * math.log(max(classes - 1, 2))))

    @torch.no_grad()
    def scale_for(self, cosine: Tensor, labels: Tensor) -> Tensor:
        if self.training:
            target = cosine.gather(1, labels[:, None])
            others = (self.current * cosine).exp().scatter(1, labels[:, None], 0.0).sum(dim=1).mean()
            angle = target.acos().median().clamp(max=math.pi / 4)
            self.current.copy_(others.log() / angle.cos())
        return self.current.clone()
