"""What a run tells about itself: `log.jsonl` and TensorBoard."""

import json
from pathlib import Path

from torch import Tensor
from torch.utils.tensorboard import SummaryWriter


class Journal:
    """One JSON object per line, the same numbers for TensorBoard.

    Lines after `step`, from which the run goes on, are dropped: those steps are done again.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / "log.jsonl"
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        kept = [line for line in lines if json.loads(line)["step"] <= step]
        self.path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
        self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
        self.window: list[dict[str, float]] = []

    def step(self, step: int, seconds: float, values: dict[str, float | Tensor], every: int) -> None:
        """Takes one step's values, and writes their means every `every` steps; reads tensors only then."""
        self.window.append(values)
        if step % every == 0:
            means = {key: float(sum(entry.get(key, 0.0) for entry in self.window)) / len(self.window) for key in values}
            self.write("train", step, seconds, means)
            self.window = []

    def write(self, kind: str, step: int, seconds: float, values: dict[str, float]) -> None:
        """Appends one line."""
        entry = {"kind": kind, "step": step, "seconds": round(seconds, 2), **{k: round(v, 6) for k, v in values.items()}}
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        for key, value in values.items():
            self.board.add_scalar(f"{kind}/{key}", value, step)
