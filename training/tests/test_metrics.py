"""Verification metrics against closed forms and a brute-force reference."""

import numpy as np
import pytest

from diarist_training.metrics import det_curve, eer_interval, equal_error_rate, min_dcf


def brute_force_min_dcf(scores, targets, prior):
    thresholds = [*scores, np.inf]
    return min(prior * np.mean(scores[targets] < t) + (1 - prior) * np.mean(scores[~targets] >= t)
               for t in thresholds) / min(prior, 1 - prior)


def test_rates_are_counted_at_every_threshold():
    scores = np.array([0.9, 0.4, 0.4, 0.1, 0.6])
    targets = np.array([True, True, False, False, False])
    curve = det_curve(scores, targets)
    for threshold, miss, false_alarm in zip(curve.threshold, curve.miss, curve.false_alarm):
        assert miss == np.mean(scores[targets] < threshold)
        assert false_alarm == pytest.approx(np.mean(scores[~targets] >= threshold))


@pytest.mark.parametrize("distance", [0.5, 2.0, 3.0])
def test_eer_of_two_gaussians(distance):
    from scipy.stats import norm
    rng = np.random.default_rng(1)
    scores = np.concatenate([rng.normal(distance, 1, 100_000), rng.normal(0, 1, 100_000)])
    rate, threshold = equal_error_rate(det_curve(scores, np.arange(200_000) < 100_000))
    assert rate == pytest.approx(norm.cdf(-distance / 2), abs=0.004)
    assert threshold == pytest.approx(distance / 2, abs=0.03)


def test_extremes():
    scores, targets = np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True])
    assert equal_error_rate(det_curve(scores, targets))[0] == 0
    assert equal_error_rate(det_curve(scores, ~targets))[0] == 1
    assert equal_error_rate(det_curve(np.zeros(4), targets))[0] == pytest.approx(0.5)
    assert min_dcf(det_curve(scores, targets), 0.01) == 0
    assert min_dcf(det_curve(scores, ~targets), 0.01) == pytest.approx(1)


@pytest.mark.parametrize("prior", [0.05, 0.01])
def test_min_dcf_equals_brute_force(prior):
    rng = np.random.default_rng(2)
    targets = rng.random(300) < 0.3
    scores = np.round(rng.normal(targets * 1.5, 1), 1)  # rounding makes ties
    assert min_dcf(det_curve(scores, targets), prior) == pytest.approx(
        brute_force_min_dcf(scores, targets, prior))


def test_weights_are_repetitions():
    rng = np.random.default_rng(3)
    targets, scores = np.arange(60) < 20, rng.normal(size=60)
    weights = rng.integers(0, 3, 60)
    repeated = det_curve(np.repeat(scores, weights), np.repeat(targets, weights))
    assert equal_error_rate(det_curve(scores, targets, weights))[0] == pytest.approx(
        equal_error_rate(repeated)[0])


def test_interval_covers_the_estimate_and_narrows_with_more_speakers():
    rng = np.random.default_rng(4)

    def width(people):
        speaker = np.repeat(np.arange(people), 6)
        points = rng.normal(size=(people, 4))[speaker] + 0.8 * rng.normal(size=(len(speaker), 4))
        left, right = np.triu_indices(len(speaker), 1)
        scores = -np.linalg.norm(points[left] - points[right], axis=1)
        pairs = np.stack([speaker[left], speaker[right]], axis=1)
        targets = pairs[:, 0] == pairs[:, 1]
        low, high = eer_interval(scores, targets, pairs, rounds=60)
        assert low < equal_error_rate(det_curve(scores, targets))[0] < high
        return high - low

    assert width(60) < width(8)


def test_bad_scores_are_refused():
    with pytest.raises(ValueError, match="1 of 2 scores are not finite"):
        det_curve(np.array([0.1, np.nan]), np.array([True, False]))
    with pytest.raises(ValueError, match="2 target, 0 non-target"):
        det_curve(np.array([0.1, 0.2]), np.array([True, True]))
