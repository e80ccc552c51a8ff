"""Every augmentation against a reference or for its measured effect, and that its seed decides."""

import numpy as np
import pytest
import torch
from scipy.signal import fftconvolve

from diarist_training.augment.chain import NAMES, Chain, room_bank
from diarist_training.augment.spectrum import SpecAugment
from diarist_training.augment.waveform import Babble, Codec, Gain, Noise, Reverb, Speed, Telephone, power
from diarist_training.pack import Pack

RATE = 16_000


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tone(hertz: float, rows: int = 1, seconds: float = 0.5) -> torch.Tensor:
    time = torch.arange(int(seconds * RATE)) / RATE
    return (0.3 * torch.sin(2 * torch.pi * hertz * time)).repeat(rows, 1)


def strongest_hertz(samples: torch.Tensor) -> torch.Tensor:
    return torch.fft.rfft(samples).abs().argmax(dim=1) * RATE / samples.shape[1]


def test_gain_lies_in_its_range() -> None:
    factor = Gain(-12.0, 6.0)(tone(440, 200), seeded()).abs().amax(dim=1) / 0.3
    decibels = 20 * factor.log10()
    assert -12.01 <= decibels.min() < -11 and 5 < decibels.max() <= 6.01


def test_noise_reaches_the_wanted_ratio() -> None:
    bank = (3000 * torch.randn(5 * RATE, generator=seeded())).to(torch.int16)
    clean = tone(440, 50)
    noisy = Noise(bank, 5.0, 5.0)(clean, seeded())
    ratio = 10 * (power(clean) / power(noisy - clean)).log10()
    assert torch.allclose(ratio, torch.full_like(ratio, 5.0), atol=0.05)


def test_babble_is_other_rows_at_the_wanted_ratio() -> None:
    rows = torch.cat([tone(300.0 + 200 * row) for row in range(8)])
    noisy = Babble(10.0, 10.0, fewest=2, most=2)(rows, seeded())
    ratio = 10 * (power(rows) / power(noisy - rows)).log10()
    assert torch.allclose(ratio, torch.full_like(ratio, 10.0), atol=0.05)
    heard = torch.fft.rfft(noisy).abs()[3]
    loudest = sorted((heard.topk(3).indices * RATE / noisy.shape[1]).tolist())
    assert loudest == [500, 700, 900], "row 3 with the two rows before it"
    assert torch.equal(Babble()(rows[:1], seeded()), rows[:1]), "alone there is nobody to hear"


def test_silent_noise_changes_nothing() -> None:
    clean = tone(440, 3)
    assert torch.equal(Noise(torch.zeros(2 * RATE, dtype=torch.int16))(clean, seeded()), clean)


def test_reverb_is_a_convolution_that_keeps_the_power() -> None:
    bank = room_bank(1, seed=3)
    dry = torch.randn(2, RATE, generator=seeded())
    wet = Reverb(bank)(dry, seeded())
    expected = fftconvolve(dry.numpy(), bank.numpy(), axes=1)[:, :RATE]
    expected *= np.sqrt(np.square(dry.numpy()).mean(1, keepdims=True) / np.square(expected).mean(1, keepdims=True))
    assert np.abs(wet.numpy() - expected).max() < 1e-3
    assert torch.allclose(power(wet), power(dry), rtol=1e-4)


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_speed_moves_the_pitch(speed: float) -> None:
    fast = Speed(speed, speed)(tone(1000, 2), seeded())
    assert fast.shape == (2, RATE // 2)
    assert torch.allclose(strongest_hertz(fast), torch.tensor(1000 * speed), atol=4)


@pytest.mark.parametrize(("hertz", "kept"), [(60, False), (1000, True), (2500, True), (5000, False)])
def test_telephone_keeps_its_band_alone(hertz: int, kept: bool) -> None:
    decibels = 10 * (power(Telephone()(tone(hertz, 20), seeded())) / power(tone(hertz, 20))).log10()
    assert (decibels > -1).all() if kept else (decibels < -15).all()


def test_companding_matches_g711() -> None:
    x = torch.linspace(-1, 1, 2001, dtype=torch.float64)
    assert torch.allclose(Codec.mu_expand(Codec.mu_compress(x)), x, atol=1e-12)
    assert torch.allclose(Codec.a_expand(Codec.a_compress(x)), x, atol=1e-12)
    # Points of the two curves: mu-law log(1 + 255 x) / log 256; A-law's knee at 1/A.
    assert Codec.mu_compress(torch.tensor(0.5)).item() == pytest.approx(np.log(1 + 127.5) / np.log(256), rel=1e-6)
    assert Codec.a_compress(torch.tensor(1 / 87.6)).item() == pytest.approx(1 / (1 + np.log(87.6)), rel=1e-5)


def test_codec_adds_as_much_noise_as_its_bits_say() -> None:
    clean = 0.3 * torch.randn(400, RATE // 4, generator=seeded()).clamp(-3, 3)
    ratio = 10 * (power(clean) / power(Codec()(clean, seeded()) - clean)).log10()
    # 5 to 8 bits of companded PCM: about 6 dB per bit below G.711's 38 dB.
    assert 14 < ratio.min() < 24 and 34 < ratio.max() < 42


def test_specaugment_masks_one_band_and_one_stretch() -> None:
    masked = SpecAugment(bins=10, time_share=0.2)(torch.ones(300, 100, 80), seeded()) == 0
    bands, stretches = masked.all(dim=1), masked.all(dim=2)
    assert bands.sum(dim=1).max() == 10 and stretches.sum(dim=1).max() == 20
    assert torch.equal(masked, bands[:, None, :] | stretches[:, :, None]), "nothing else is touched"
    for mask in (bands, stretches):
        assert (mask.int().diff(dim=1) == 1).sum(dim=1).max() <= 1, "one run per row"


def test_chain_follows_strength_and_seed(pack_folder) -> None:
    recipe = {name: {"chance": 1.0} for name in NAMES}
    recipe["reverb"]["rooms"] = 3
    chain = Chain(recipe, Pack.open(pack_folder), seed=1, device=torch.device("cpu"))
    samples, features = tone(500, 16, 1.0), torch.ones(16, 100, 80)
    assert torch.equal(chain.on_waveform(samples, seeded(), 0.0), samples)
    assert torch.equal(chain.on_features(features, seeded(), 0.0), features)
    once, again, other = (chain.on_waveform(samples, seeded(s), 1.0) for s in (5, 5, 6))
    assert torch.equal(once, again) and not torch.equal(once, other)
    assert torch.isfinite(once).all() and once.shape == samples.shape
    changed = (chain.on_waveform(samples, seeded(), 0.5) != samples).any(dim=1)
    assert changed.any()
    half = Chain({"gain": {"chance": 0.5}}, Pack.open(pack_folder), seed=1, device=torch.device("cpu"))
    changed = [(half.on_waveform(samples, seeded(s), 0.5) != samples).any(dim=1) for s in range(40)]
    assert {int(c.sum()) for c in changed} == {4}, "a quarter of the batch, exactly"
    assert torch.stack(changed).any(dim=0).all(), "any row"


def test_chain_refuses_unknown_names(pack_folder) -> None:
    with pytest.raises(ValueError, match="given: echo"):
        Chain({"echo": {"chance": 1.0}}, Pack.open(pack_folder), 1, torch.device("cpu"))
