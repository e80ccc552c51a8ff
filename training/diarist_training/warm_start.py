"""A run that begins where an exported model ended.

The checkpoint of a model is four times as large as the file that is shipped, and is not kept with
it. The shipped file has BatchNorm folded into the weights, so here it is unfolded again: each
layer's statistics are measured on speech, its weights are brought back to unit output variance, and
scale and shift are chosen so that the network computes what the file does.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from .fbank import SAMPLE_RATE, Fbank
from .losses.objective import Objective
from .onnx_forms import WEIGHTED, dequantised, metadata
from .resnet import SpeakerEmbedding
from .sampler import BalancedSampler, Batch, Cropper

CROP_SAMPLES = round(1.5 * SAMPLE_RATE)
CALIBRATION_CROPS = 256
CROPS_PER_SPEAKER = 4


def folded_layers(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weight and bias of every layer of an fp32 or weights-int8 file, in the order in which they run."""
    model = onnx.load(path)
    form = metadata(model).get("precision")
    if form not in ("fp32", "weights-int8"):
        raise ValueError(f"a run starts from an fp32 or weights-int8 file; {path} is {form}")
    if form == "weights-int8":
        model = dequantised(model)
    tensors = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    return [(tensors[node.input[1]].copy(), tensors[node.input[2]].copy()) for node in model.graph.node if node.op_type in WEIGHTED]


@torch.no_grad()
def unfold(network: SpeakerEmbedding, layers: list[tuple[np.ndarray, np.ndarray]], features: Tensor) -> None:
    """Puts folded layers into a network with BatchNorm, with the statistics of `features` (batch, frames, 80)."""
    modules = list(network.modules())
    weighted = [module for module in modules if isinstance(module, nn.Conv2d | nn.Linear)]
    norms = [module for module in modules if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    shapes = [tuple(module.weight.shape) for module in weighted]
    if shapes != [weight.shape for weight, _ in layers]:
        raise ValueError(f"the file's {len(layers)} layers are not those of the recipe's backbone ({len(shapes)} layers)")
    for module, (weight, _) in zip(weighted, layers, strict=True):
        module.weight.copy_(torch.from_numpy(weight))
    hooks = [norm.register_forward_pre_hook(_calibrator(module, torch.from_numpy(bias)))
             for module, norm, (_, bias) in zip(weighted, norms, layers, strict=True)]
    network.eval()(features)
    for hook in hooks:
        hook.remove()


def _calibrator(module: nn.Module, bias: Tensor):
    """Sets a BatchNorm just before it runs, from the output of the layer before it."""
    def calibrate(norm: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        over = [axis for axis in range(inputs[0].ndim) if axis != 1]
        variance, mean = torch.var_mean(inputs[0], dim=over, correction=0)
        # A channel that is off keeps its weights: blowing them up would switch it on.
        scale = variance.sqrt().clamp(min=1e-3)
        shape = [-1] + [1] * (module.weight.ndim - 1)
        module.weight /= scale.view(shape)
        norm.running_mean.copy_(mean / scale)
        norm.running_var.copy_((variance / scale.square() - norm.eps).clamp(min=0.0))
        norm.weight.copy_(scale * (norm.running_var + norm.eps).sqrt())
        norm.bias.copy_(mean + bias)
        return (inputs[0] / scale.view([1, -1] + [1] * (inputs[0].ndim - 2)),)
    return calibrate


def speaker_crops(sampler: BalancedSampler, seed: int) -> Batch:
    """Crops of every class, `CROPS_PER_SPEAKER` each."""
    random = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(sampler.classes), CROPS_PER_SPEAKER)
    clip = np.concatenate([random.choice(own, CROPS_PER_SPEAKER) for own in sampler.clips * len(sampler.speeds)])
    room = np.maximum(sampler.pack.length[clip] - CROP_SAMPLES, 0)
    return Batch(speaker, clip, random.integers(0, room + 1), np.repeat(sampler.speeds, len(sampler.names) * CROPS_PER_SPEAKER))


@torch.no_grad()
def start_from(path: Path, network: SpeakerEmbedding, objective: Objective, sampler: BalancedSampler,
               cropper: Cropper, fbank: Fbank, seed: int, bf16: bool) -> None:
    """The network as in the file, and the losses' own weights as that network would want them."""
    crops = speaker_crops(sampler, seed)
    device = next(network.parameters()).device
    order = np.random.default_rng(seed).permutation(len(crops.speaker))
    some = crops.rows(order[:CALIBRATION_CROPS])
    unfold(network, folded_layers(path), fbank(cropper(some, CROP_SAMPLES)))
    rows = []
    for part in np.array_split(np.arange(len(crops.speaker)), max(1, len(crops.speaker) // 64)):
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            rows.append(network(fbank(cropper(crops.rows(part), CROP_SAMPLES))).float())
    labels, clips = (torch.from_numpy(column).to(device) for column in (crops.speaker, crops.clip))
    objective.start_from(torch.cat(rows), labels, clips)
