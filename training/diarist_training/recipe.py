"""A recipe: one YAML file that says everything about a run."""

from dataclasses import dataclass, field, fields
from pathlib import Path

import yaml

from .manifest import read_speakers
from .schedule import Points


def read_values(recipe: type, path: Path) -> dict:
    """The values in a recipe file; a key that is no field of `recipe` is an error that names the known ones."""
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    known = {item.name for item in fields(recipe)}
    if unknown := set(values) - known:
        raise ValueError(f"{path}: unknown keys {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
    return values


@dataclass
class Recipe:
    """The keys of a recipe file and their defaults. Curves are `[progress, value]` points."""

    name: str
    seed: int = 1
    backbone: str = "resnet50"
    dim: int = 512
    dropout: float = 0.3
    held_out: list[str] = field(default_factory=list)  # speakers; in the file: a list's name beside it
    teacher: str | None = None  # file name inside the pack folder
    start: str | None = None  # exported model to begin with instead of random weights; in the file: relative to it
    # Budget: whichever comes first ends the run. Progress is driven by seconds where
    # `max_minutes` is given (kept in the checkpoint), otherwise by steps.
    total_crops: int | None = None
    max_minutes: float | None = None
    speakers_per_batch: int = 32
    crops_per_speaker: int = 2
    cap_seconds: float = 60.0
    balance: float = 0.5
    speeds: list[float] = field(default_factory=lambda: [1.0])  # a speaker is another class at every further speed
    crop_seconds: Points = 1.5
    optimiser: dict = field(default_factory=lambda: {"name": "adamw"})
    schedule: dict = field(default_factory=lambda: {"name": "cosine", "peak": 1e-3})
    clip_gradient: float = 5.0
    losses: dict = field(default_factory=lambda: {"softmax": {}})
    discount: dict = field(default_factory=dict)  # off the logits of classes of other_corpus, other_language
    augmentation: dict = field(default_factory=dict)
    augmentation_strength: Points = 1.0
    freeze_batchnorm_from: float = 1.1
    ema: float = 0.998
    epoch_crops: int = 12_000
    log_steps: int = 25
    keep_best: int = 3
    checkpoint_minutes: float = 3.0
    validation_seconds: float = 1.5
    bf16: bool = True  # on devices that have it
    replicas: int = 1  # shares of the batch that run side by side, one CPU core each

    @classmethod
    def read(cls, path: Path) -> "Recipe":
        """Reads a recipe; an unknown key is an error that names the known ones."""
        values = read_values(cls, path)
        if isinstance(values.get("held_out"), str):
            values["held_out"] = sorted(read_speakers(path.parent / values["held_out"]))
        if values.get("start"):
            values["start"] = str(path.parent / values["start"])
        recipe = cls(**values)
        if recipe.total_crops is None and recipe.max_minutes is None:
            raise ValueError(f"{path}: total_crops or max_minutes must be given")
        return recipe

    @property
    def batch_size(self) -> int:
        """Crops per step."""
        return self.speakers_per_batch * self.crops_per_speaker

    @property
    def total(self) -> int | None:
        """Crops in all."""
        return self.total_crops

    @property
    def epoch(self) -> int:
        """Crops between two validations."""
        return self.epoch_crops
