"""Powerset classes: every set of at most two of three local speakers is one class.

The order is pyannote's: nobody, the single speakers, then pairs, each in lexicographic order
(Plaquet & Bredin, "Powerset multi-class cross entropy loss for neural speaker diarization",
Interspeech 2023).
"""

from itertools import combinations, permutations

import numpy as np
import torch
from torch import Tensor

SPEAKERS, AT_ONCE = 3, 2
#: The sets in order of their class: (), A, B, C, AB, AC, BC.
SETS = tuple(members for size in range(AT_ONCE + 1) for members in combinations(range(SPEAKERS), size))
CLASSES = len(SETS)
#: (classes, speakers): 1 where the speaker belongs to the class.
MEMBERS = np.array([[speaker in members for speaker in range(SPEAKERS)] for members in SETS], np.int64)
#: Every way in which the network may have named three speakers.
PERMUTATIONS = tuple(permutations(range(SPEAKERS)))
#: (permutations, classes): the class of a set after its speakers are renamed, s to PERMUTATIONS[p][s].
RENAMED = np.array([[SETS.index(tuple(sorted(order[s] for s in members))) for members in SETS]
                    for order in PERMUTATIONS], np.int64)
_CLASS_OF_BITS = np.full(2 ** SPEAKERS, -1, np.int64)
_CLASS_OF_BITS[MEMBERS @ (2 ** np.arange(SPEAKERS))] = np.arange(CLASSES)


def encode(active: np.ndarray) -> np.ndarray:
    """Activity (..., 3) of 0 and 1 to classes (...); at most two may be active at once."""
    classes = _CLASS_OF_BITS[np.asarray(active, np.int64) @ (2 ** np.arange(SPEAKERS))]
    if (classes < 0).any():
        raise ValueError(f"at most {AT_ONCE} speakers may be active at once; frames with more: {(classes < 0).sum()}")
    return classes


def decode(classes: np.ndarray) -> np.ndarray:
    """Classes (...) to activity (..., 3) of 0 and 1."""
    return MEMBERS[classes]


def permutation_invariant_loss(logp: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Mean negative log-likelihood under the renaming of speakers that fits each chunk best.

    `logp` (batch, frames, 7) log-probabilities, `target` (batch, frames) classes. Returns the
    loss, a scalar, and per chunk the index into `PERMUTATIONS` that was best, (batch,).
    """
    renamed = torch.from_numpy(RENAMED).to(target.device)[:, target]  # (6, batch, frames)
    likelihood = logp.gather(2, renamed.permute(1, 2, 0)).mean(dim=1)  # (batch, 6)
    best, order = likelihood.max(dim=1)
    return -best.mean(), order
