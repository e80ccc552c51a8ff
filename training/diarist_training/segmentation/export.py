"""Command `segment-export`: a trained segmentation network as one ONNX file that describes itself.

Waveform in, log-probabilities of powerset classes out; metadata as sherpa-onnx expects them of a
pyannote segmentation model (`offline-speaker-segmentation-pyannote-model.cc`), so that the file
runs there as it is, and ours beside them.
"""

import copy
import hashlib
import io
import json
import warnings
from dataclasses import fields
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from ..export import OPSET, ExportError, save, session
from ..onnx_forms import described
from .convolved import ConvolvedLogMel
from .frontend import FRAME_SHIFT, SAMPLE_RATE
from .graph import with_constant_shapes
from .network import Segmenter
from .powerset import AT_ONCE, CLASSES, SPEAKERS
from .recipe import Recipe
from .scene import CHUNK

INPUT, OUTPUT = "x", "y"
#: What an exported graph may consist of: each has a CUDA kernel in ONNX Runtime.
OPERATORS = {"Add", "Concat", "Conv", "Div", "LayerNormalization", "Log", "LogSoftmax", "MatMul", "Mul", "Pow",
             "ReduceMean", "ReduceSum", "Relu", "Reshape", "Sigmoid", "Slice", "Softmax", "Split", "Squeeze",
             "Sub", "Transpose", "Unsqueeze"}
#: Largest difference that PyTorch and ONNX Runtime may have in any log-probability.
TOLERANCE = 1e-4

#: sherpa-onnx's keys. Frame i covers the samples 320 i to 320 (i + 1).
CONVENTION = {
    "model_type": "pyannote-segmentation-3.0",
    "version": "1",
    "model_author": "Diarist",
    "maintainer": "Diarist",
    "sample_rate": str(SAMPLE_RATE),
    "window_size": str(CHUNK),
    "receptive_field_size": str(FRAME_SHIFT),
    "receptive_field_shift": str(FRAME_SHIFT),
    "num_speakers": str(SPEAKERS),
    "powerset_max_classes": str(AT_ONCE),
    "num_classes": str(CLASSES),
}


def load_segmenter(path: Path) -> tuple[Segmenter, dict[str, str]]:
    """The network of any file that a run leaves, in evaluation mode, and where it comes from as metadata.

    A run's last checkpoint gives its moving average, which is better than the weights themselves.
    """
    state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    weights = state.get("average", state["network"])
    network = Segmenter(**state["recipe"]["network"])
    network.load_state_dict({name.removeprefix("network."): value for name, value in weights.items()
                             if name.startswith("network.")})
    recipe = json.dumps(state["recipe"], sort_keys=True).encode()
    batch = Recipe(**{item.name: state["recipe"][item.name] for item in fields(Recipe)}).batch_size
    return network.eval(), {
        "recipe": state["recipe"]["name"],
        "recipe_sha256": hashlib.sha256(recipe).hexdigest(),
        "training_data_sha256": state["manifest_sha256"],
        "training_steps": str(state["step"]),
        "training_chunks": str(state["step"] * batch),
    }


class _Plain(nn.Module):
    """The network with the front end in operators that every runtime has."""

    def __init__(self, network: Segmenter) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).float().cpu().eval()
        self.network.features = ConvolvedLogMel()

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        return self.network(samples)


def to_onnx(network: Segmenter, description: dict[str, str]) -> onnx.ModelProto:
    """Trace, simplify and describe a network; raises `ExportError` if an unknown operator is left."""
    target = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is deprecated, its successor needs more packages
        torch.onnx.export(_Plain(network), (torch.randn(2, 1, CHUNK),), target, input_names=[INPUT],
                          output_names=[OUTPUT], opset_version=OPSET, dynamo=False,
                          dynamic_axes={INPUT: {0: "batch", 2: "samples"}, OUTPUT: {0: "batch", 1: "frames"}})
    inputs = [{INPUT: np.zeros((batch, 1, seconds * SAMPLE_RATE), np.float32)} for batch, seconds in ((2, 4), (5, 6))]
    model = with_constant_shapes(onnx.load_from_string(target.getvalue()), inputs)
    unknown = {node.op_type for node in model.graph.node} - OPERATORS
    if unknown:
        raise ExportError(f"the graph may hold {', '.join(sorted(OPERATORS))}; it also holds {', '.join(sorted(unknown))}")
    model.producer_name, model.producer_version = "diarist_training", ""
    return described(model, **CONVENTION, **description)


def largest_difference(network: Segmenter, model: onnx.ModelProto) -> float:
    """PyTorch, Fourier transform and all, against ONNX Runtime: several batch sizes and lengths."""
    runtime = session(model)
    network = copy.deepcopy(network).float().cpu().eval()
    rng = np.random.default_rng(0)
    worst = 0.0
    for batch, samples in ((1, CHUNK), (3, CHUNK), (2, CHUNK // 4), (1, CHUNK + 4321), (1, 1280)):
        loudness = np.repeat(rng.uniform(0.001, 0.3, (batch, 1, samples // 1280 + 1)), 1280, axis=2)[:, :, :samples]
        feed = (rng.standard_normal((batch, 1, samples)) * loudness).astype(np.float32)
        with torch.inference_mode():
            expected = network(torch.from_numpy(feed)).numpy()
        worst = max(worst, float(np.abs(runtime.run(None, {INPUT: feed})[0] - expected).max()))
    return worst


def add_arguments(parser) -> None:
    """Flags of `segment-export`."""
    parser.add_argument("checkpoint", type=Path, help="final.pt, last.pt or best-*.pt of a run")
    parser.add_argument("--output", type=Path, default=Path("models/diarist-segmentation/diarist-segmentation.onnx"))
    parser.add_argument("--license", default="Apache-2.0")
    parser.add_argument("--url", default="")


def run(arguments) -> None:
    """Exports a checkpoint; fails when ONNX Runtime and PyTorch disagree."""
    network, origin = load_segmenter(arguments.checkpoint)
    model = to_onnx(network, {"license": arguments.license, "url_1": arguments.url, "url_2": arguments.url, **origin})
    difference = largest_difference(network, model)
    if difference > TOLERANCE:
        raise ExportError(f"PyTorch and ONNX Runtime may differ by {TOLERANCE:g}; they differ by {difference:g}")
    save(model, arguments.output)
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e6:.2f} MB, {origin['training_chunks']} chunks; "
          f"largest difference between PyTorch and ONNX Runtime: {difference:.1e}")
