"""Our batched Resemblyzer against the package's own one-by-one functions."""

import numpy as np
import pytest

resemblyzer = pytest.importorskip("resemblyzer", reason="SKIPPED: Resemblyzer is not installed")

from diarist_training.resemblyzer_encoder import ResemblyzerEncoder  # noqa: E402

RATE = 16_000


@pytest.fixture(scope="module")
def waves():
    """Voice-like sounds (pulses through formants) with pauses, 0.9 to 5 s."""
    from scipy.signal import lfilter
    rng, made = np.random.default_rng(0), []
    for seconds, pitch in ((0.9, 110), (1.5, 220), (2.3, 150), (5.0, 180)):
        wave = np.zeros(round(seconds * RATE))
        wave[:: RATE // pitch] = 1.0
        for hertz in (600, 1400, 2600):
            wave = lfilter([1.0], [1.0, -1.9 * np.cos(2 * np.pi * hertz / RATE), 0.9025], wave)
        wave = 0.05 * wave / np.abs(wave).max() + rng.normal(0, 1e-3, len(wave))
        wave[len(wave) // 3 : len(wave) // 2] *= 0.01
        made.append(wave.astype(np.float32))
    return made


@pytest.fixture(scope="module")
def package():
    return resemblyzer.VoiceEncoder("cpu", verbose=False)


def test_equal_to_embed_utterance(waves, package):
    from resemblyzer.audio import normalize_volume
    wanted = [package.embed_utterance(normalize_volume(wave, -30, increase_only=True)) for wave in waves]
    ours = ResemblyzerEncoder(batch=3)(waves)
    assert ours.shape == (4, 256) and ours.dtype == np.float32
    np.testing.assert_allclose(ours, wanted, atol=1e-4)


def test_equal_with_silence_trimmed(waves, package):
    longest = waves[-1:]
    wanted = [package.embed_utterance(resemblyzer.preprocess_wav(wave)) for wave in longest]
    np.testing.assert_allclose(ResemblyzerEncoder(trim=True)(longest), wanted, atol=1e-4)


def test_batches_change_nothing_and_bf16_little(waves):
    whole = ResemblyzerEncoder()(waves)
    np.testing.assert_allclose(np.concatenate([ResemblyzerEncoder()([wave]) for wave in waves]), whole, atol=1e-5)
    assert (ResemblyzerEncoder(bf16=True)(waves) * whole).sum(axis=1).min() > 0.99


def test_silence_and_nothing_give_finite_vectors():
    vectors = ResemblyzerEncoder()([np.zeros(RATE, np.float32)])
    assert np.isfinite(vectors).all()
    assert ResemblyzerEncoder()([]).shape == (0, 256)
