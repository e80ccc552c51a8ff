"""A run that starts from an exported file computes what the file does, also in training mode."""

import dataclasses
from pathlib import Path

import pytest
import torch

from diarist_training.export import session, save, to_onnx
from diarist_training.onnx_forms import half, weights_int8
from diarist_training.recipe import Recipe
from diarist_training.resnet import SpeakerEmbedding
from diarist_training.segmentation.export import to_onnx as segmentation_to_onnx
from diarist_training.segmentation.network import Segmenter
from diarist_training.segmentation.scene import CHUNK
from diarist_training.segmentation.warm_start import start_from
from diarist_training.trainer import Trainer
from diarist_training.warm_start import folded_layers, unfold
from networks import DESCRIPTION, random_network

RECIPES = Path(__file__).parents[1] / "recipes"


@pytest.mark.parametrize("form", [lambda model: model, weights_int8])
def test_the_network_computes_what_the_file_does(form, tmp_path) -> None:
    model = form(to_onnx(random_network("resnet18"), DESCRIPTION))
    save(model, tmp_path / "model.onnx")
    torch.manual_seed(5)
    network = SpeakerEmbedding("resnet18", dropout=0.0)
    features = 3 * torch.randn(32, 60, 80)
    unfold(network, folded_layers(tmp_path / "model.onnx"), features)
    expected = torch.from_numpy(session(model).run(None, {"feats": features.numpy()})[0])
    with torch.no_grad():
        assert (network(features) - expected).abs().max() < 1e-4
        # The statistics are those of the features: batch statistics change next to nothing.
        assert torch.nn.functional.cosine_similarity(network.train()(features), expected).min() > 0.999


def test_other_backbones_and_rounded_activations_are_refused(tmp_path) -> None:
    model = to_onnx(random_network("resnet18"), DESCRIPTION)
    save(model, tmp_path / "model.onnx")
    with pytest.raises(ValueError, match="backbone"):
        unfold(SpeakerEmbedding("resnet34"), folded_layers(tmp_path / "model.onnx"), torch.zeros(2, 60, 80))
    save(half(model), tmp_path / "half.onnx")
    with pytest.raises(ValueError, match="fp16"):
        folded_layers(tmp_path / "half.onnx")


def test_a_run_starts_where_the_file_ended(pack_folder, tmp_path) -> None:
    torch.manual_seed(3)
    trained = SpeakerEmbedding("resnet18", dim=64)
    save(to_onnx(trained.eval(), DESCRIPTION), tmp_path / "model.onnx")
    recipe = dataclasses.replace(Recipe.read(RECIPES / "smoke.yaml"), start=str(tmp_path / "model.onnx"), teacher="teacher.npz",
                                 losses={"softmax": {"scale": 15}, "distill_cosine": {}}, replicas=1, bf16=False)
    trainer = Trainer(recipe, pack_folder, tmp_path / "run", torch.device("cpu"))
    features = trainer.fbank(0.1 * torch.randn(4, 16_000))
    with torch.no_grad():
        assert (trainer.network.eval()(features) - trained(features)).abs().max() < 1e-3
    # The classes lie at their speakers' means, so the first loss is below that of a random start.
    fresh = Trainer(dataclasses.replace(recipe, start=None), pack_folder, tmp_path / "fresh", torch.device("cpu"))
    first, random = ([each.train_step() for _ in range(4)] for each in (trainer, fresh))
    for name, share in (("softmax", 1.0), ("distill_cosine", 0.9)):
        assert sum(step[name] for step in first) < share * sum(step[name] for step in random), name


def test_the_segmentation_network_computes_what_the_file_does(tmp_path) -> None:
    torch.manual_seed(4)
    shape = {"width": 32, "blocks": 2, "heads": 2, "hidden": 32, "channels": (4, 8)}
    trained = Segmenter(**shape)
    with torch.no_grad():
        for value in trained.parameters():  # equal ones would share a place in the file
            value += 0.02 * torch.randn_like(value)
        for _ in range(3):
            trained(torch.randn(4, 1, CHUNK // 4))
    model = segmentation_to_onnx(trained.eval(), {})
    save(model, tmp_path / "model.onnx")
    samples = torch.randn(6, 1, CHUNK // 4)
    torch.manual_seed(5)
    network = Segmenter(**shape)
    start_from(tmp_path / "model.onnx", network, samples)
    expected = torch.from_numpy(session(model).run(None, {"x": samples.numpy()})[0])
    with torch.no_grad():
        assert (network.eval()(samples) - expected).abs().max() < 1e-4
        # The statistics are those of the samples: batch statistics change next to nothing.
        assert (network.train()(samples) - expected).abs().max() < 1e-3
    with pytest.raises(ValueError, match="another network"):
        start_from(tmp_path / "model.onnx", Segmenter(**{**shape, "blocks": 3}), samples)
