"""The segmentation network: convolutions and attention, no recurrence.

Two strided convolutions over the log-mel picture bring 20 ms frames to 80 ms; at that rate blocks of
attention (who sounds alike, anywhere in the chunk) and convolution (what happens around here) follow,
in the order of a Conformer's (Gulati et al., Interspeech 2020) with one feed-forward layer. There are
no positions but what the convolutions see, so that chunks of other lengths work. The head goes back
to 20 ms by giving each of the four frames its own share of channels, and adds what a convolution
sees in the features themselves, since edges are sharper there.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .frontend import BANDS, LogMel
from .powerset import CLASSES

FOLD = 4  # frames of 20 ms in a step of the body


class Attention(nn.Module):
    """Multi-head self-attention, (batch, steps, width) -> the same; written out for a plain export."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.width, self.heads, self.size = width, heads, width // heads
        self.norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.query_key_value(self.norm(x)).split(self.width, dim=2)
        query, key, value = (part.unflatten(2, (self.heads, self.size)).transpose(1, 2) for part in parts)
        if torch.onnx.is_in_onnx_export():
            weights = torch.softmax(query @ (key.transpose(2, 3) * self.size ** -0.5), dim=-1)
            mixed = weights @ value
        else:
            mixed = F.scaled_dot_product_attention(query, key, value)
        return self.output(mixed.transpose(1, 2).flatten(2))


class Convolution(nn.Module):
    """Gated convolution over time, depthwise, (batch, steps, width) -> the same."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.width = width
        self.norm = nn.LayerNorm(width)
        self.gate = nn.Linear(width, 2 * width)
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.gate(self.norm(x)).split(self.width, dim=2)
        x = (value * torch.sigmoid(gate)).transpose(1, 2)
        return self.output(F.relu(self.depthwise(x).transpose(1, 2)))


class FeedForward(nn.Module):
    """Two linear layers, (batch, steps, width) -> the same."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.hidden, self.output = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(F.relu(self.hidden(self.norm(x))))


class Block(nn.Module):
    """Attention, convolution and feed-forward, each added to what came in."""

    def __init__(self, width: int, heads: int, kernel: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.parts = nn.ModuleList([Attention(width, heads), Convolution(width, kernel), FeedForward(width, hidden)])
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = x + F.dropout(part(x), self.dropout, self.training)
        return x


class Segmenter(nn.Module):
    """(batch, 1, samples) -> (batch, frames, 7) log-probabilities, frames = 4 * (samples // 1280).

    `features` and `classify` are its halves: training makes features without gradients.
    """

    def __init__(self, width: int = 128, blocks: int = 4, heads: int = 4, kernel: int = 9, hidden: int = 256,
                 channels: tuple[int, int] = (24, 32), head: int = 32, dropout: float = 0.0) -> None:
        super().__init__()
        self.features = LogMel()
        first, second = channels
        self.subsample = nn.Sequential(
            nn.Conv2d(1, first, (4, 3), stride=2, padding=1, bias=False), nn.BatchNorm2d(first), nn.ReLU(),
            nn.Conv2d(first, second, (4, 3), stride=2, padding=1, bias=False), nn.BatchNorm2d(second), nn.ReLU())
        self.inward = nn.Linear(second * (BANDS // 4), width)
        self.blocks = nn.ModuleList([Block(width, heads, kernel, hidden, dropout) for _ in range(blocks)])
        self.norm = nn.LayerNorm(width)
        self.outward = nn.Linear(width, FOLD * head)
        self.skip = nn.Conv1d(BANDS, FOLD * head, 2 * FOLD, stride=FOLD, padding=FOLD // 2)
        self.sharpen = nn.Conv1d(head, head, 5, padding=2)
        self.classes = nn.Linear(head, CLASSES)

    def forward(self, samples: Tensor) -> Tensor:
        return self.classify(self.features(samples))[0]

    def classify(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features (batch, 1, frames, BANDS) to log-probabilities and what the body holds halfway,
        (batch, steps, width)."""
        x = self.subsample(features)  # (batch, channels, steps, BANDS / 4)
        x = self.inward(x.transpose(1, 2).flatten(2))
        hidden = x
        for number, block in enumerate(self.blocks):
            x = block(x)
            hidden = x if number < len(self.blocks) // 2 else hidden
        skip = self.skip(features.squeeze(1).transpose(1, 2)).transpose(1, 2)
        x = F.relu(self.outward(self.norm(x)) + skip)  # (batch, steps, FOLD * head)
        # Each step's channels are those of its four frames, one after the other.
        x = x.unflatten(2, (FOLD, -1)).flatten(1, 2)
        x = x + F.relu(self.sharpen(x.transpose(1, 2)).transpose(1, 2))
        return F.log_softmax(self.classes(x), dim=-1), hidden
