"""The log-mel front end against a slow reference, and its exported form against itself."""

import numpy as np
import pytest
import torch

from diarist_training.segmentation import frontend
from diarist_training.segmentation.convolved import ConvolvedLogMel
from diarist_training.segmentation.frontend import LogMel


def noise(samples: int, batch: int = 2) -> torch.Tensor:
    rng = np.random.default_rng(samples)
    loud = np.abs(np.sin(np.arange(samples) / 3000.0)) + 0.01
    return torch.from_numpy((0.1 * rng.standard_normal((batch, 1, samples)) * loud).astype(np.float32))


def reference(samples: np.ndarray) -> np.ndarray:
    """(samples,) to (frames, bands) by the definition, in float64."""
    padded = np.pad(samples.astype(np.float64), 96)
    count = len(samples) // 320
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    edges = 700 * np.expm1(np.linspace(*(1127 * np.log1p(np.array([30.0, 7600.0]) / 700)), 58) / 1127)
    mel = [1127 * np.log1p(x / 700) for x in (np.arange(257) * 31.25, edges)]
    power = np.zeros((count, 56))
    for frame in range(count):
        line = np.abs(np.fft.fft(padded[320 * frame: 320 * frame + 512] * window)[:257]) ** 2 / 512
        for band in range(56):
            left, middle, right = mel[1][band: band + 3]
            weight = np.clip(np.minimum((mel[0] - left) / (middle - left), (right - mel[0]) / (right - middle)), 0, None)
            power[frame, band] = (weight * line).sum() / weight.sum()
    logarithm = np.log(power / (power.mean() + 1e-10) + 1e-5)
    return logarithm - logarithm.mean(axis=0)


def test_equals_the_reference():
    samples = noise(6400, batch=1)
    features = LogMel()(samples)
    assert features.shape == (1, 1, 20, 56)
    np.testing.assert_allclose(features[0, 0].numpy(), reference(samples[0, 0].numpy()), atol=2e-4)


@pytest.mark.parametrize("samples", [1280, 16_000, 16_123, 160_000])
def test_convolutions_equal_the_transform(samples):
    wave = noise(samples)
    with torch.no_grad():
        expected, given = LogMel()(wave), ConvolvedLogMel()(wave)
    assert given.shape == expected.shape == (2, 1, samples // frontend.FRAME_SHIFT, frontend.BANDS)
    torch.testing.assert_close(given, expected, atol=2e-4, rtol=0)


@pytest.mark.parametrize("gain", [0.003, 0.1, 3.0])
def test_level_does_not_matter(gain):
    wave = noise(32_000)
    torch.testing.assert_close(LogMel()(gain * wave), LogMel()(wave), atol=5e-3, rtol=0)


def test_digital_silence_is_flat():
    assert LogMel()(torch.zeros(1, 1, 16_000)).abs().max() < 1e-5


def test_every_band_has_lines():
    filters = frontend.mel_filters()
    assert torch.isfinite(filters).all() and (filters.sum(dim=0) > 0.999).all()
