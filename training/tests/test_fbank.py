"""The front end against kaldi-native-fbank, configured as sherpa-onnx does."""

import kaldi_native_fbank
import numpy as np
import pytest
import torch
from conftest import synthetic_voice

from diarist_training.fbank import Fbank, num_frames


def reference(samples: np.ndarray) -> np.ndarray:
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0.0
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = 80
    options.mel_opts.low_freq = 20.0
    options.mel_opts.high_freq = -400.0
    fbank = kaldi_native_fbank.OnlineFbank(options)
    fbank.accept_waveform(16_000, samples.tolist())
    fbank.input_finished()
    return np.stack([fbank.get_frame(index) for index in range(fbank.num_frames_ready)])


@pytest.mark.parametrize("length", [400, 8_000, 16_001, 24_000, 24_079, 24_080])
def test_equals_kaldi_native_fbank(length: int) -> None:
    # Noise under the voice keeps every band well above the rounding of a float32 FFT.
    noise = 0.05 * np.random.default_rng(length).standard_normal(length)
    samples = (synthetic_voice(3, 0)[:length] + noise).astype(np.float32)
    expected = reference(samples)
    # In double precision, so that the comparison sees the definition and not two roundings.
    ours = Fbank().double()(torch.from_numpy(samples)[None], subtract_mean=False)[0].numpy()
    assert ours.shape == expected.shape == (num_frames(length), 80)
    assert np.quantile(np.abs(ours - expected), 0.999) < 1e-4
    assert np.abs(ours - expected).max() < 1e-3


def test_mean_over_time_is_removed() -> None:
    samples = torch.from_numpy(synthetic_voice(1, 1))[None]
    assert Fbank()(samples).mean(dim=1).abs().max() < 1e-4


def test_silence_is_finite() -> None:
    assert torch.isfinite(Fbank()(torch.zeros(2, 8_000))).all()


def test_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="400 samples are needed; given: 399"):
        Fbank()(torch.zeros(1, 399))
