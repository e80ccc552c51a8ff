"""Log-mel filterbank in batches, equal to kaldi-native-fbank as sherpa-onnx configures it.

16 kHz samples in [-1, 1]; frames of 25 ms every 10 ms, edges reflected (`snip_edges=False`);
per frame: mean removed, pre-emphasis 0.97, Povey window, 512-point power spectrum; 80
triangular filters on Kaldi's mel scale from 20 to 7,600 Hz; natural logarithm with a floor.
"""

import math

import torch
from torch import Tensor, nn

SAMPLE_RATE = 16_000
FRAME_LENGTH = 400
FRAME_SHIFT = 160
FFT_SIZE = 512
MEL_BINS = 80
LOW_HZ = 20.0
HIGH_HZ = 7_600.0
PREEMPHASIS = 0.97
LOG_FLOOR = 1.1920928955078125e-07  # float32 epsilon, as in Kaldi


def num_frames(num_samples: int) -> int:
    """Frames that `num_samples` samples give with reflected edges."""
    return (num_samples + FRAME_SHIFT // 2) // FRAME_SHIFT


def mel_weights() -> Tensor:
    """Triangular filters, shape (FFT_SIZE // 2 + 1, MEL_BINS); rows are FFT bins."""
    def mel(hertz: Tensor | float) -> Tensor:
        return 1127.0 * torch.log1p(torch.as_tensor(hertz, dtype=torch.float64) / 700.0)

    low, high = mel(LOW_HZ), mel(HIGH_HZ)
    edges = low + (high - low) / (MEL_BINS + 1) * torch.arange(MEL_BINS + 2, dtype=torch.float64)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    bins = mel(torch.arange(FFT_SIZE // 2 + 1, dtype=torch.float64) * SAMPLE_RATE / FFT_SIZE)[:, None]
    rising, falling = (bins - left) / (centre - left), (right - bins) / (right - centre)
    return torch.minimum(rising, falling).clamp(min=0.0).float()


def povey_window() -> Tensor:
    """Hann window to the power 0.85, length FRAME_LENGTH."""
    ramp = torch.arange(FRAME_LENGTH, dtype=torch.float64)
    return (0.5 - 0.5 * torch.cos(2.0 * math.pi * ramp / (FRAME_LENGTH - 1))).pow(0.85).float()


class Fbank(nn.Module):
    """(batch, samples) -> (batch, frames, 80) log-mel, with the mean over time removed by default."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", povey_window(), persistent=False)
        self.register_buffer("mel", mel_weights(), persistent=False)

    @torch.no_grad()
    def forward(self, samples: Tensor, subtract_mean: bool = True) -> Tensor:
        with torch.autocast(samples.device.type, enabled=False):
            frames = self._frames(samples.to(self.window.dtype))
            frames = frames - frames.mean(dim=-1, keepdim=True)
            previous = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
            frames = (frames - PREEMPHASIS * previous) * self.window
            spectrum = torch.fft.rfft(frames, n=FFT_SIZE)
            power = spectrum.real.square() + spectrum.imag.square()
            features = torch.matmul(power, self.mel).clamp(min=LOG_FLOOR).log()
            return features - features.mean(dim=1, keepdim=True) if subtract_mean else features

    @staticmethod
    def _frames(samples: Tensor) -> Tensor:
        """(batch, samples) -> (batch, frames, FRAME_LENGTH), mirrored at both ends."""
        count = num_frames(samples.shape[-1])
        if count == 0 or samples.shape[-1] < FRAME_LENGTH:
            raise ValueError(f"at least {FRAME_LENGTH} samples are needed; given: {samples.shape[-1]}")
        before = (FRAME_LENGTH - FRAME_SHIFT) // 2
        after = max(0, (count - 1) * FRAME_SHIFT + FRAME_LENGTH - before - samples.shape[-1])
        padded = torch.cat([samples[:, :before].flip(-1), samples, samples[:, samples.shape[-1] - after:].flip(-1)], dim=-1)
        return padded.unfold(-1, FRAME_LENGTH, FRAME_SHIFT)[:, :count]
