"""Speaker encoders behind one shape, so that all are scored on the very same samples.

An embedder takes waveforms (float32, 16 kHz, mono, any lengths) and returns unit
vectors, float32 ``[n, dim]``. A system is named on the command line by a spec:
``resemblyzer``, the path of an ONNX file, or the path of a training checkpoint.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from .fbank import Fbank

Embedder = Callable[[Sequence[np.ndarray]], np.ndarray]
_INT16_SCALE = 32768.0


class FbankEmbedder:
    """A network on log-mel features, ``[batch, frames, 80]`` to ``[batch, dim]``.

    Waveforms of equal length share a batch; others run alone, since padding would
    change both the mean normalisation and the pooling.
    """

    def __init__(self, network: Callable[[torch.Tensor], np.ndarray], *, batch: int = 32,
                 scale: float = 1.0, subtract_mean: bool = True) -> None:
        self._network, self._batch = network, batch
        self._scale, self._subtract_mean = scale, subtract_mean
        self._fbank = Fbank()

    @torch.inference_mode()
    def __call__(self, waves: Sequence[np.ndarray]) -> np.ndarray:
        by_length: dict[int, list[int]] = defaultdict(list)
        for index, wave in enumerate(waves):
            by_length[len(wave)].append(index)
        rows: list[np.ndarray | None] = [None] * len(waves)
        for indices in by_length.values():
            for first in range(0, len(indices), self._batch):
                part = indices[first : first + self._batch]
                samples = torch.from_numpy(np.stack([waves[i] for i in part])) * self._scale
                vectors = np.asarray(self._network(self._fbank(samples, self._subtract_mean)))
                vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
                for index, vector in zip(part, vectors):
                    rows[index] = vector
        return np.stack(rows).astype(np.float32)


def onnx_embedder(path: Path, threads: int = 0) -> FbankEmbedder:
    """An ONNX file that obeys the model contract; its metadata decides scale and mean."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # As the program does: without it, sums of 8-bit products saturate on x86 processors without VNNI.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    missing = [key for key in ("sample_rate", "normalize_samples") if key not in metadata]
    if missing:
        raise ValueError(f"{path}: metadata lacks {', '.join(missing)}")
    if metadata["sample_rate"] != "16000":
        raise ValueError(f"{path}: sample_rate must be 16000, is {metadata['sample_rate']}")
    name = session.get_inputs()[0].name
    return FbankEmbedder(lambda features: session.run(None, {name: features.numpy()})[0],
                         scale=1.0 if metadata["normalize_samples"] == "1" else _INT16_SCALE,
                         subtract_mean=metadata.get("feature_normalize_type") == "global-mean")


def checkpoint_embedder(path: Path) -> FbankEmbedder:
    """A checkpoint of the trainer, in fp32."""
    from .checkpoint import load_network

    network = load_network(path)
    return FbankEmbedder(lambda features: network(features).numpy())


def load_embedder(spec: str) -> Embedder:
    """The embedder that a command-line ``spec`` names."""
    if spec == "resemblyzer":
        from .resemblyzer_encoder import ResemblyzerEncoder

        return ResemblyzerEncoder()
    path = Path(spec)
    if not path.is_file():
        raise FileNotFoundError(f"no such model: {spec} (give `resemblyzer`, an .onnx file or a checkpoint)")
    return onnx_embedder(path) if path.suffix == ".onnx" else checkpoint_embedder(path)
