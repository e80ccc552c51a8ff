"""The committed golden arrays are what the command writes today, and Kaldi's front end agrees."""

import kaldi_native_fbank
import numpy as np
import onnx
import pytest

from diarist_training import golden
from diarist_training.onnx_forms import metadata


@pytest.fixture(scope="module")
def current():
    return golden.arrays()


@pytest.mark.parametrize("name", ["waveform", "features", "short", "embeddings"])
def test_committed_arrays_are_current(current, name):
    committed = np.load(golden.FOLDER / f"{name}.npy")
    assert committed.dtype == np.float32
    np.testing.assert_allclose(current[name], committed, atol=0 if name == "waveform" else 1e-5)


def test_committed_tiny_model_is_current():
    committed, model = onnx.load(golden.FOLDER / "tiny.onnx"), golden.tiny_model()
    assert metadata(committed) == metadata(model)
    for one, other in zip(committed.graph.initializer, model.graph.initializer, strict=True):
        np.testing.assert_allclose(onnx.numpy_helper.to_array(one), onnx.numpy_helper.to_array(other), atol=1e-6)


@pytest.mark.parametrize(("name", "samples"), [("features", None), ("short", golden.SHORT_SAMPLES)])
def test_features_equal_kaldi(current, name, samples):
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = 80
    options.mel_opts.high_freq = -400
    fbank = kaldi_native_fbank.OnlineFbank(options)
    fbank.accept_waveform(16000, current["waveform"][:samples].tolist())
    fbank.input_finished()
    expected = np.stack([fbank.get_frame(index) for index in range(fbank.num_frames_ready)])
    np.testing.assert_allclose(current[name], expected, atol=1.5e-4)
