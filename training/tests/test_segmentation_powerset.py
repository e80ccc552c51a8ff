"""Classes and the permutation-invariant loss against definitions written out at length."""

from itertools import permutations

import numpy as np
import pytest
import torch

from diarist_training.segmentation import powerset


def test_the_order_is_pyannotes():
    assert powerset.SETS == ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2))


def test_encoding_and_decoding_are_inverse():
    classes = np.random.default_rng(0).integers(powerset.CLASSES, size=(4, 50))
    active = powerset.decode(classes)
    assert active.shape == (4, 50, 3) and active.sum(axis=2).max() == 2
    np.testing.assert_array_equal(powerset.encode(active), classes)


def test_three_at_once_have_no_class():
    with pytest.raises(ValueError, match="at most 2 .* frames with more: 1"):
        powerset.encode(np.array([[1, 1, 1], [0, 1, 0]]))


def brute_force(logp: np.ndarray, active: np.ndarray) -> float:
    """Mean over chunks of the smallest mean negative log-likelihood over all orders of the columns."""
    losses = []
    for row, reference in zip(logp, active):
        losses.append(min(-np.mean([row[t, powerset.SETS.index(tuple(np.flatnonzero(frame[list(order)])))]
                                    for t, frame in enumerate(reference)]) for order in permutations(range(3))))
    return float(np.mean(losses))


def test_loss_equals_brute_force():
    rng = np.random.default_rng(1)
    logp = torch.log_softmax(torch.from_numpy(rng.normal(size=(5, 40, 7))), dim=-1)
    classes = rng.integers(powerset.CLASSES, size=(5, 40))
    loss, _ = powerset.permutation_invariant_loss(logp, torch.from_numpy(classes))
    assert float(loss) == pytest.approx(brute_force(logp.numpy(), powerset.decode(classes)))


@pytest.mark.parametrize("order", powerset.PERMUTATIONS)
def test_names_do_not_matter(order):
    rng = np.random.default_rng(2)
    classes = rng.integers(powerset.CLASSES, size=(3, 30))
    renamed = powerset.encode(powerset.decode(classes)[:, :, list(order)])
    right = torch.full((3, 30, 7), -20.0).scatter(2, torch.from_numpy(renamed)[..., None], 0.0)
    loss, _ = powerset.permutation_invariant_loss(right, torch.from_numpy(classes))
    assert float(loss) == 0.0


def test_the_best_order_is_told():
    classes = torch.tensor([[1, 1, 2, 0, 5]])
    said = torch.tensor([[3, 3, 1, 0, 6]])  # A is C, B is A, C is B: AC is BC
    logp = torch.full((1, 5, 7), -9.0).scatter(2, said[..., None], 0.0)
    _, order = powerset.permutation_invariant_loss(logp, classes)
    assert powerset.PERMUTATIONS[int(order)] == (2, 0, 1)
