"""The command `train`: one recipe, one run folder; called again it goes on where it stopped."""

import torch

from . import running
from .recipe import Recipe
from .running import add_arguments
from .trainer import Trainer

__all__ = ["add_arguments", "run"]


def run(arguments) -> int:
    """Trains, and prints the EERs."""
    torch.set_float32_matmul_precision("high")
    return running.train(Trainer, Recipe.read(arguments.recipe), arguments, "EER")
