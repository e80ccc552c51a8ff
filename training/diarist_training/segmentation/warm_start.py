"""A run that begins where an exported segmentation model ended.

The file holds the network's weights under their names, but for two things that the export changes:
a linear layer's weight is the right side of a product and has lost its name, and the first two convolutions
have taken in the BatchNorm behind them. The latter is taken out again with the statistics of chunks.
"""

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from .network import Segmenter


@torch.no_grad()
def start_from(path: Path, network: Segmenter, samples: Tensor) -> None:
    """Gives `network` the weights in the file; `samples` (chunks, 1, CHUNK) are what it will hear."""
    graph = onnx.load(path).graph
    tensors = {item.name: torch.from_numpy(numpy_helper.to_array(item).copy()) for item in graph.initializer}
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    products = [tensors[node.input[1]].T for node in graph.node if node.op_type == "MatMul" and node.input[1] in tensors]
    convolutions = [node for node in graph.node if node.op_type == "Conv" and tensors[node.input[1]].ndim == 4]
    named = {name: value for name, value in network.named_parameters()
             if not name.startswith("subsample.") and not any(value is module.weight for module in linear)}
    pairs = [*((module.weight, weight) for module, weight in zip(linear, products)),
             *((value, tensors.get(f"network.{name}", torch.empty(0))) for name, value in named.items())]
    if len(products) != len(linear) or any(own.shape != given.shape for own, given in pairs):
        raise ValueError(f"{path} holds another network than the recipe's")
    for own, given in pairs:
        own.copy_(given)
    _unfold(network.subsample, [[tensors[name] for name in node.input[1:3]] for node in convolutions],
            network.features(samples))


def _unfold(layers: nn.Sequential, folded: list[list[Tensor]], x: Tensor) -> None:
    """Convolution, BatchNorm and ReLU for each of the folded (weight, bias), with the statistics of `x`."""
    for first, (weight, bias) in zip(range(0, len(layers), 3), folded, strict=True):
        convolution, norm, relu = layers[first: first + 3]
        convolution.weight.copy_(weight)
        x = convolution(x)
        variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(mean + bias)
        x = relu(norm.eval()(x))
    layers.train()
