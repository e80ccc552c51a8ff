"""Convolutional backbones over a log-mel image: (batch, 1, frames, 80) -> (batch, channels).

ResNets after He et al. 2015 ("Deep residual learning for image recognition") in the form with
the stride on the 3x3 convolution, and MobileNetV2 after Sandler et al. 2018, both with one
input channel and global average pooling, so that any number of frames gives one vector.
"""

import torch
from torch import Tensor, nn


def _norm_conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(outputs)]


class _Residual(nn.Module):
    """relu(body(x) + shortcut(x)); the shortcut projects where the shape changes."""

    def __init__(self, body: list[nn.Module], inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else nn.Sequential(*_norm_conv(inputs, outputs, 1, stride))
        self.relu = nn.ReLU(inplace=True)
        # Starting each residual branch at zero makes the first steps those of a shallow net.
        nn.init.zeros_(body[-1].weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.body(x) + self.shortcut(x))


def _basic(inputs: int, width: int, stride: int) -> _Residual:
    body = [*_norm_conv(inputs, width, 3, stride), nn.ReLU(inplace=True), *_norm_conv(width, width, 3)]
    return _Residual(body, inputs, width, stride)


def _bottleneck(inputs: int, width: int, stride: int) -> _Residual:
    body = [*_norm_conv(inputs, width, 1), nn.ReLU(inplace=True),
            *_norm_conv(width, width, 3, stride), nn.ReLU(inplace=True),
            *_norm_conv(width, 4 * width, 1)]
    return _Residual(body, inputs, 4 * width, stride)


class ResNet(nn.Module):
    """Stem 7x7/2 and max pooling, four stages of residual blocks, global average pooling."""

    def __init__(self, bottleneck: bool, depths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_norm_conv(1, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1))
        block, expansion = (_bottleneck, 4) if bottleneck else (_basic, 1)
        stages, channels = [], 64
        for stage, depth in enumerate(depths):
            width, blocks = 64 << stage, []
            for index in range(depth):
                blocks.append(block(channels, width, 2 if stage > 0 and index == 0 else 1))
                channels = width * expansion
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.channels = channels
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(self.stem(x)).mean(dim=(2, 3))


class MobileNetV2(nn.Module):
    """Inverted residual blocks with depthwise convolutions; width 1.0."""

    # Expansion, output channels, repeats, stride of the first: table 2 of the paper.
    TABLE = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [*_norm_conv(1, 32, 3, 2), nn.ReLU6(inplace=True)]
        inputs = 32
        for expansion, outputs, repeats, first_stride in self.TABLE:
            for index in range(repeats):
                layers.append(_InvertedResidual(inputs, outputs, expansion, first_stride if index == 0 else 1))
                inputs = outputs
        self.channels = 1280
        self.layers = nn.Sequential(*layers, *_norm_conv(inputs, self.channels, 1), nn.ReLU6(inplace=True))
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).mean(dim=(2, 3))


class _InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        expand = [*_norm_conv(inputs, hidden, 1), nn.ReLU6(inplace=True)] if expansion > 1 else []
        self.body = nn.Sequential(*expand, *_norm_conv(hidden, hidden, 3, stride, hidden), nn.ReLU6(inplace=True),
                                  *_norm_conv(hidden, outputs, 1))
        self.skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.skip else self.body(x)


def _initialise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


BACKBONES = {
    "resnet18": lambda: ResNet(False, (2, 2, 2, 2)),
    "resnet34": lambda: ResNet(False, (3, 4, 6, 3)),
    "resnet50": lambda: ResNet(True, (3, 4, 6, 3)),
    "mobilenetv2": MobileNetV2,
}


class Dropout(nn.Module):
    """Dropout that draws from `generator`, so that a step's masks follow from its seed alone."""

    def __init__(self, chance: float) -> None:
        super().__init__()
        self.chance = chance
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.chance == 0.0:
            return x
        keep = torch.rand(x.shape, generator=self.generator, device=x.device) >= self.chance
        return x * keep / (1.0 - self.chance)


class SpeakerEmbedding(nn.Module):
    """(batch, frames, 80) mean-normalised log-mel -> (batch, dim) with unit norm."""

    def __init__(self, backbone: str = "resnet50", dim: int = 512, dropout: float = 0.3) -> None:
        super().__init__()
        if backbone not in BACKBONES:
            raise ValueError(f"backbone must be one of {', '.join(BACKBONES)}; given: {backbone}")
        self.backbone = BACKBONES[backbone]()
        self.dropout = Dropout(dropout)
        self.linear = nn.Linear(self.backbone.channels, dim, bias=False)
        self.norm = nn.BatchNorm1d(dim)

    def forward(self, features: Tensor) -> Tensor:
        pooled = self.backbone(features.unsqueeze(1))
        embedding = self.norm(self.linear(self.dropout(pooled)))
        return embedding / embedding.norm(dim=1, keepdim=True).clamp(min=1e-6)
