"""Command ``tutorial-diarize``: diarization as most tutorials build it, to compare the pipeline with.

Resemblyzer's ``preprocess_wav`` (volume, webrtcvad cuts the pauses), its encoder on windows of
1.6 s, 16 a second, and PyPI's ``spectralcluster`` as it configures itself after Q. Wang et al.,
"Speaker diarization with LSTM" (ICASSP 2018), a window's label holding half way to the next window's.
``diarize-score`` without ``--pipeline`` scores what is written.

Three things are done better than in the tutorials. The number of speakers is limited to 2 to 7, as that
configuration does, where many allow 100 and get dozens. Times are those of the recording, where theirs are of
what is left once the pauses are cut, and the pauses stay without a speaker. And the eigenvectors
come from a symmetric solver that computes those that are needed: see :func:`leading_eigenvectors`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from resemblyzer import VoiceEncoder, hparams
from scipy.linalg import eigh
from spectralcluster import configs, utils
from tqdm import tqdm

from .audio import read_mono
from .diarization import read_conversations
from .resemblyzer_encoder import MIN_COVERAGE, ResemblyzerEncoder, partial_mels, prepare, voiced
from .rttm import SpeakerTurn, write_rttm

RATE = 16
CLUSTERER = configs.icassp2018_clusterer


def leading_eigenvectors(matrix: np.ndarray, descend: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """What ``spectralcluster.utils.compute_sorted_eigenvectors`` finds, as far as it is looked at.

    The package decomposes an affinity whose rows were divided by their maxima ``d`` with a solver
    for any matrix, which takes hours where there are thousands of windows. The affinity itself, ``S``, is
    symmetric and positive. So ``S[i, j] / sqrt(d[i] d[j])`` is symmetric, has the same
    eigenvalues, and its eigenvectors are those of ``S[i, j] / d[i]`` times ``sqrt(d)``.
    """
    assert descend, "the ICASSP 2018 refinements use no Laplacian"
    count = len(matrix)
    # matrix[i, j] d[i] = matrix[j, i] d[j], so one row and column give all maxima up to a factor.
    root = np.sqrt(matrix[0] / matrix[:, 0])
    symmetric = matrix * root[:, None] / root[None, :]
    least = max(0, count - CLUSTERER.max_clusters - 1)
    values, vectors = eigh(symmetric, subset_by_index=[least, count - 1], overwrite_a=True)
    vectors = vectors[:, ::-1] / root[:, None]
    return values[::-1], vectors / np.linalg.norm(vectors, axis=0)


def cluster(partials: np.ndarray) -> np.ndarray:
    """A speaker for each window's embedding, ``[windows, 256]``."""
    if len(partials) < CLUSTERER.min_clusters:
        return np.zeros(len(partials), int)
    original, utils.compute_sorted_eigenvectors = utils.compute_sorted_eigenvectors, leading_eigenvectors
    try:
        return CLUSTERER.predict(partials.astype(np.float64))
    finally:
        utils.compute_sorted_eigenvectors = original


def turns(labels: np.ndarray, middles: np.ndarray, keep: np.ndarray) -> Iterator[tuple[float, float, int]]:
    """Start, end (seconds) and speaker of what lies in kept samples; ``middles`` are windows' in those."""
    places = np.flatnonzero(keep)
    borders = (middles[1:] + middles[:-1]) // 2
    speaker = labels[np.searchsorted(borders, np.arange(len(places)), side="right")]
    cuts = np.flatnonzero((np.diff(places) > 1) | (np.diff(speaker) != 0)) + 1
    for first, last in zip(np.r_[0, cuts], np.r_[cuts, len(places)] - 1):
        yield places[first] / hparams.sampling_rate, (places[last] + 1) / hparams.sampling_rate, int(speaker[first])


def embed(encoder: ResemblyzerEncoder, wave: np.ndarray) -> np.ndarray:
    """Embeddings of the windows of what the detector keeps of a recording, ``[windows, 256]``."""
    parts = (mel[None] for mel in partial_mels(wave, RATE))
    return np.concatenate(list(encoder.embed_parts(parts)))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("--audio", type=Path, required=True, help="folder of FLAC or WAV with RTTM beside")
    parser.add_argument("--output", type=Path, required=True, help="folder for the hypotheses")


def run(args: argparse.Namespace) -> None:
    """Write one RTTM per recording; embeddings that are there already are used again."""
    args.output.mkdir(parents=True, exist_ok=True)
    encoder = ResemblyzerEncoder()
    for item in tqdm(read_conversations(args.audio), unit="file", disable=None):
        name = item.audio.stem
        wave = prepare(read_mono(item.audio), trim=False)
        keep = voiced(wave)
        spoken = wave[: len(keep)][keep]
        kept = args.output / f"{name}.partials.npy"
        if not kept.exists() or kept.stat().st_mtime < item.audio.stat().st_mtime:
            np.save(kept, embed(encoder, spoken))
        slices, _ = VoiceEncoder.compute_partial_slices(len(spoken), RATE, MIN_COVERAGE)
        middles = np.array([(part.start + part.stop) // 2 for part in slices])
        found = turns(cluster(np.load(kept)), middles, keep)
        write_rttm(args.output / f"{name}.rttm",
                   [SpeakerTurn(name, start, end - start, f"S{who}") for start, end, who in found])
