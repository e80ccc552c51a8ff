"""Which pairs become trials, and that crops are repeatable."""

import numpy as np

from diarist_training.manifest import Utterance
from diarist_training.trials import all_pairs, crop


def utterance(name, speaker, corpus="speechocean762", language="en"):
    return Utterance(path=name, speaker=speaker, split="verify", corpus=corpus, language=language)


def test_pairs():
    items = [utterance("a", "s1"), utterance("b", "s1"), utterance("c", "s2"),
             utterance("d", "v1", "commonvoice", "fr"), utterance("e", "v1", "commonvoice", "fr"),
             utterance("f", "v2", "commonvoice", "de"), utterance("g", "v3", "commonvoice", "fr")]
    trials = all_pairs(items)
    pairs = {(items[i].path + items[j].path, bool(t))
             for i, j, t in zip(trials.left, trials.right, trials.target)}
    assert pairs == {("ab", True), ("ac", False), ("bc", False),
                     ("de", True), ("dg", False), ("eg", False)}
    assert (trials.left < trials.right).all()
    kept = trials.among(np.array([True, True, True, False, True, True, True]))
    assert len(kept) == 4 and kept.target.sum() == 1


def test_scores_are_cosines():
    trials = all_pairs([utterance("a", "s1"), utterance("b", "s1"), utterance("c", "s2")])
    unit = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
    np.testing.assert_allclose(trials.scores(unit), [0.6, 0, 0.8])


def test_crops_depend_on_path_and_seed_only():
    wave = np.arange(100_000, dtype=np.float32)
    first = crop(wave, 1.5, "a.ogg", seed=1)
    assert len(first) == 24_000 and np.diff(first).min() == 1
    np.testing.assert_array_equal(first, crop(wave, 1.5, "a.ogg", seed=1))
    assert first[0] != crop(wave, 1.5, "b.ogg", seed=1)[0]
    assert first[0] != crop(wave, 1.5, "a.ogg", seed=2)[0]
    assert crop(wave[:23_999], 1.5, "a.ogg", seed=1) is None
    assert len(crop(wave[:24_000], 1.5, "a.ogg", seed=1)) == 24_000
