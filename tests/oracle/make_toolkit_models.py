"""Writes tests/fixtures/models/{wespeaker,3d-speaker}-*.onnx: the toolkits' own networks, small, with random weights.

Weights trained by others are not ours to ship; what a file of theirs looks like is decided by their code, which runs here:
its layers, its pooling, its names and axes, and the metadata that sherpa-onnx's scripts add. Needs PyTorch and the two
toolkits without what they depend on:

    make training/.venv/installed
    pip download --no-deps --dest DIR wespeaker-unofficial==0.0.2 speakerlab==0.0.6; unzip both into DIR
    PYTHONPATH=DIR training/.venv/bin/python tests/oracle/make_toolkit_models.py
"""

import importlib.util
import sys
import types
import warnings
from pathlib import Path

import onnx
import torch

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "models"
DIM = 32


def bare_package(name: str) -> None:
    """Makes `name.models...` importable without the package's own imports, which need all of its dependencies."""
    package = types.ModuleType(name)
    package.__path__ = list(importlib.util.find_spec(name).submodule_search_locations)
    sys.modules[name] = package


class Embedding(torch.nn.Module):
    """What the toolkits' export scripts wrap around a network: the last of its outputs."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, feats: torch.Tensor) -> torch.Tensor:
        outputs = self.network(feats)
        return outputs[-1] if isinstance(outputs, tuple) else outputs


def settled(network: torch.nn.Module) -> torch.nn.Module:
    """Random weights whose BatchNorm has seen features, so that values keep a sensible size through the layers."""
    network.train()
    with torch.no_grad():
        for _ in range(20):
            network(3 * torch.randn(8, 120, 80))
    return network.eval()


def export(network: torch.nn.Module, name: str, inputs: str, output: str, metadata: dict[str, str]) -> None:
    path = FOLDER / f"{name}.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(Embedding(network), (torch.randn(1, 200, 80),), path, dynamo=False, opset_version=14,
                          do_constant_folding=True, input_names=[inputs], output_names=[output],
                          dynamic_axes={inputs: {0: "B", 1: "T"}, output: {0: "B"}})
    model = onnx.load(path)
    onnx.helper.set_model_props(model, metadata | {"output_dim": str(DIM), "sample_rate": "16000", "url": "",
                                                   "comment": "the toolkit's network with random weights, for tests"})
    onnx.save(model, path)
    print(path.name, path.stat().st_size)


for toolkit in ("wespeaker", "speakerlab"):
    bare_package(toolkit)
from speakerlab.models.campplus.DTDNN import CAMPPlus  # noqa: E402
from wespeaker.models.resnet import BasicBlock, ResNet  # noqa: E402

torch.manual_seed(11)
WESPEAKER = {"framework": "wespeaker", "language": "English", "normalize_samples": "0"}
THREE_D_SPEAKER = {"framework": "3d-speaker", "language": "Chinese", "normalize_samples": "1",
                   "feature_normalize_type": "global-mean"}
export(settled(ResNet(BasicBlock, [1, 1, 1, 1], m_channels=4, feat_dim=80, embed_dim=DIM)),
       "wespeaker-resnet", "feats", "embs", WESPEAKER)
export(settled(CAMPPlus(feat_dim=80, embedding_size=DIM, growth_rate=4, bn_size=2, init_channels=16)),
       "3d-speaker-campplus", "feature", "embedding", THREE_D_SPEAKER)
