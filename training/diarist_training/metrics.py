"""Error rates of speaker verification: EER, minDCF, DET curves, confidence intervals.

A score is a similarity: higher means "same speaker". With a threshold t, a target trial
(same speaker) is missed when its score is below t, and a non-target trial is a false
alarm when its score is t or more.

Sources: NIST Speaker Recognition Evaluation plans for the detection cost function;
Martin et al., "The DET curve in assessment of detection task performance",
Eurospeech 1997; Bolle, Ratha & Pankanti, "Error analysis of pattern recognition
systems: the subsets bootstrap", CVIU 2004, for resampling people and not trials.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DetCurve:
    """Miss and false-alarm rates as the threshold rises through every distinct score.

    All arrays have the same length; ``miss`` rises from 0 to 1, ``false_alarm`` falls
    from 1 to 0. The last threshold is infinity: everything rejected.
    """

    threshold: np.ndarray
    miss: np.ndarray
    false_alarm: np.ndarray


def det_curve(scores: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> DetCurve:
    """DET curve of trials ``scores [n]`` with ``targets [n]`` (bool) and optional weights."""
    scores, targets = np.asarray(scores, float), np.asarray(targets, bool)
    weights = np.ones(len(scores)) if weights is None else np.asarray(weights, float)
    if not np.isfinite(scores).all():
        raise ValueError(f"{np.sum(~np.isfinite(scores))} of {len(scores)} scores are not finite")
    total = np.array([weights[~targets].sum(), weights[targets].sum()])
    if (total <= 0).any():
        raise ValueError("both target and non-target trials are needed; given: "
                         f"{targets.sum()} target, {(~targets).sum()} non-target")
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    below_target = np.concatenate([[0.0], np.cumsum(np.where(targets, weights, 0.0)[order])])
    below_other = np.concatenate([[0.0], np.cumsum(np.where(targets, 0.0, weights)[order])])
    first = np.concatenate([[0], np.flatnonzero(np.diff(ordered)) + 1, [len(ordered)]])
    return DetCurve(np.append(ordered[first[:-1]], np.inf),
                    below_target[first] / total[1], 1.0 - below_other[first] / total[0])


def equal_error_rate(curve: DetCurve) -> tuple[float, float]:
    """EER (0 to 1) and its threshold, interpolated linearly where the two rates cross."""
    gap = curve.miss - curve.false_alarm
    right = int(np.argmax(gap >= 0))
    left = max(right - 1, 0)
    step = gap[right] - gap[left]
    part = 0.0 if step == 0 else -gap[left] / step
    rate = curve.miss[left] + part * (curve.miss[right] - curve.miss[left])
    ends = curve.threshold[[left, right]]
    threshold = ends[0] + part * (ends[1] - ends[0]) if np.isfinite(ends[1]) else ends[0]
    return float(rate), float(threshold)


def min_dcf(curve: DetCurve, prior: float) -> float:
    """Minimum detection cost with Cmiss = Cfa = 1, divided by that of the best blind decision."""
    cost = prior * curve.miss + (1.0 - prior) * curve.false_alarm
    return float(cost.min() / min(prior, 1.0 - prior))


def eer_interval(scores: np.ndarray, targets: np.ndarray, speakers: np.ndarray, *,
                 rounds: int = 200, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Confidence interval of the EER by resampling speakers with replacement.

    ``speakers`` is int ``[n, 2]``, the two sides' speakers. A speaker drawn k times
    counts its target trials k times and a pair of speakers k*l times.
    """
    rng = np.random.default_rng(seed)
    codes = np.unique(speakers, return_inverse=True)[1].reshape(len(speakers), 2)
    count, rates = int(codes.max()) + 1, []
    order = np.argsort(scores, kind="stable")  # sorted once: the stable sort inside is then linear
    scores, targets, codes = scores[order], targets[order], codes[order]
    for _ in range(rounds):
        drawn = np.bincount(rng.integers(count, size=count), minlength=count).astype(float)
        weights = np.where(targets, drawn[codes[:, 0]], drawn[codes[:, 0]] * drawn[codes[:, 1]])
        if weights[targets].sum() and weights[~targets].sum():
            rates.append(equal_error_rate(det_curve(scores, targets, weights))[0])
    low, high = np.quantile(rates, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
