"""Command ``golden``: small arrays on which other implementations of the front end are tested.

Written into ``tests/fixtures/golden/`` and committed:

- ``waveform.npy``  float32 ``[48000]``: three seconds of a synthesised voice at 16 kHz
- ``features.npy``  float32 ``[300, 80]``: its log-mel frames, mean not subtracted
- ``short.npy``  float32 ``[25, 80]``: the frames of the first 4,000 samples alone, for the edges
- ``tiny.onnx``  a network of one convolution with random weights that keeps the whole contract
  of ``models/README.md``
- ``embeddings.npy``  float32 ``[3, 512]``: what it gives for windows of 150 frames every 75, cut
  out of ``features.npy`` and each mean-normalised
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from scipy.signal import lfilter
from torch import Tensor, nn

from .audio import SAMPLE_RATE, to_int16
from .export import INPUT, save, session, to_onnx
from .fbank import MEL_BINS, Fbank

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "golden"
WINDOW_FRAMES, STEP_FRAMES, SHORT_SAMPLES = 150, 75, 4000
#: With this seed float32 rounding stays under 1e-4 in every band of every frame.
VOICE_SEED = 20
#: First three formants of five vowels in Hz (Peterson and Barney 1952, men).
FORMANTS = ((270, 2290, 3010), (730, 1090, 2440), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))


def voice() -> np.ndarray:
    """Pulses through formant resonators, a hiss, a pause and a DC offset; float32 ``[48000]``.

    Rounded to 16 bits, so that every machine gives the same samples.
    """
    generator = np.random.default_rng(VOICE_SEED)
    parts = []
    for index, formants in enumerate(FORMANTS):
        length = SAMPLE_RATE // 2
        pitch = np.linspace(110 + 12 * index, 150 - 8 * index, length)
        phase = np.cumsum(pitch / SAMPLE_RATE)
        sound = (np.diff(np.floor(phase), prepend=0) > 0) + 0.01 * generator.standard_normal(length)
        for frequency in formants:
            radius, angle = np.exp(-np.pi * 90 / SAMPLE_RATE), 2 * np.pi * frequency / SAMPLE_RATE
            sound = lfilter([1.0], [1.0, -2 * radius * np.cos(angle), radius**2], sound)
        parts.append(0.15 * sound / np.abs(sound).max() * np.hanning(length) ** 0.3)
    parts.insert(2, np.zeros(SAMPLE_RATE // 4))
    parts.insert(4, 0.05 * generator.standard_normal(SAMPLE_RATE // 4))
    samples = np.concatenate(parts)
    # Some noise everywhere: without it the weakest bands hold only the rounding of float32.
    return to_int16(samples + 0.01 * generator.standard_normal(len(samples)) + 0.01).astype(np.float32) / 32768


class Tiny(nn.Module):
    """The parts that ``export`` expects of a network, as small as they can be."""

    def __init__(self, dim: int = 512) -> None:
        super().__init__()
        self.backbone = _TinyBackbone()
        self.linear = nn.Linear(_TinyBackbone.CHANNELS, dim, bias=False)
        self.norm = nn.BatchNorm1d(dim)

    def forward(self, features: Tensor) -> Tensor:
        embedding = self.norm(self.linear(self.backbone(features)))
        return embedding / embedding.norm(dim=1, keepdim=True)


class _TinyBackbone(nn.Module):
    CHANNELS = 32

    def __init__(self) -> None:
        super().__init__()
        # Few frames wide, all 80 bins high: speakers differ in their spectrum.
        self.convolution = nn.Conv2d(1, self.CHANNELS, (3, MEL_BINS), stride=(2, 1), padding=(1, 0), bias=False)
        self.norm = nn.BatchNorm2d(self.CHANNELS)

    def forward(self, features: Tensor) -> Tensor:
        image = features.unsqueeze(1) if features.dim() == 3 else features
        return torch.relu(self.norm(self.convolution(image))).mean(dim=(2, 3))


def tiny_model() -> onnx.ModelProto:
    """The random network of ``tiny.onnx``, the same on every machine."""
    network, generator = Tiny(), np.random.default_rng(21)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point() and tensor.dim() > 1:
                tensor.copy_(torch.from_numpy(generator.normal(scale=0.1, size=tensor.shape)))
    return to_onnx(network, {"framework": "wespeaker", "language": "Multilingual", "model": "tiny",
                             "license": "Apache-2.0", "url": "", "comment": "random weights, for tests"})


def arrays() -> dict[str, np.ndarray]:
    """Every committed array by file stem."""
    waveform = voice()
    fbank = Fbank()
    features = fbank(torch.from_numpy(waveform)[None], subtract_mean=False)[0].numpy()
    short = fbank(torch.from_numpy(waveform[:SHORT_SAMPLES])[None], subtract_mean=False)[0].numpy()
    starts = range(0, len(features) - WINDOW_FRAMES + 1, STEP_FRAMES)
    windows = np.stack([features[start : start + WINDOW_FRAMES] for start in starts])
    windows -= windows.mean(axis=1, keepdims=True)
    embeddings = session(tiny_model()).run(None, {INPUT: windows})[0]
    return {"waveform": waveform, "features": features, "short": short, "embeddings": embeddings}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("--output-dir", type=Path, default=FOLDER)


def run(args: argparse.Namespace) -> None:
    """Write the arrays and the tiny model."""
    save(tiny_model(), args.output_dir / "tiny.onnx")
    for name, values in arrays().items():
        np.save(args.output_dir / f"{name}.npy", values.astype("<f4"))
        print(f"{args.output_dir / name}.npy: {values.shape}")
