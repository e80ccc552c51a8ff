"""The command `train`: one recipe, one run folder; called again it goes on where it stopped."""

from pathlib import Path

import torch

from .recipe import Recipe
from .trainer import Trainer


def add_arguments(parser) -> None:
    """Flags of `train`."""
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--pack", type=Path, default=Path("pack"), help="folder that `pack` wrote")
    parser.add_argument("--run", type=Path, dest="folder", help="run folder; default: runs/<recipe's name>")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")


def run(arguments) -> int:
    """Trains, and prints the EERs."""
    recipe = Recipe.read(arguments.recipe)
    folder = arguments.folder or Path("runs") / recipe.name
    torch.set_float32_matmul_precision("high")
    trainer = Trainer(recipe, arguments.pack, folder, torch.device(arguments.device))
    results = trainer.run()
    print(f"{folder / 'final.pt'}: " + ", ".join(f"{name} EER {100 * value:.2f}%" for name, value in results.items()))
    return 0
