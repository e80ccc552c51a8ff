"""The smoke recipe from nothing: loss falls, a cut-off run resumes exactly, results load."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from diarist_training.checkpoint import load_network, save_checkpoint
from diarist_training.recipe import Recipe
from diarist_training.trainer import Trainer

RECIPES = Path(__file__).parents[1] / "recipes"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def smoke() -> Recipe:
    return Recipe.read(RECIPES / "smoke.yaml")


@pytest.fixture(scope="module")
def finished(smoke, pack_folder, tmp_path_factory) -> tuple[Path, dict[str, float]]:
    folder = tmp_path_factory.mktemp("run")
    return folder, Trainer(smoke, pack_folder, folder, CPU).run()


def log(folder: Path, kind: str) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def test_loss_falls_and_every_epoch_is_validated(finished) -> None:
    folder, results = finished
    losses = [line["softmax"] for line in log(folder, "train")]
    assert len(losses) == 5 and losses[-1] < 0.75 * losses[0]
    assert len(log(folder, "validate")) == 2
    assert all(0.0 <= value <= 1.0 for value in results.values())


def test_what_a_run_leaves_loads(finished, smoke) -> None:
    folder, results = finished
    for name in ("final.pt", "last.pt"):
        embedding = load_network(folder / name)(torch.randn(1, 60, 80))
        assert embedding.shape == (1, smoke.dim) and torch.isfinite(embedding).all()
    assert torch.load(folder / "final.pt", weights_only=True)["eer"] == results
    assert list((folder / "tensorboard").iterdir())


def test_a_finished_run_stays_finished(finished, smoke, pack_folder) -> None:
    folder, _ = finished
    trainer = Trainer(smoke, pack_folder, folder, CPU)
    assert trainer.progress() == 1.0


def losses_of(trainer: Trainer, steps: int) -> list[float]:
    return [float(trainer.train_step()["loss"]) for _ in range(steps)]


@pytest.mark.parametrize("changes", [{}, {"schedule": {"name": "plateau", "peak": 0.001}, "freeze_batchnorm_from": 0.05}],
                         ids=["smoke", "plateau-frozen"])
def test_resume_is_exact(changes, smoke, pack_folder, tmp_path) -> None:
    recipe = dataclasses.replace(smoke, **changes)
    straight = Trainer(recipe, pack_folder, tmp_path / "straight", CPU)
    expected = losses_of(straight, 8)
    cut = Trainer(recipe, pack_folder, tmp_path / "cut", CPU)
    first = losses_of(cut, 4)
    save_checkpoint(tmp_path / "cut" / "last.pt", cut)
    del cut
    torch.manual_seed(12345)  # the global random state must not matter
    resumed = Trainer(recipe, pack_folder, tmp_path / "cut", CPU)
    assert resumed.step == 4
    assert first + losses_of(resumed, 4) == expected
    for name, value in straight.average.state_dict().items():
        assert torch.equal(value, resumed.average.state_dict()[name]), name


def test_frozen_batchnorm_keeps_its_statistics(smoke, pack_folder, tmp_path) -> None:
    trainer = Trainer(dataclasses.replace(smoke, freeze_batchnorm_from=0.0), pack_folder, tmp_path, CPU)
    before = trainer.network.norm.running_mean.clone()
    weight = trainer.network.linear.weight.detach().clone()
    trainer.train_step()
    assert torch.equal(trainer.network.norm.running_mean, before)
    assert not torch.equal(trainer.network.linear.weight, weight)


def test_distillation_draws_crops_to_the_teacher(smoke, pack_folder, tmp_path) -> None:
    recipe = dataclasses.replace(smoke, teacher="teacher.npz", losses={"distill_cosine": {}, "distill_prototypes": {}, "cosface": {
        "margin": [[0.0, 0.0], [0.5, 0.1]], "weight": 0.2}}, augmentation={})
    trainer = Trainer(recipe, pack_folder, tmp_path, CPU)
    values = [trainer.train_step() for _ in range(24)]
    assert np.mean([v["distill_cosine"] for v in values[-4:]]) < 0.85 * np.mean([v["distill_cosine"] for v in values[:4]])


def test_a_speaker_at_another_speed_is_another_class(smoke, pack_folder, tmp_path) -> None:
    recipe = dataclasses.replace(smoke, speeds=[1.0, 0.9, 1.1], teacher="teacher.npz", discount={"other_corpus": 5.0},
                                 losses={"softmax": {"scale": 15}, "distill_cosine": {}, "distill_prototypes": {}})
    trainer = Trainer(recipe, pack_folder, tmp_path, CPU)
    assert len(trainer.objective.losses["softmax"].weight) == 30
    values = [trainer.train_step() for _ in range(24)]
    assert np.mean([v["softmax"] for v in values[-4:]]) < 0.9 * np.mean([v["softmax"] for v in values[:4]])


def test_another_manifest_is_refused(finished, smoke, pack_folder) -> None:
    folder, _ = finished
    state = torch.load(folder / "last.pt", weights_only=True)
    other = folder.parent / "other"
    other.mkdir()
    torch.save(state | {"manifest_sha256": "0"}, other / "last.pt")
    with pytest.raises(ValueError, match="another manifest"):
        Trainer(smoke, pack_folder, other, CPU)


# Those of the segmentation network have a reader, and a test, of their own.
EMBEDDING_RECIPES = sorted(path for path in RECIPES.glob("*.yaml") if not path.stem.startswith("segmentation"))


@pytest.mark.parametrize("path", EMBEDDING_RECIPES, ids=lambda path: path.stem)
def test_recipes_read(path: Path) -> None:
    assert Recipe.read(path).name == path.stem


def test_unknown_keys_are_named(tmp_path) -> None:
    (tmp_path / "r.yaml").write_text("name: r\ntotal_crops: 5\nlearning_rat: 1\n")
    with pytest.raises(ValueError, match="unknown keys learning_rat; known: "):
        Recipe.read(tmp_path / "r.yaml")
