"""The weighted sum of losses that a recipe names, and how its parts move over the run."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..pack import Pack
from ..sampler import BalancedSampler
from ..schedule import Curve
from .classification import AdaCos, ArcFace, CosFace, Softmax
from .distillation import Distillation, teacher_space
from .domains import DomainDiscount
from .pairwise import Contrastive, Supervised, Triplet

CLASSIFICATION = {"softmax": Softmax, "cosface": CosFace, "arcface": ArcFace, "adacos": AdaCos}
PAIRWISE = {"contrastive": Contrastive, "triplet": Triplet, "supervised": Supervised}
DISTILLATION = ("distill_cosine", "distill_prototypes")
NAMES = (*CLASSIFICATION, *PAIRWISE, *DISTILLATION)


class Objective(nn.Module):
    """Sum of weight * loss. In the recipe each loss has a `weight`, and for the losses with a
    margin a `margin`; both may be curves over the run. One classification loss at most.
    """

    def __init__(self, recipe: dict[str, dict], dim: int, sampler: BalancedSampler, pack: Pack, teacher: Path | None,
                 discount: dict[str, float]) -> None:
        super().__init__()
        unknown = set(recipe) - set(NAMES)
        if unknown:
            raise ValueError(f"losses must be of {', '.join(NAMES)}; given: {', '.join(sorted(unknown))}")
        if len(set(recipe) & set(CLASSIFICATION)) > 1:
            raise ValueError(f"at most one loss of {', '.join(CLASSIFICATION)}; given: {', '.join(recipe)}")
        self.weights = {name: Curve(entry.get("weight", 1.0)) for name, entry in recipe.items()}
        self.margins = {name: Curve(entry["margin"]) for name, entry in recipe.items() if "margin" in entry}
        self.discount = DomainDiscount(pack, sampler, **discount)
        self.losses = nn.ModuleDict()
        for name, entry in recipe.items():
            options = {key: value for key, value in entry.items() if key not in ("weight", "margin")}
            if name in CLASSIFICATION:
                self.losses[name] = CLASSIFICATION[name](dim, sampler.classes, **options)
            elif name in PAIRWISE:
                self.losses[name] = PAIRWISE[name](**options)
        self.distillation = None
        if set(recipe) & set(DISTILLATION):
            if teacher is None:
                raise ValueError("distillation needs `teacher`: the file that the command `teacher` writes")
            self.distillation = Distillation(dim, *teacher_space(pack, sampler, teacher))
            for name in set(recipe) & set(CLASSIFICATION):
                directions = self.distillation.class_directions()
                self.losses[name].weight.data[: len(directions)] = directions

    def forward(self, embeddings: Tensor, labels: Tensor, clips: Tensor, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum, and each part for the log. `progress` is the done share of the run, 0..1."""
        values: dict[str, Tensor] = {}
        offset = self.discount(labels)
        for name, loss in self.losses.items():
            if name in self.margins:
                loss.margin = self.margins[name](progress)
            if self.weights[name](progress) > 0.0:
                values[name] = loss(embeddings, labels, offset) if name in CLASSIFICATION else loss(embeddings, labels)
        if self.distillation is not None and any(self.weights[n](progress) > 0.0 for n in DISTILLATION if n in self.weights):
            parts = self.distillation(embeddings, labels, clips, offset)
            values |= {name: part for name, part in zip(DISTILLATION, parts, strict=True) if name in self.weights}
        total = sum((self.weights[name](progress) * value for name, value in values.items()), torch.zeros((), device=embeddings.device))
        return total, {name: value.detach() for name, value in values.items()}

    @torch.no_grad()
    def start_from(self, embeddings: Tensor, labels: Tensor, clips: Tensor) -> None:
        """Own weights that fit a trained network's embeddings (crops, dim): a speaker's class is its mean."""
        for name in set(self.losses) & set(CLASSIFICATION):
            weight = self.losses[name].weight
            weight.copy_(F.normalize(torch.zeros_like(weight).index_add_(0, labels, embeddings)))
        if self.distillation is not None:
            heard = labels < len(self.distillation.prototypes)
            self.distillation.start_from(embeddings[heard], clips[heard])
