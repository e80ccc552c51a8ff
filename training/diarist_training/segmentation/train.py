"""Command `segment-train`: one recipe, one run folder; called again it goes on where it stopped."""

import signal
from pathlib import Path

import torch

from .recipe import Recipe
from .trainer import Trainer


def add_arguments(parser) -> None:
    """Flags of `segment-train`."""
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--pack", type=Path, default=Path("training/pack"), help="folder that `pack` wrote")
    parser.add_argument("--run", type=Path, dest="folder", help="run folder; default: training/runs/<recipe's name>")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")


def run(arguments) -> int:
    """Trains, and prints the local diarization error rates."""
    recipe = Recipe.read(arguments.recipe)
    folder = arguments.folder or Path("training/runs") / recipe.name
    trainer = Trainer(recipe, arguments.pack, folder, torch.device(arguments.device))
    # A run that is asked to end saves where it is.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: trainer.stop())
    results = trainer.run()
    if not results:
        print(f"stopped at step {trainer.step}; the same command goes on from {folder / 'last.pt'}")
        return 0
    print(f"{folder / 'final.pt'}: " + ", ".join(f"{name} local DER {100 * value:.2f}%" for name, value in results.items()))
    return 0
