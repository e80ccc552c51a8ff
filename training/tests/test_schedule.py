"""Curves and learning-rate schedules."""

import pytest

from diarist_training.schedule import Cosine, Curve, ReduceOnPlateau


def test_curve_is_straight_between_points_and_flat_outside() -> None:
    curve = Curve([[0.2, 1.0], [0.6, 3.0], [0.6, 5.0]])
    assert [curve(p) for p in (0.0, 0.2, 0.4, 0.6, 1.0)] == pytest.approx([1, 1, 2, 5, 5])
    assert Curve(0.7)(0.5) == 0.7


def test_curve_refuses_disorder() -> None:
    with pytest.raises(ValueError, match="in order of progress"):
        Curve([[0.5, 1.0], [0.2, 2.0]])


def test_cosine_warms_up_and_comes_down_to_its_floor() -> None:
    schedule = Cosine(peak=2.0, warmup=0.1, floor=0.01)
    assert schedule.rate(0.05) == pytest.approx(1.0)
    assert schedule.rate(0.1) == pytest.approx(2.0)
    assert schedule.rate(0.55) == pytest.approx(2.0 * (0.01 + 0.99 / 2))
    assert schedule.rate(1.0) == pytest.approx(0.02)


def test_plateau_reduces_after_its_patience_and_survives_a_resume() -> None:
    schedule = ReduceOnPlateau(peak=1.0, factor=0.5, patience=1, warmup=0.0)
    rates = []
    for eer in (0.3, 0.2, 0.25, 0.21, 0.19, 0.2):
        schedule.validated(eer)
        rates.append(schedule.rate(0.5))
    assert rates == [1, 1, 1, 0.5, 0.5, 0.5]
    resumed = ReduceOnPlateau(peak=1.0, factor=0.5, patience=1, warmup=0.0)
    resumed.load_state_dict(schedule.state_dict())
    for state in (schedule, resumed):
        state.validated(0.3)
    assert schedule.rate(0.5) == resumed.rate(0.5) == 0.25
