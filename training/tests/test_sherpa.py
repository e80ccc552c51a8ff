"""PyPI's sherpa-onnx loads our files as they are and computes the same embeddings.

In a process of its own: the package brings its own copy of ONNX Runtime.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from diarist_training import golden
from diarist_training.export import session

MODELS = Path(__file__).resolve().parents[2] / "models"
FILES = [golden.FOLDER / "tiny.onnx", *sorted(MODELS.glob("*/*int8.onnx"))]

SCRIPT = """
import sys, numpy, sherpa_onnx
config = sherpa_onnx.SpeakerEmbeddingExtractorConfig(model=sys.argv[1], num_threads=1, provider="cpu")
extractor = sherpa_onnx.SpeakerEmbeddingExtractor(config)
stream = extractor.create_stream()
stream.accept_waveform(16000, numpy.load(sys.argv[2]))
stream.input_finished()
numpy.save(sys.argv[3], numpy.array(extractor.compute(stream), dtype=numpy.float32))
"""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_same_embedding_as_sherpa_onnx(path, tmp_path):
    target = tmp_path / "embedding.npy"
    subprocess.run([sys.executable, "-c", SCRIPT, path, golden.FOLDER / "waveform.npy", target], check=True)
    features = np.load(golden.FOLDER / "features.npy")
    features -= features.mean(axis=0)
    expected = session(path).run(None, {"feats": features[None]})[0][0]
    np.testing.assert_allclose(np.load(target), expected, atol=1e-3)
