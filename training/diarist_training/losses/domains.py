"""Keeps a classifier from winning by recognising the recording instead of the voice.

With several corpora in one softmax, telling a speaker from those of the other corpora is easiest
by room, microphone and codec, and the embedding learns those. So for a crop's softmax the
classes of other corpora do not count, and those of other languages count less.
"""

import numpy as np
import torch
from torch import Tensor, nn

from ..pack import Pack
from ..sampler import BalancedSampler


class DomainDiscount(nn.Module):
    """What is taken off the logits of classes from another corpus or another language."""

    def __init__(self, pack: Pack, sampler: BalancedSampler, other_corpus: float = 0.0, other_language: float = 0.0) -> None:
        super().__init__()
        first = np.array([clips[0] for clips in sampler.clips])
        corpus, language = (np.tile(np.unique(column[first], return_inverse=True)[1], len(sampler.speeds))
                            for column in (pack.corpus, pack.language))
        self.register_buffer("corpus", torch.from_numpy(corpus), persistent=False)
        self.register_buffer("language", torch.from_numpy(language), persistent=False)
        self.other_corpus, self.other_language = other_corpus, other_language

    def forward(self, labels: Tensor) -> Tensor:
        """(batch,) class ids -> (batch, classes), zero or negative."""
        corpus = self.corpus[labels][:, None] != self.corpus
        language = self.language[labels][:, None] != self.language
        return -torch.where(corpus, self.other_corpus, torch.where(language, self.other_language, 0.0))
