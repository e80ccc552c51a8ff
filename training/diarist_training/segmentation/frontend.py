"""Log-mel features of a chunk.

Frames of 32 ms every 20 ms, centred in their 20 ms, so that samples 320 i to 320 (i + 1) belong to
frame i; Hann window; power spectrum; triangular filters on Kaldi's mel scale, narrow enough to tell a
low voice's harmonics apart.

The level is taken out twice: the power is divided by the chunk's mean before the logarithm, whose
floor therefore lies 50 dB below the chunk, and the mean over time is taken off every band after it,
and with it the microphone's colour.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SAMPLE_RATE = 16_000
FRAME_SHIFT = 320
WINDOW = 512
BANDS = 56
LOW_HZ, HIGH_HZ = 30.0, 7_600.0
FLOOR = 1e-5  # of the chunk's mean power
SILENCE = 1e-10  # mean power that digital silence is given
_PADDING = (WINDOW - FRAME_SHIFT) // 2


def mel_filters() -> Tensor:
    """Triangular filters (WINDOW // 2 + 1, BANDS), each with sum 1: a band's value is a mean of powers."""
    def mel(hertz: Tensor | float) -> Tensor:
        return 1127.0 * torch.log1p(torch.as_tensor(hertz, dtype=torch.float64) / 700.0)

    edges = torch.linspace(float(mel(LOW_HZ)), float(mel(HIGH_HZ)), BANDS + 2, dtype=torch.float64)
    position = mel(torch.arange(WINDOW // 2 + 1, dtype=torch.float64) * SAMPLE_RATE / WINDOW)[:, None]
    rising = (position - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - position) / (edges[2:] - edges[1:-1])
    weights = torch.minimum(rising, falling).clamp(min=0.0)
    return (weights / weights.sum(dim=0)).float()


class LogMel(nn.Module):
    """(batch, 1, samples) in [-1, 1] -> (batch, 1, samples // 320, BANDS), mean 0 over time."""

    def __init__(self) -> None:
        super().__init__()
        window = torch.hann_window(WINDOW, dtype=torch.float64) / math.sqrt(WINDOW)
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("filters", mel_filters(), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        bands = self.bands(samples)
        level = bands.mean(dim=(1, 2), keepdim=True) + SILENCE
        logarithm = (bands / level + FLOOR).log()
        return (logarithm - logarithm.mean(dim=1, keepdim=True)).unsqueeze(1)

    def bands(self, samples: Tensor) -> Tensor:
        """Mean power per band, (batch, frames, BANDS)."""
        frames = F.pad(samples[:, 0], (_PADDING, _PADDING)).unfold(1, WINDOW, FRAME_SHIFT)
        spectrum = torch.fft.rfft(frames * self.window)
        return (spectrum.real.square() + spectrum.imag.square()) @ self.filters
