"""EER of short trials on speakers that are never trained on, after every epoch."""

import numpy as np
import torch
from torch import nn

from .fbank import SAMPLE_RATE, Fbank
from .pack import Pack


def equal_error_rate(targets: np.ndarray, others: np.ndarray) -> float:
    """EER of similarity scores: where misses and false alarms are equally frequent, 0..1."""
    targets, others = np.sort(targets), np.sort(others)
    thresholds = np.concatenate([targets, others])
    miss = np.searchsorted(targets, thresholds, side="left") / len(targets)
    false_alarm = 1.0 - np.searchsorted(others, thresholds, side="left") / len(others)
    nearest = np.argmin(np.abs(miss - false_alarm))
    return float((miss[nearest] + false_alarm[nearest]) / 2)


class Validation:
    """One crop from the middle of every clip of `split`; all pairs of different clips.

    Impostor pairs are of the same corpus and language: in crowd-sourced corpora codec and
    language follow the speaker and would make trials too easy.
    """

    def __init__(self, pack: Pack, split: str, seconds: float, batch: int = 64) -> None:
        length = int(seconds * SAMPLE_RATE)
        clips = pack.clips_of(split)
        crops = []
        for clip in clips:
            samples = pack.samples(clip)
            samples = np.tile(samples, -(-length // len(samples))) if len(samples) < length else samples
            start = (len(samples) - length) // 2
            crops.append(samples[start: start + length])
        self.samples = torch.from_numpy(np.stack(crops))
        first, second = np.triu_indices(len(clips), 1)
        speaker = pack.speaker[clips]
        kind = np.char.add(np.char.add(pack.corpus[clips], "/"), pack.language[clips])
        same = speaker[first] == speaker[second]
        other = ~same & (kind[first] == kind[second])
        self.target_pairs = first[same], second[same]
        self.other_pairs = first[other], second[other]
        self.batch = batch

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
        embeddings = self.embed(network, fbank, device, bf16)
        scores = embeddings @ embeddings.T
        return equal_error_rate(scores[self.target_pairs], scores[self.other_pairs])
