"""The committed segmentation model: its contract, and that PyPI's sherpa-onnx runs it as it is.

sherpa-onnx runs in a process of its own: the package brings its own copy of ONNX Runtime.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile

from diarist_training import golden
from diarist_training.audio import SAMPLE_RATE
from diarist_training.export import session
from diarist_training.onnx_forms import metadata
from diarist_training.segmentation import export
from diarist_training.segmentation.powerset import decode

MODELS = Path(__file__).resolve().parents[2] / "models"
MODEL = MODELS / "diarist-segmentation" / "diarist-segmentation.onnx"
EMBEDDING = MODELS / "diarist-resnet50" / "diarist-resnet50.int8.onnx"

SCRIPT = """
import json, sys, sherpa_onnx, soundfile
segmentation = sherpa_onnx.OfflineSpeakerSegmentationModelConfig(
    pyannote=sherpa_onnx.OfflineSpeakerSegmentationPyannoteModelConfig(model=sys.argv[1]))
config = sherpa_onnx.OfflineSpeakerDiarizationConfig(
    segmentation=segmentation, embedding=sherpa_onnx.SpeakerEmbeddingExtractorConfig(model=sys.argv[2]),
    clustering=sherpa_onnx.FastClusteringConfig(num_clusters=1), min_duration_on=0.0, min_duration_off=0.0)
assert config.validate()
samples, _ = soundfile.read(sys.argv[3], dtype="float32")
segments = sherpa_onnx.OfflineSpeakerDiarization(config).process(samples).sort_by_start_time()
json.dump([(segment.start, segment.end) for segment in segments], open(sys.argv[4], "w"))
"""


@pytest.fixture(scope="module")
def spoken(tmp_path_factory) -> Path:
    """10 s of the golden voice between silences, so that it is one chunk for everyone."""
    wave = np.full(160_000, 0.0) + 1e-4 * np.random.default_rng(0).standard_normal(160_000)
    voice = golden.voice()
    for start in (24_000, 90_000):
        wave[start: start + len(voice)] += voice
    path = tmp_path_factory.mktemp("spoken") / "spoken.wav"
    soundfile.write(path, wave, SAMPLE_RATE)
    return path


def speech(path: Path) -> np.ndarray:
    """Frames in which the model hears anybody, (500,)."""
    samples, _ = soundfile.read(path, dtype="float32")
    return decode(session(MODEL).run(None, {"x": samples[None, None]})[0][0].argmax(axis=1)).any(axis=1)


def test_contract():
    said = metadata(onnx.load(MODEL))
    assert {key: said[key] for key in export.CONVENTION} == export.CONVENTION
    assert {"license", "url_1", "url_2", "recipe", "recipe_sha256", "training_data_sha256", "training_steps"} <= set(said)
    assert {node.op_type for node in onnx.load(MODEL).graph.node} <= export.OPERATORS
    assert MODEL.stat().st_size < 3_000_000


def test_silence_is_silence():
    for samples in (np.zeros((1, 1, 160_000)), 1e-3 * np.random.default_rng(1).standard_normal((1, 1, 160_000))):
        classes = session(MODEL).run(None, {"x": samples.astype(np.float32)})[0].argmax(axis=2)
        assert (classes != 0).mean() < 0.02


def test_batches_and_lengths_do_not_matter():
    runtime, rng = session(MODEL), np.random.default_rng(2)
    samples = (0.1 * rng.standard_normal((3, 1, 160_000))).astype(np.float32)
    together = runtime.run(None, {"x": samples})[0]
    np.testing.assert_allclose(runtime.run(None, {"x": samples[1:2]})[0][0], together[1], atol=1e-4)
    for length, frames in ((1_280, 4), (80_000, 248), (160_319, 500), (161_280, 504)):
        assert runtime.run(None, {"x": np.zeros((1, 1, length), np.float32)})[0].shape == (1, frames, 7)


def test_sherpa_onnx_finds_the_same_speech(spoken, tmp_path):
    target = tmp_path / "segments.json"
    subprocess.run([sys.executable, "-c", SCRIPT, MODEL, EMBEDDING, spoken, target], check=True)
    segments = json.loads(target.read_text())
    assert segments
    ours = speech(spoken)
    centre = (np.arange(500) + 0.5) * 0.02
    theirs = np.any([(centre >= start) & (centre < end) for start, end in segments], axis=0)
    # Their ends are frames' centres and ours whole frames.
    assert (ours != theirs).sum() <= 2 * len(segments)
    assert 0.35 < ours.mean() < 0.7  # the voice has a pause of its own
