"""Command ``export``: a trained network as an ONNX file that describes itself.

BatchNorm is folded into convolutions and the linear layer, so that what is left are the
operators in ``OPERATORS``: each has a CUDA kernel in ONNX Runtime and none depends on
shapes that are only known when the graph runs.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import io
import json
import os
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_linear_bn_eval

from . import fbank
from .checkpoint import load_network
from .onnx_forms import described, half, inlined, metadata
from .resnet import SpeakerEmbedding

OPSET = 17
INPUT, OUTPUT = "feats", "embs"
#: What an exported fp32 graph may consist of.
OPERATORS = {"Unsqueeze", "Conv", "Relu", "Clip", "Add", "MaxPool", "ReduceMean", "Gemm",
             "Mul", "ReduceSum", "Sqrt", "Div"}
#: Largest difference that PyTorch and ONNX Runtime may have in any value of an embedding.
TOLERANCE = 1e-4

#: The front end that the network is trained with, under Kaldi's names.
FRONT_END = {
    "sample_rate": str(fbank.SAMPLE_RATE),
    "normalize_samples": "1",
    "feature_normalize_type": "global-mean",
    "feature_type": "fbank",
    "num_mel_bins": str(fbank.MEL_BINS),
    "frame_length_ms": str(fbank.FRAME_LENGTH * 1000 // fbank.SAMPLE_RATE),
    "frame_shift_ms": str(fbank.FRAME_SHIFT * 1000 // fbank.SAMPLE_RATE),
    "fft_size": str(fbank.FFT_SIZE),
    "window_type": "povey",
    "low_freq": f"{fbank.LOW_HZ:g}",
    "high_freq": f"{fbank.HIGH_HZ:g}",
    "preemphasis": f"{fbank.PREEMPHASIS:g}",
    "dither": "0",
    "remove_dc_offset": "1",
    "snip_edges": "0",
    "log_floor": f"{fbank.LOG_FLOOR:.7e}",
}


class ExportError(RuntimeError):
    """An export that would not keep the contract of `models/README.md`."""


class _Folded(nn.Module):
    """The network for inference: no dropout, last BatchNorm folded, length by simple operators."""

    def __init__(self, network: SpeakerEmbedding) -> None:
        super().__init__()
        network = copy.deepcopy(network).eval()
        self.backbone = network.backbone
        self.linear = fuse_linear_bn_eval(network.linear, network.norm)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        # (batch, frames, 80) -> (batch, dim)
        embedding = self.linear(self.backbone(features.unsqueeze(1)))
        square = (embedding * embedding).sum(dim=1, keepdim=True)
        return embedding / (square + 1e-12).sqrt()


def to_onnx(network: SpeakerEmbedding, description: dict[str, str]) -> onnx.ModelProto:
    """Trace, fold and describe a network; raises ``ExportError`` if an unknown operator is left."""
    network = copy.deepcopy(network).float().cpu().to(memory_format=torch.contiguous_format)
    target = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is deprecated, its successor needs more packages
        torch.onnx.export(_Folded(network), (torch.randn(2, 150, fbank.MEL_BINS),), target,
                          input_names=[INPUT], output_names=[OUTPUT], opset_version=OPSET, dynamo=False,
                          dynamic_axes={INPUT: {0: "batch", 1: "frames"}, OUTPUT: {0: "batch"}})
    model = inlined(onnx.load_from_string(target.getvalue()))
    unknown = {node.op_type for node in model.graph.node} - OPERATORS
    if unknown:
        raise ExportError(f"the graph may hold {', '.join(sorted(OPERATORS))}; it also holds {', '.join(sorted(unknown))}")
    model.producer_name, model.producer_version = "diarist_training", ""
    return described(model, **FRONT_END, precision="fp32",
                     output_dim=str(network.linear.out_features), **description)


def session(model: onnx.ModelProto | Path, threads: int = 0, optimise: bool = True) -> onnxruntime.InferenceSession:
    """ONNX Runtime on the CPU with default options; 0 threads lets it choose."""
    options = onnxruntime.SessionOptions()
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def largest_difference(network: SpeakerEmbedding, model: onnx.ModelProto) -> float:
    """PyTorch against ONNX Runtime over batch sizes 1 to 9 and windows of 0.5 s to 12 s."""
    runtime = session(model)
    network = copy.deepcopy(network).float().cpu().eval()
    generator = np.random.default_rng(0)
    worst = 0.0
    for batch, frames in ((1, 50), (9, 50), (4, 150), (3, 237), (1, 1200)):
        features = generator.normal(scale=3.0, size=(batch, frames, fbank.MEL_BINS)).astype(np.float32)
        with torch.inference_mode():
            expected = network(torch.from_numpy(features)).numpy()
        worst = max(worst, float(np.abs(runtime.run(None, {INPUT: features})[0] - expected).max()))
    return worst


def save(model: onnx.ModelProto, path: Path) -> None:
    """Write atomically: a reader never sees half a model."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(model.SerializeToString(deterministic=True))
    os.replace(part, path)


def load_trained(path: Path) -> tuple[SpeakerEmbedding, dict[str, str]]:
    """The network of any file that a run leaves, and where it comes from as metadata."""
    state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    recipe = json.dumps(state["recipe"], sort_keys=True).encode()
    return load_network(path), {
        "recipe": state["recipe"]["name"],
        "recipe_sha256": hashlib.sha256(recipe).hexdigest(),
        "training_data_sha256": state["manifest_sha256"],
        "training_steps": str(state["step"]),
    }


def write_float_forms(model: onnx.ModelProto, folder: Path) -> None:
    """NAME.fp32.onnx and NAME.fp16.onnx, where NAME is the folder's."""
    for form in (model, half(model)):
        path = folder / f"{folder.name}.{metadata(form)['precision']}.onnx"
        save(form, path)
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("checkpoint", type=Path, help="final.pt or last.pt of a run")
    parser.add_argument("--output-dir", type=Path, required=True, help="models/NAME; the files are named NAME.*")
    parser.add_argument("--language", default="Multilingual")
    parser.add_argument("--license", default="Apache-2.0")
    parser.add_argument("--url", default="")
    parser.add_argument("--comment", default="speaker embedding trained by the Diarist project")


def run(args: argparse.Namespace) -> None:
    """Export a checkpoint; fails when ONNX Runtime and PyTorch disagree."""
    network, origin = load_trained(args.checkpoint)
    model = to_onnx(network, {"framework": "wespeaker", "model": args.output_dir.name, "language": args.language,
                              "license": args.license, "url": args.url, "comment": args.comment, **origin})
    difference = largest_difference(network, model)
    if difference > TOLERANCE:
        raise ExportError(f"PyTorch and ONNX Runtime may differ by {TOLERANCE:g}; they differ by {difference:g}")
    print(f"largest difference between PyTorch and ONNX Runtime: {difference:.1e}")
    write_float_forms(model, args.output_dir)
