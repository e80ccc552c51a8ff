"""Command `segment-train`: one recipe, one run folder; called again it goes on where it stopped."""

from .. import running
from ..running import add_arguments
from .recipe import Recipe
from .trainer import Trainer

__all__ = ["add_arguments", "run"]


def run(arguments) -> int:
    """Trains, and prints the local diarization error rates."""
    return running.train(Trainer, Recipe.read(arguments.recipe), arguments, "local DER")
