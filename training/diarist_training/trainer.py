"""The training loop: a run is a pure function of recipe, pack and seed, step by step."""

from pathlib import Path

import torch
from torch import Tensor, nn

from .augment.chain import Chain
from .checkpoint import Average, BestCheckpoints, load_checkpoint
from .fbank import SAMPLE_RATE, Fbank
from .losses.objective import Objective
from .pack import Pack
from .precision import has_bfloat16
from .recipe import Recipe
from .replicas import Replicas
from .resnet import SpeakerEmbedding
from .running import Run
from .sampler import BalancedSampler, Cropper, on_device
from .schedule import SCHEDULES, Curve
from .validation import Validation
from .warm_start import start_from

CROP_STEP = SAMPLE_RATE // 10  # crop lengths move in steps of 0.1 s, so that kernels are reused


class Trainer(Run):
    """Everything a run holds; `run()` goes on from the last checkpoint in `folder` if there is one."""

    def __init__(self, recipe: Recipe, pack_folder: Path, folder: Path, device: torch.device) -> None:
        self.recipe, self.folder, self.device = recipe, folder, device
        self.bf16 = recipe.bf16 and has_bfloat16(device)
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(recipe.seed)
        self.pack = Pack.open(pack_folder)
        self.sampler = BalancedSampler(self.pack, "train", recipe.seed, recipe.speakers_per_batch,
                                       recipe.crops_per_speaker, recipe.cap_seconds, recipe.balance, SAMPLE_RATE,
                                       frozenset(recipe.held_out), tuple(recipe.speeds))
        self.cropper = Cropper(self.pack, device)
        self.validation = Validation(self.pack, "verify", recipe.validation_seconds)
        self.chain = Chain(recipe.augmentation, self.pack, recipe.seed, device)
        self.fbank = Fbank().to(device)
        network = SpeakerEmbedding(recipe.backbone, recipe.dim, recipe.dropout)
        self.network = network.to(device, memory_format=torch.channels_last)
        teacher = pack_folder / recipe.teacher if recipe.teacher else None
        self.objective = Objective(recipe.losses, recipe.dim, self.sampler, self.pack, teacher, recipe.discount).to(device)
        if recipe.start and not (folder / "last.pt").exists():
            start_from(Path(recipe.start), self.network, self.objective, self.sampler, self.cropper, self.fbank,
                       recipe.seed, self.bf16)
        self.optimiser = make_optimiser(recipe.optimiser, [self.network, self.objective])
        options = {key: value for key, value in recipe.schedule.items() if key != "name"}
        self.schedule = SCHEDULES[recipe.schedule["name"]](**options)
        self.average = Average(self.network, recipe.ema)
        self.best = BestCheckpoints(folder, recipe.keep_best, recipe)
        self.crop_seconds, self.strength = Curve(recipe.crop_seconds), Curve(recipe.augmentation_strength)
        self.step, self.seconds, self.stopping = 0, 0.0, False
        self.replicas = Replicas(self.network, recipe.replicas)
        if (folder / "last.pt").exists():
            load_checkpoint(folder / "last.pt", self)

    def train_step(self) -> dict[str, float | Tensor]:
        """One optimiser step; everything random in it follows from seed and step.

        What it returns stays where it is: to read a GPU's numbers is to wait for it.
        """
        progress = self.progress()
        length = int(self.crop_seconds(progress) * SAMPLE_RATE / CROP_STEP + 0.5) * CROP_STEP
        batch = self.sampler.batch(self.step, length)
        labels, clips = (on_device(column, self.device) for column in (batch.speaker, batch.clip))
        shares = self.cropper(batch, length).tensor_split(len(self.replicas))
        self._set_mode(progress)
        rate = self.schedule.rate(progress)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        outputs = self.replicas.forward(lambda network, index: self._embed(network, index, shares[index], progress))
        embeddings = torch.cat([output.detach() for output in outputs]).requires_grad_()
        self.objective.zero_grad(set_to_none=True)
        loss, parts = self.objective(embeddings, labels, clips, progress)
        loss.backward()
        self.replicas.backward(outputs, list(embeddings.grad.tensor_split(len(self.replicas))))
        norm = nn.utils.clip_grad_norm_(self.replicas.parameters[0], self.recipe.clip_gradient)
        self.optimiser.step()
        self.average.update(self.step)
        self.step += 1
        return {"loss": loss.detach(), "rate": rate, "gradient": norm, "progress": progress,
                "crop_seconds": length / SAMPLE_RATE, **parts}

    def _embed(self, network: nn.Module, index: int, samples: Tensor, progress: float) -> Tensor:
        """One replica's share: augmentation, front end and network, (share, dim) in float32."""
        seed = (self.recipe.seed * 1_000_033 + self.step) * len(self.replicas) + index
        generator = torch.Generator(self.device).manual_seed(seed)
        network.dropout.generator = generator
        strength = self.strength(progress)
        features = self.fbank(self.chain.on_waveform(samples, generator, strength))
        features = self.chain.on_features(features, generator, strength)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            return network(features).float()

    def _set_mode(self, progress: float) -> None:
        """Training mode, with BatchNorm's statistics frozen in the large-margin stage at the end."""
        self.objective.train()
        self.replicas.train(freeze_batchnorm=progress >= self.recipe.freeze_batchnorm_from)

    def validate(self) -> dict[str, float]:
        """EER of the weights' moving average, which is kept if it is among the best."""
        with self.average.swapped_in(self.network):
            eer = self.error()
            self.best.offer(eer, self.step, self.network)
        self.schedule.validated(eer)
        return {"eer_average": eer}

    def error(self) -> float:
        """EER of the network as it is."""
        return self.validation.eer(self.network, self.fbank, self.device, self.bf16)

    def outcome(self, errors: dict[str, float]) -> dict:
        """EERs, and how many crops were seen."""
        return {"eer": errors, "crops": self.step * self.recipe.batch_size}


def make_optimiser(options: dict, modules: list[nn.Module]) -> torch.optim.Optimizer:
    """AdamW or SGD with Nesterov momentum; no weight decay on biases and BatchNorm."""
    options = dict(options)
    name, decay = options.pop("name"), options.pop("weight_decay", 1e-4)
    parameters = [p for module in modules for p in module.parameters()]
    groups = [{"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
              {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0}]
    if name == "adamw":
        return torch.optim.AdamW(groups, lr=1e-3, fused=parameters[0].is_cuda, **options)
    if name == "sgd":
        return torch.optim.SGD(groups, lr=0.1, momentum=options.pop("momentum", 0.9), nesterov=True, **options)
    raise ValueError(f"optimiser must be adamw or sgd; given: {name}")
