"""What is trained: the network and, beside it, a head that foretells voices; and their loss."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .chunks import Chunks
from .network import FOLD, Segmenter
from .powerset import SPEAKERS, permutation_invariant_loss

#: The values that `Learner.forward` returns, in order; the first is what is minimised.
PARTS = ("loss", "classes", "voices", "speech_right")


class Learner(nn.Module):
    """The network with its training head; `voiceprints` (speakers, dimensions) are unit vectors or None."""

    def __init__(self, network: Segmenter, width: int, voiceprints: np.ndarray | None) -> None:
        super().__init__()
        self.network = network
        self.voice = None
        if voiceprints is not None:
            self.voice = nn.Linear(width, voiceprints.shape[1])
            self.register_buffer("voiceprints", torch.from_numpy(voiceprints), persistent=False)

    def forward(self, chunks: Chunks, voice_weight: float) -> Tensor:
        """The loss and its parts, (len(PARTS),); all but the first carry no gradient."""
        with torch.no_grad():
            features = self.network.features(chunks.samples)
        logp, hidden = self.network.classify(features)
        classes, _ = permutation_invariant_loss(logp, chunks.classes)
        voices = self._voice_loss(hidden, chunks) if self.voice is not None else logp.new_zeros(())
        spoken = (chunks.classes > 0) == (logp.argmax(dim=2) > 0)
        parts = torch.stack([classes, voices, spoken.float().mean()]).detach()
        return torch.cat([(classes + voice_weight * voices)[None], parts])

    def _voice_loss(self, hidden: Tensor, chunks: Chunks) -> Tensor:
        """Mean of 1 - cosine over the steps in which one person, and nobody else, speaks throughout."""
        steps = chunks.classes.unflatten(1, (-1, FOLD))
        first = steps[:, :, 0]
        alone = (steps == first[:, :, None]).all(dim=2) & (first > 0) & (first <= SPEAKERS)
        person = chunks.people.gather(1, (first - 1).clamp(0, SPEAKERS - 1))
        wanted = self.voiceprints[person.clamp(min=0)]
        cosine = F.cosine_similarity(self.voice(hidden), wanted, dim=2)
        return ((1.0 - cosine) * alone).sum() / alone.sum().clamp(min=1)
