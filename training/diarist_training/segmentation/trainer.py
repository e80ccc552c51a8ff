"""The training loop: a run is a pure function of recipe, pack and seed, step by step."""

from pathlib import Path

import torch
from torch import nn

from ..checkpoint import Average, BestCheckpoints, load_checkpoint
from ..pack import Pack
from ..replicas import Replicas
from ..running import Run
from ..schedule import SCHEDULES, Curve
from ..trainer import make_optimiser
from .chunks import Chunks, Generator
from .learner import PARTS, Learner
from .network import Segmenter
from .recipe import Recipe
from .validation import SEED, SOUND, Validation, voiceprints_of
from .warm_start import start_from

WARM_START_CHUNKS = 64  # that the statistics of a warm start are taken from


class Trainer(Run):
    """Everything a run holds; `run()` goes on from the last checkpoint in `folder` if there is one.

    Each replica simulates its own share of the batch, so that there is no loader to keep up.
    """

    VALIDATES_END = True

    def __init__(self, recipe: Recipe, pack_folder: Path, folder: Path, device: torch.device) -> None:
        self.recipe, self.folder, self.device = recipe, folder, device
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(recipe.seed)
        self.pack = Pack.open(pack_folder)
        left_out = tuple(recipe.left_out)
        self.generator = Generator(self.pack, "train", recipe.make_sound(), recipe.seed, left_out)
        network = Segmenter(**recipe.network)
        if recipe.start and not (folder / "last.pt").exists():
            start_from(Path(recipe.start), network, self.generator.draw(0, WARM_START_CHUNKS).samples)
        voices = voiceprints_of(pack_folder / recipe.voiceprints, self.generator.speakers) if recipe.voiceprints else None
        self.network = Learner(network, network.norm.normalized_shape[0], voices).to(device)
        self.validation = Validation(Generator(self.pack, "verify", SOUND, SEED, left_out),
                                     Segmenter().features, recipe.validation_chunks)
        self.objective = nn.Module()  # the loss learns nothing itself; a checkpoint has a place for it
        self.optimiser = make_optimiser(recipe.optimiser, [self.network])
        self.schedule = SCHEDULES[recipe.schedule["name"]](**{k: v for k, v in recipe.schedule.items() if k != "name"})
        self.voice_weight = Curve(recipe.voice_weight)
        self.average = Average(self.network, recipe.ema)
        self.best = BestCheckpoints(folder, recipe.keep_best, recipe)
        self.step, self.seconds, self.stopping = 0, 0.0, False
        self.replicas = Replicas(self.network, recipe.replicas)
        if (folder / "last.pt").exists():
            load_checkpoint(folder / "last.pt", self)

    def train_step(self) -> dict[str, float]:
        """One optimiser step; everything random in it follows from seed and step."""
        progress = self.progress()
        rate, weight = self.schedule.rate(progress), self.voice_weight(progress)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.replicas.train(freeze_batchnorm=False)
        outputs = self.replicas.forward(lambda network, index: network(self._share(index), weight))
        only_loss = torch.eye(len(PARTS), device=self.device)[0] / len(self.replicas)
        self.replicas.backward(outputs, [only_loss] * len(outputs))
        norm = nn.utils.clip_grad_norm_(self.replicas.parameters[0], self.recipe.clip_gradient)
        self.optimiser.step()
        self.average.update(self.step)
        self.step += 1
        parts = torch.stack([output.detach() for output in outputs]).mean(dim=0)
        return {**dict(zip(PARTS, parts)), "rate": rate, "gradient": norm, "progress": progress}

    def _share(self, index: int) -> Chunks:
        """Chunks of one replica in this step, on the device."""
        share = self.recipe.batch_size // len(self.replicas)
        chunks = self.generator.draw((self.step * len(self.replicas) + index) * share, share)
        return Chunks(*(part.to(self.device) for part in (chunks.samples, chunks.classes, chunks.people)))

    def validate(self) -> dict[str, float]:
        """Errors of the weights' moving average, which is kept if it is among the best."""
        with self.average.swapped_in(self.network):
            rates = self.validation.rates(self.network.network)
            self.best.offer(rates["local_der"], self.step, self.network)
        self.schedule.validated(rates["local_der"])
        return rates

    def error(self) -> float:
        """Local DER of the network as it is."""
        return self.validation.rates(self.network.network)["local_der"]

    def outcome(self, errors: dict[str, float]) -> dict:
        """Local DERs."""
        return {"rates": errors}
