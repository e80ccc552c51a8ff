"""How well frames are labelled: speech, overlap, and diarization error inside a chunk.

Everything counts frames of 20 ms, without a collar, overlap included. The local diarization error
rate is (missed + false + confused speaker time) / reference speaker time, where each chunk's speakers
are matched with those of the reference so that most time agrees.
"""

from dataclasses import dataclass, fields

import numpy as np
from scipy.optimize import linear_sum_assignment


@dataclass
class Counts:
    """Sums over chunks, in frames or in frames times speakers; they add up with `+`."""

    frames: int = 0
    speech: int = 0  # frames in which anybody speaks
    speech_missed: int = 0
    speech_false: int = 0
    overlap: int = 0  # frames in which two or more speak
    overlap_found: int = 0  # frames said to be overlap
    overlap_right: int = 0  # both
    spoken: int = 0  # speaker time of the reference
    missed: int = 0
    false: int = 0
    confused: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))

    def rates(self) -> dict[str, float]:
        """Shares: of speech missed, of silence called speech, of overlap; the error rate and its parts."""
        def share(part: int, whole: int) -> float:
            return part / whole if whole else 0.0

        return {"local_der": share(self.missed + self.false + self.confused, self.spoken),
                "missed": share(self.missed, self.spoken), "false": share(self.false, self.spoken),
                "confused": share(self.confused, self.spoken),
                "speech_missed": share(self.speech_missed, self.speech),
                "speech_false": share(self.speech_false, self.frames - self.speech),
                "overlap_precision": share(self.overlap_right, self.overlap_found),
                "overlap_recall": share(self.overlap_right, self.overlap)}


def count_chunk(reference: np.ndarray, hypothesis: np.ndarray, scored: np.ndarray | None = None) -> Counts:
    """One chunk: activity of 0 and 1, (frames, speakers) each, with any numbers of speakers.

    `scored` (frames,) leaves out what is False.
    """
    if scored is not None:
        reference, hypothesis = reference[scored], hypothesis[scored]
    reference, hypothesis = reference.astype(np.int64), hypothesis.astype(np.int64)
    wanted, said = reference.sum(axis=1), hypothesis.sum(axis=1)
    agreement = reference.T @ hypothesis
    rows, columns = linear_sum_assignment(agreement, maximize=True)
    right = int(agreement[rows, columns].sum())
    common = int(np.minimum(wanted, said).sum())
    return Counts(
        frames=len(wanted), speech=int((wanted > 0).sum()),
        speech_missed=int(((wanted > 0) & (said == 0)).sum()), speech_false=int(((wanted == 0) & (said > 0)).sum()),
        overlap=int((wanted > 1).sum()), overlap_found=int((said > 1).sum()),
        overlap_right=int(((wanted > 1) & (said > 1)).sum()), spoken=int(wanted.sum()),
        missed=int(np.maximum(wanted - said, 0).sum()), false=int(np.maximum(said - wanted, 0).sum()),
        confused=common - right)
