"""The smoke recipe from nothing: loss falls, a cut-off run resumes exactly, the export keeps its contract."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from diarist_training.checkpoint import save_checkpoint
from diarist_training.export import session
from diarist_training.onnx_forms import metadata
from diarist_training.pack import Pack
from diarist_training.segmentation import export
from diarist_training.segmentation.recipe import Recipe
from diarist_training.segmentation.trainer import Trainer
from diarist_training.segmentation.voiceprints import voiceprints

RECIPES = Path(__file__).parents[1] / "recipes"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def smoke(pack_folder) -> Recipe:
    """The recipe, with voiceprints from the mean spectrum in place of a network."""
    def embed(waves):
        return np.stack([np.log(np.abs(np.fft.rfft(wave, 512))[:64] + 1e-3) for wave in waves])

    names, vectors = voiceprints(Pack.open(pack_folder), "train", embed)
    np.savez(pack_folder / "voiceprints.npz", speaker=names, vector=vectors)
    return Recipe.read(RECIPES / "segmentation-smoke.yaml")


@pytest.fixture(scope="module")
def finished(smoke, pack_folder, tmp_path_factory) -> tuple[Path, dict[str, float]]:
    folder = tmp_path_factory.mktemp("segmentation")
    return folder, Trainer(smoke, pack_folder, folder, CPU).run()


def log(folder: Path, kind: str) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def test_loss_falls_and_every_epoch_is_validated(finished):
    folder, results = finished
    losses = [line["classes"] for line in log(folder, "train")]
    assert len(losses) == 5 and losses[-1] < 0.85 * losses[0]
    assert len(log(folder, "validate")) == 3
    assert set(results) == {"final", "average", "best_average"}


def test_resume_is_exact(smoke, pack_folder, tmp_path):
    recipe = dataclasses.replace(smoke, validation_chunks=1)

    def losses_of(trainer: Trainer, steps: int) -> list[float]:
        return [float(trainer.train_step()["loss"]) for _ in range(steps)]

    straight = Trainer(recipe, pack_folder, tmp_path / "straight", CPU)
    expected = losses_of(straight, 4)
    cut = Trainer(recipe, pack_folder, tmp_path / "cut", CPU)
    first = losses_of(cut, 2)
    save_checkpoint(tmp_path / "cut" / "last.pt", cut)
    torch.manual_seed(12345)  # the global random state must not matter
    resumed = Trainer(recipe, pack_folder, tmp_path / "cut", CPU)
    assert resumed.step == 2 and first + losses_of(resumed, 2) == expected
    for name, value in straight.average.state_dict().items():
        assert torch.equal(value, resumed.average.state_dict()[name]), name


def test_export_equals_the_network(finished, tmp_path):
    folder, _ = finished
    path = tmp_path / "model.onnx"
    for name in ("final.pt", "last.pt"):
        network, origin = export.load_segmenter(folder / name)
        model = export.to_onnx(network, {"license": "Apache-2.0", "url_1": "", "url_2": "", **origin})
        assert export.largest_difference(network, model) < export.TOLERANCE
    export.save(model, path)
    runtime = session(path)
    (given,), (made,) = runtime.get_inputs(), runtime.get_outputs()
    assert (given.name, made.name) == ("x", "y")
    assert given.shape[1] == 1 and all(isinstance(given.shape[axis], str) for axis in (0, 2))
    logp = runtime.run(None, {"x": np.zeros((2, 1, 160_000), np.float32)})[0]
    assert logp.shape == (2, 500, 7) and logp.dtype == np.float32
    np.testing.assert_allclose(np.exp(logp).sum(axis=2), 1.0, atol=1e-5)
    assert origin["training_chunks"] == "320"


def test_nothing_in_the_graph_asks_for_shapes(finished):
    network, _ = export.load_segmenter(finished[0] / "final.pt")
    kinds = {node.op_type for node in export.to_onnx(network, {}).graph.node}
    assert kinds <= export.OPERATORS and not kinds & {"Shape", "Gather", "If", "Loop", "LSTM", "GRU", "STFT"}
    assert onnxruntime.get_available_providers()


def test_metadata_is_complete(finished):
    network, origin = export.load_segmenter(finished[0] / "final.pt")
    said = metadata(export.to_onnx(network, origin))
    required = {"sample_rate": 16000, "window_size": 160000, "receptive_field_size": 320, "receptive_field_shift": 320,
                "num_speakers": 3, "powerset_max_classes": 2, "num_classes": 7}
    assert {key: int(said[key]) for key in required} == required
    assert said["model_type"] == "pyannote-segmentation-3.0"
    assert len(said["training_data_sha256"]) == 64 and said["recipe"] == "segmentation-smoke"


@pytest.mark.parametrize("name", ["segmentation-cpu", "segmentation-gpu", "segmentation-smoke"])
def test_recipes_read(name):
    recipe = Recipe.read(RECIPES / f"{name}.yaml")
    assert recipe.name == name and recipe.make_sound().rooms > 0


def test_unknown_keys_are_named(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("name: x\ntotal_chunks: 8\nbatchsize: 3\n")
    with pytest.raises(ValueError, match="unknown keys batchsize"):
        Recipe.read(path)
