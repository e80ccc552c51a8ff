"""EER of short trials on speakers that are never trained on, after every epoch."""

import numpy as np
import torch
from torch import nn

from .fbank import Fbank
from .manifest import Utterance
from .metrics import det_curve, equal_error_rate
from .pack import Pack
from .trials import all_pairs, crop


class Validation:
    """The trials of the command `verify` at one length: same pairs, same crops with its default seed."""

    def __init__(self, pack: Pack, split: str, seconds: float, batch: int = 64) -> None:
        pieces, utterances = [], []
        for clip in pack.clips_of(split):
            path = str(pack.path[clip])
            piece = crop(pack.samples(clip), seconds, path, seed=0)
            if piece is not None:
                pieces.append(piece)
                utterances.append(Utterance(path, str(pack.speaker[clip]), split, str(pack.corpus[clip]),
                                            str(pack.language[clip])))
        if not pieces:
            raise ValueError(f"no clip of split {split} has {seconds} s")
        self.samples = torch.from_numpy(np.stack(pieces))
        self.trials, self.batch = all_pairs(utterances), batch

    @torch.no_grad()
    def embed(self, network: nn.Module, fbank: Fbank, device: torch.device, bf16: bool) -> np.ndarray:
        """(clips, dim) embeddings in evaluation mode; the mode is put back afterwards."""
        was_training = network.training
        network.eval()
        rows = []
        for part in self.samples.split(self.batch):
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                rows.append(network(fbank(part.to(device).float() / 32768.0)).float().cpu())
        network.train(was_training)
        return torch.cat(rows).numpy()

    def eer(self, network: nn.Module, fbank: Fbank, device: torch.device, bf16: bool) -> float:
        """Equal error rate of the cosine scores, 0..1."""
        scores = self.trials.scores(self.embed(network, fbank, device, bf16))
        return equal_error_rate(det_curve(scores, self.trials.target))[0]
