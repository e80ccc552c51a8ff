"""Command `segment-voiceprints`: what every training speaker sounds like, by our own embedding network.

Learning to tell voices apart from who-speaks-when labels alone takes long. The speaker embedding
network already knows it, so a layer of the segmentation network learns to foretell, step by step,
the embedding of whoever speaks alone. What is written is one unit vector of `DIMENSIONS` per
speaker: the mean over a few windows, centred over all speakers, on the directions in which
speakers differ most.
"""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..audio import SAMPLE_RATE
from ..embedders import onnx_embedder
from ..pack import Pack

DIMENSIONS = 64
WINDOW_SECONDS, WINDOWS = 3.0, 4  # per speaker; shorter clips are repeated


def windows_of(pack: Pack, clips: np.ndarray) -> list[np.ndarray]:
    """Up to WINDOWS stretches of one speaker, float32, each from another clip where there are enough."""
    length = round(WINDOW_SECONDS * SAMPLE_RATE)
    longest = clips[np.argsort(-pack.length[clips], kind="stable")]
    rows = []
    for number in range(min(WINDOWS, max(1, int(pack.length[clips].sum() // length)))):
        wave = pack.samples(longest[number % len(longest)]).astype(np.float32) / 32768.0
        start = number // len(longest) * length % max(1, len(wave) - length + 1)
        rows.append(np.resize(wave[start:], length))
    return rows


def voiceprints(pack: Pack, split: str, embed) -> tuple[np.ndarray, np.ndarray]:
    """Speakers of a split, sorted, and their unit vectors, float32 (speakers, DIMENSIONS or fewer)."""
    clips = pack.clips_of(split)
    names = np.unique(pack.speaker[clips])
    means = []
    for name in tqdm(names, desc="voices", unit="speaker", disable=None):
        means.append(embed(windows_of(pack, clips[pack.speaker[clips] == name])).mean(axis=0))
    centred = np.stack(means) - np.mean(means, axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:DIMENSIONS]
    vectors = centred @ directions.T
    return names, (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def add_arguments(parser) -> None:
    """Flags of `segment-voiceprints`."""
    parser.add_argument("--model", type=Path, default=Path("models/diarist-resnet50/diarist-resnet50.int8.onnx"))
    parser.add_argument("--pack", type=Path, default=Path("training/pack"))
    parser.add_argument("--split", default="train")
    parser.add_argument("--output", type=Path, default=Path("training/pack/voiceprints.npz"))


def run(arguments) -> int:
    """Embeds, and writes `speaker` and `vector`."""
    pack = Pack.open(arguments.pack)
    names, vectors = voiceprints(pack, arguments.split, onnx_embedder(arguments.model))
    np.savez(arguments.output, speaker=names, vector=vectors)
    print(f"{arguments.output}: {len(names)} speakers, {vectors.shape[1]} dimensions")
    return 0
