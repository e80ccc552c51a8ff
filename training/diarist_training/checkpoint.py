"""What a run leaves on disk, and how it goes on from there."""

from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .recipe import Recipe
from .resnet import SpeakerEmbedding

if TYPE_CHECKING:
    from .trainer import Trainer


class Average:
    """Exponential moving average of the weights and of BatchNorm's statistics.

    The decay grows with the steps as in (1 + step) / (10 + step), so that the random start is forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        # The same tensors for the whole run: to gather them anew costs a GPU's step more than to average them.
        self.live = network.state_dict()
        self.state = {name: value.detach().clone() for name, value in self.live.items()}
        self.floating = [name for name, value in self.live.items() if value.is_floating_point()]
        self.counters = [name for name, value in self.live.items() if not value.is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Moves the average towards the network's weights."""
        share = 1.0 - min(self.decay, (1.0 + step) / (10.0 + step))
        torch._foreach_lerp_([self.state[name] for name in self.floating], [self.live[name] for name in self.floating], share)
        torch._foreach_copy_([self.state[name] for name in self.counters], [self.live[name] for name in self.counters])

    def state_dict(self) -> dict[str, Tensor]:
        """The averaged weights."""
        return self.state

    @contextmanager
    def swapped_in(self, network: nn.Module):
        """The network holds the averaged weights inside this block."""
        own = {name: value.detach().clone() for name, value in network.state_dict().items()}
        network.load_state_dict(self.state)
        try:
            yield
        finally:
            network.load_state_dict(own)


class BestCheckpoints:
    """The weights with the lowest EERs, in files named after EER and step, for averaging at the end."""

    def __init__(self, folder: Path, keep: int, recipe: Recipe) -> None:
        self.folder, self.keep, self.recipe = folder, keep, recipe

    def files(self) -> list[Path]:
        """Best first."""
        return sorted(self.folder.glob("best-*.pt"))

    def offer(self, eer: float, step: int, network: nn.Module) -> None:
        """Keeps these weights if they are among the best."""
        path = self.folder / f"best-{eer:.5f}-{step:07d}.pt"
        worst = self.files()[-1:] if len(self.files()) >= self.keep else []
        if worst and path >= worst[0]:
            return
        _save(path, {"network": network.state_dict(), "recipe": asdict(self.recipe), "step": step})
        for extra in self.files()[self.keep:]:
            extra.unlink()

    def average(self) -> dict[str, Tensor]:
        """Mean of the kept weights, statistics included."""
        states = [torch.load(path, map_location="cpu", weights_only=True)["network"] for path in self.files()]
        return {name: torch.stack([state[name].float() for state in states]).mean(dim=0).to(states[0][name].dtype)
                for name in states[0]}


def _save(path: Path, content: object) -> None:
    """Writes beside the target and renames, so that a cut-off write leaves the old file."""
    temporary = path.with_suffix(".partial")
    torch.save(content, temporary)
    temporary.replace(path)


def save_checkpoint(path: Path, trainer: "Trainer") -> None:
    """Everything that the next step depends on. Random state needs no saving: it follows from seed and step."""
    _save(path, {"network": trainer.network.state_dict(), "objective": trainer.objective.state_dict(),
                 "optimiser": trainer.optimiser.state_dict(), "average": trainer.average.state_dict(),
                 "schedule": trainer.schedule.state_dict(), "step": trainer.step, "seconds": trainer.seconds,
                 "recipe": asdict(trainer.recipe), "manifest_sha256": trainer.pack.manifest_sha256})


def load_checkpoint(path: Path, trainer: "Trainer") -> None:
    """Puts a trainer where `save_checkpoint` left it."""
    state = torch.load(path, map_location=trainer.device, weights_only=True)
    if state["manifest_sha256"] != trainer.pack.manifest_sha256:
        raise ValueError(f"{path} was trained on another manifest than the pack was made from")
    trainer.network.load_state_dict(state["network"])
    trainer.objective.load_state_dict(state["objective"])
    trainer.optimiser.load_state_dict(state["optimiser"])
    trainer.average.state = state["average"]
    trainer.schedule.load_state_dict(state["schedule"])
    trainer.step, trainer.seconds = state["step"], state["seconds"]


def load_network(path: Path) -> SpeakerEmbedding:
    """The network of any file that a run leaves, in fp32 and evaluation mode, on the CPU.

    A run's last checkpoint gives its moving average, which is better than the weights themselves.
    """
    state = torch.load(path, map_location="cpu", weights_only=True)
    recipe = state["recipe"]
    network = SpeakerEmbedding(recipe["backbone"], recipe["dim"], recipe["dropout"])
    network.load_state_dict(state.get("average", state["network"]))
    return network.eval()
