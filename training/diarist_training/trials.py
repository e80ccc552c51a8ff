"""Verification trials: which pairs of utterances are compared, and which part of each.

Every unordered pair of different utterances of one corpus is a trial, so no utterance
ever meets itself. In Common Voice, codec and language give the speaker away, so its
non-target pairs share a language. Pairs across corpora are left out for that reason too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .audio import SAMPLE_RATE
from .manifest import Utterance


@dataclass(frozen=True)
class Trials:
    """Pairs ``left[k], right[k]`` (indices of utterances, left < right) and whether they are targets."""

    left: np.ndarray
    right: np.ndarray
    target: np.ndarray

    def __len__(self) -> int:
        return len(self.left)

    def among(self, kept: np.ndarray) -> "Trials":
        """Only the trials both of whose utterances are marked in ``kept`` (bool per utterance)."""
        keep = kept[self.left] & kept[self.right]
        return Trials(self.left[keep], self.right[keep], self.target[keep])

    def scores(self, embeddings: np.ndarray) -> np.ndarray:
        """Cosine similarity of every trial, from L2-normalised ``embeddings [utterances, dim]``."""
        return np.einsum("nd,nd->n", embeddings[self.left], embeddings[self.right])


def all_pairs(utterances: Sequence[Utterance]) -> Trials:
    """Build the trials among ``utterances`` by the rules of this module."""
    speaker, corpus, language = (
        np.unique([getattr(item, name) for item in utterances], return_inverse=True)[1]
        for name in ("speaker", "corpus", "language"))
    by_language = np.array([item.corpus.startswith("commonvoice") for item in utterances])
    left, right = np.triu_indices(len(utterances), 1)
    target = speaker[left] == speaker[right]
    comparable = (corpus[left] == corpus[right]) & (
        ~by_language[left] | (language[left] == language[right]))
    keep = target | comparable
    return Trials(left[keep], right[keep], target[keep])


def crop(wave: np.ndarray, seconds: float, path: str, seed: int) -> np.ndarray | None:
    """A piece of ``wave`` of exactly ``seconds``, the same one for the same path and seed.

    ``None`` when the wave is shorter: stretching or repeating it would test something else.
    """
    length = round(seconds * SAMPLE_RATE)
    if len(wave) < length:
        return None
    digest = hashlib.sha256(f"{seed}\0{seconds:g}\0{path}".encode()).digest()
    start = int.from_bytes(digest[:8], "little") % (len(wave) - length + 1)
    return wave[start : start + length]
