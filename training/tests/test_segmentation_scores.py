"""Frame counts against cases worked out by hand, and against pyannote.metrics."""

import numpy as np
import pytest
from pyannote.core import Annotation, Segment
from pyannote.metrics.diarization import DiarizationErrorRate

from diarist_training.segmentation.scores import Counts, count_chunk


def columns(*texts: str) -> np.ndarray:
    """One string of 0 and 1 per speaker, as (frames, speakers)."""
    return np.array([[int(mark) for mark in text] for text in texts]).T


def test_by_hand():
    reference = columns("1111000000", "0011110000")
    hypothesis = columns("0011110010", "1110000000", "0000000000")
    rates = count_chunk(reference, hypothesis).rates()
    assert rates["missed"] == pytest.approx(1 / 8) and rates["false"] == pytest.approx(1 / 8)
    assert rates["confused"] == 0.0 and rates["local_der"] == pytest.approx(2 / 8)
    assert rates["speech_missed"] == 0.0 and rates["speech_false"] == pytest.approx(1 / 4)
    assert rates["overlap_precision"] == 1.0 and rates["overlap_recall"] == pytest.approx(1 / 2)


def test_what_is_not_scored_does_not_count():
    counts = count_chunk(columns("1100"), columns("0011"), np.array([True, False, False, True]))
    assert (counts.frames, counts.missed, counts.false) == (2, 1, 1)


def test_nobody_speaks():
    assert count_chunk(np.zeros((5, 0)), np.zeros((5, 3))).rates()["local_der"] == 0.0


def as_annotation(active: np.ndarray) -> Annotation:
    annotation = Annotation()
    for frame, speaker in np.argwhere(active):
        annotation[Segment(frame, frame + 1), int(speaker)] = f"s{speaker}"
    return annotation


@pytest.mark.parametrize("seed", range(5))
def test_equals_pyannote_metrics(seed):
    rng = np.random.default_rng(seed)
    reference, hypothesis = rng.random((40, 4)) < 0.3, rng.random((40, 3)) < 0.3
    expected = DiarizationErrorRate()(as_annotation(reference), as_annotation(hypothesis), uem=Segment(0, 40))
    assert count_chunk(reference, hypothesis).rates()["local_der"] == pytest.approx(expected)


def test_counts_add_up():
    total = count_chunk(columns("11"), columns("10")) + count_chunk(columns("1111"), columns("0111"))
    assert (total.spoken, total.missed) == (6, 2) and isinstance(total, Counts)
