"""Values that move over a run, as functions of the done share (0..1) of it."""

import math
from bisect import bisect_right

Points = float | list[list[float]]


class Curve:
    """A constant, or straight lines between `[progress, value]` points; flat outside them."""

    def __init__(self, points: Points) -> None:
        self.points = [[0.0, float(points)]] if isinstance(points, int | float) else [list(map(float, p)) for p in points]
        if any(a[0] > b[0] for a, b in zip(self.points, self.points[1:], strict=False)):
            raise ValueError(f"a curve's points must be in order of progress; given: {points}")

    def __call__(self, progress: float) -> float:
        index = bisect_right([point[0] for point in self.points], progress)
        if index in (0, len(self.points)):
            return self.points[min(index, len(self.points) - 1)][1]
        (x0, y0), (x1, y1) = self.points[index - 1: index + 1]
        return y0 + (y1 - y0) * (progress - x0) / (x1 - x0)


class Cosine:
    """Linear warm-up over the share `warmup`, then half a cosine down to `floor` times the peak."""

    def __init__(self, peak: float, warmup: float = 0.05, floor: float = 0.001) -> None:
        self.peak, self.warmup, self.floor = peak, warmup, floor

    def rate(self, progress: float) -> float:
        """Learning rate at a point of the run."""
        if progress < self.warmup:
            return self.peak * max(progress / self.warmup, 0.02)
        share = min(1.0, (progress - self.warmup) / (1.0 - self.warmup))
        return self.peak * (self.floor + (1.0 - self.floor) * 0.5 * (1.0 + math.cos(math.pi * share)))

    def validated(self, eer: float) -> None:
        """A cosine does not look at the validation."""

    def state_dict(self) -> dict:
        return {}

    def load_state_dict(self, state: dict) -> None:
        """Nothing to restore."""


class ReduceOnPlateau:
    """Constant rate that is multiplied by `factor` when the EER has not fallen for `patience` validations."""

    def __init__(self, peak: float, factor: float = 0.3, patience: int = 2, warmup: float = 0.02) -> None:
        self.peak, self.factor, self.patience, self.warmup = peak, factor, patience, warmup
        self.scale, self.best, self.waited = 1.0, math.inf, 0

    def rate(self, progress: float) -> float:
        """Learning rate at a point of the run."""
        return self.peak * self.scale * min(1.0, max(progress / self.warmup, 0.02) if self.warmup else 1.0)

    def validated(self, eer: float) -> None:
        """Counts validations without a new best EER."""
        if eer < self.best:
            self.best, self.waited = eer, 0
            return
        self.waited += 1
        if self.waited > self.patience:
            self.scale, self.waited = self.scale * self.factor, 0

    def state_dict(self) -> dict:
        return {"scale": self.scale, "best": self.best, "waited": self.waited}

    def load_state_dict(self, state: dict) -> None:
        self.scale, self.best, self.waited = state["scale"], state["best"], state["waited"]


SCHEDULES = {"cosine": Cosine, "plateau": ReduceOnPlateau}
