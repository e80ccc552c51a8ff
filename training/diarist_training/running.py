"""What every training run does around its steps: budget, log, checkpoints, the choice of weights."""

import signal
import time
from dataclasses import asdict
from pathlib import Path

import torch
from tqdm import tqdm

from .checkpoint import save_checkpoint
from .journal import Journal


class Run:
    """Base of trainers.

    They hold `recipe` (with `total`, `epoch` and `batch_size` in examples), `folder`, `pack`, `network`,
    `average`, `best`, `step`, `seconds` and `stopping`, and bring `train_step`, `validate`, `error` and
    `outcome`.
    """

    #: Whether the end is validated even where an epoch has just been.
    VALIDATES_END = False

    def train_step(self) -> dict:
        """One optimiser step; what it returns is logged, `loss` among it."""
        raise NotImplementedError

    def validate(self) -> dict[str, float]:
        """Errors of the weights' moving average, which is kept if it is among the best."""
        raise NotImplementedError

    def error(self) -> float:
        """The error that weights are chosen by, of the network as it is."""
        raise NotImplementedError

    def outcome(self, errors: dict[str, float]) -> dict:
        """What `final.pt` says beside the weights and where they come from."""
        raise NotImplementedError

    def progress(self) -> float:
        """Done share of the run, 0..1."""
        by_steps = self.step * self.recipe.batch_size / (self.recipe.total or float("inf"))
        minutes = self.recipe.max_minutes
        by_time = self.seconds / (60.0 * minutes) if minutes is not None else 0.0
        return min(1.0, max(by_time, by_steps))

    def run(self) -> dict[str, float]:
        """Trains to the end of the budget; returns the errors of final, averaged and best weights.

        After `stop` it saves a checkpoint instead, and returns nothing.
        """
        self.journal = Journal(self.folder, self.step)
        epoch_steps = max(1, self.recipe.epoch // self.recipe.batch_size)
        saved = time.monotonic()
        with tqdm(total=100.0, initial=100.0 * self.progress(), unit="%", bar_format="{l_bar}{bar}| {elapsed} {postfix}",
                  mininterval=5.0) as bar:
            while self.progress() < 1.0 and not self.stopping:
                started = time.monotonic()
                values = self.train_step()
                if self.step % epoch_steps == 0:
                    self._log_validation()
                self.seconds += time.monotonic() - started
                self.journal.step(self.step, self.seconds, values, self.recipe.log_steps)
                if self.step % self.recipe.log_steps == 0:
                    bar.set_postfix(step=self.step, loss=f"{values['loss']:.3f}", refresh=False)
                bar.update(100.0 * self.progress() - bar.n)
                if time.monotonic() - saved > 60.0 * self.recipe.checkpoint_minutes:
                    save_checkpoint(self.folder / "last.pt", self)
                    saved = time.monotonic()
        if self.progress() >= 1.0 and (self.VALIDATES_END or self.step % epoch_steps):
            self._log_validation()
        save_checkpoint(self.folder / "last.pt", self)
        return self._finish() if self.progress() >= 1.0 else {}

    def stop(self) -> None:
        """Asks `run` to end after the step that it is in."""
        self.stopping = True

    def _log_validation(self) -> None:
        self.journal.write("validate", self.step, self.seconds, {**self.validate(), "progress": self.progress()})

    def _finish(self) -> dict[str, float]:
        """Chooses among final, moving-average and best-average weights by error; writes `final.pt`."""
        candidates = {"final": {k: v.clone() for k, v in self.network.state_dict().items()},
                      "average": self.average.state_dict(), "best_average": self.best.average()}
        errors = {}
        for name, weights in candidates.items():
            self.network.load_state_dict(weights)
            errors[name] = self.error()
        chosen = min(errors, key=errors.get)
        torch.save({"network": candidates[chosen], "recipe": asdict(self.recipe), "chosen": chosen, "step": self.step,
                    "seconds": self.seconds, "manifest_sha256": self.pack.manifest_sha256, **self.outcome(errors)},
                   self.folder / "final.pt")
        self.network.load_state_dict(candidates["final"])
        self.journal.write("finish", self.step, self.seconds, errors)
        return errors


def add_arguments(parser) -> None:
    """Flags of every command that trains."""
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--pack", type=Path, default=Path("training/pack"), help="folder that `pack` wrote")
    parser.add_argument("--run", type=Path, dest="folder", help="run folder; default: training/runs/<recipe's name>")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")


def train(trainer_class: type[Run], recipe, arguments, error: str) -> int:
    """Trains by `recipe`, goes on where a run stopped, and prints the errors, which are called `error`."""
    folder = arguments.folder or Path("training/runs") / recipe.name
    trainer = trainer_class(recipe, arguments.pack, folder, torch.device(arguments.device))
    # A run that is asked to end saves where it is.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: trainer.stop())
    results = trainer.run()
    if not results:
        print(f"stopped at step {trainer.step}; the same command goes on from {folder / 'last.pt'}")
        return 0
    print(f"{folder / 'final.pt'}: " + ", ".join(f"{name} {error} {100 * value:.2f}%" for name, value in results.items()))
    return 0
