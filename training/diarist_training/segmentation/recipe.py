"""A recipe of the segmentation network: one YAML file that says everything about a run."""

from dataclasses import dataclass, field
from pathlib import Path

from ..recipe import read_values
from ..schedule import Points
from .mixture import Sound


@dataclass
class Recipe:
    """The keys of a recipe file and their defaults. Curves are `[progress, value]` points."""

    name: str
    seed: int = 1
    start: str | None = None  # exported model to begin with instead of random weights; in the file: relative to it
    network: dict = field(default_factory=dict)  # arguments of `Segmenter`
    voiceprints: str | None = None  # file name inside the pack folder
    voice_weight: Points = 0.0
    left_out: list[str] = field(default_factory=list)  # corpora that chunks are not made from
    # Budget: whichever comes first ends the run. Progress is driven by seconds where
    # `max_minutes` is given (kept in the checkpoint), otherwise by steps.
    total_chunks: int | None = None
    max_minutes: float | None = None
    batch_size: int = 32
    optimiser: dict = field(default_factory=lambda: {"name": "adamw"})
    schedule: dict = field(default_factory=lambda: {"name": "cosine", "peak": 1e-3})
    clip_gradient: float = 1.0
    sound: dict = field(default_factory=dict)  # arguments of `Sound`
    ema: float = 0.998
    epoch_chunks: int = 10_000
    validation_chunks: int = 300
    log_steps: int = 25
    keep_best: int = 3
    checkpoint_minutes: float = 3.0
    replicas: int = 1  # shares of the batch that run side by side, one CPU core each

    @classmethod
    def read(cls, path: Path) -> "Recipe":
        """Reads a recipe; an unknown key is an error that names the known ones."""
        values = read_values(cls, path)
        if values.get("start"):
            values["start"] = str(path.parent / values["start"])
        recipe = cls(**values)
        if recipe.total_chunks is None and recipe.max_minutes is None:
            raise ValueError(f"{path}: total_chunks or max_minutes must be given")
        if recipe.batch_size % recipe.replicas:
            raise ValueError(f"{path}: batch_size must be a multiple of replicas; given: "
                             f"{recipe.batch_size} and {recipe.replicas}")
        return recipe

    def make_sound(self) -> Sound:
        """The recipe's chances and ranges; YAML's lists become the pairs that they stand for."""
        return Sound(**{key: tuple(value) if isinstance(value, list) else value for key, value in self.sound.items()})

    @property
    def total(self) -> int | None:
        """Chunks in all."""
        return self.total_chunks

    @property
    def epoch(self) -> int:
        """Chunks between two validations."""
        return self.epoch_chunks
