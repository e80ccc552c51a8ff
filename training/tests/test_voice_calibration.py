"""What a cosine of two voices says."""

import numpy as np
import pytest

from diarist_training.manifest import Utterance
from diarist_training.voice_calibration import calibrate, fit, sides


def test_sides_are_of_one_speaker_and_long_enough():
    def said(speaker, seconds):
        return Utterance(f"{speaker}{seconds}", speaker, "verify", seconds=seconds)

    groups = sides([said("a", 4.0), said("b", 9.0), said("a", 6.5), said("a", 9.9), said("b", 1.0)], 10.0)
    assert [[item.speaker for item in group] for group in groups] == [["a", "a"], ["b", "b"]]


def test_the_fit_finds_the_curve_that_made_the_answers():
    rng = np.random.default_rng(0)
    scores = rng.uniform(-1.0, 1.0, 200_000)
    targets = rng.random(len(scores)) < 1.0 / (1.0 + np.exp(-12.0 * (scores - 0.3)))
    # Even odds beforehand, as the weights make them: thin out the more frequent answer.
    slope, midpoint = fit(scores, targets)
    odds = np.log(targets.sum() / (~targets).sum())
    assert slope == pytest.approx(12.0, rel=0.03)
    assert midpoint == pytest.approx(0.3 + odds / 12.0, abs=0.01)


def test_thresholds_lie_where_their_errors_do():
    rng = np.random.default_rng(1)
    scores = np.concatenate([rng.normal(0.7, 0.1, 20_000), rng.normal(0.2, 0.1, 20_000)])
    targets = np.arange(len(scores)) < 20_000
    found = calibrate(scores, targets)
    assert found.balanced == pytest.approx(0.45, abs=0.01)
    assert found.equal_error_rate == pytest.approx(0.0062, abs=0.002)
    assert np.mean(scores[~targets] >= found.strict) <= 0.001
    assert np.mean(scores[~targets] >= found.strict - 0.01) > 0.001
    assert np.mean(scores[targets] < found.lenient) <= 0.01
    assert found.lenient <= found.balanced <= found.strict
    assert found.cross_entropy_bits < 0.05
