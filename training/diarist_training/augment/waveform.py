"""Augmentations of waveforms: each maps (batch, samples) in [-1, 1] to the same shape.

An augmentation holds what it needs (noise, rooms) and draws from the generator it is given.
"""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F


def uniform(generator: Generator, count: int, low: float, high: float, device) -> Tensor:
    """`count` uniform draws."""
    return torch.rand(count, generator=generator, device=device) * (high - low) + low


def power(samples: Tensor) -> Tensor:
    """Mean power per row, (batch, 1), never zero."""
    return samples.square().mean(dim=1, keepdim=True).clamp(min=1e-10)


class Gain:
    """Multiplies by a random gain in decibels."""

    def __init__(self, low_db: float = -15.0, high_db: float = 6.0) -> None:
        self.low_db, self.high_db = low_db, high_db

    def __call__(self, samples: Tensor, generator: Generator) -> Tensor:
        gain = uniform(generator, len(samples), self.low_db, self.high_db, samples.device)
        return (samples * torch.pow(10.0, gain / 20.0)[:, None]).clamp(-1.0, 1.0)


class Noise:
    """Adds a random stretch of a random recording at a random signal-to-noise ratio.

    `bank` is one long waveform on the training device; stretches may cross clip borders.
    """

    def __init__(self, bank: Tensor, low_db: float = 3.0, high_db: float = 20.0) -> None:
        self.bank, self.low_db, self.high_db = bank, low_db, high_db

    def __call__(self, samples: Tensor, generator: Generator) -> Tensor:
        batch, length = samples.shape
        start = torch.randint(0, len(self.bank) - length, (batch,), generator=generator, device=samples.device)
        noise = self.bank[start[:, None] + torch.arange(length, device=samples.device)].float() / 32768.0
        ratio_db = uniform(generator, batch, self.low_db, self.high_db, samples.device)[:, None]
        wanted = power(samples) / torch.pow(10.0, ratio_db / 10.0)
        # Digital silence in the noise stays silence instead of being blown up.
        factor = torch.where(power(noise) > 1e-9, (wanted / power(noise)).sqrt(), 0.0)
        return samples + noise * factor


class Babble:
    """Adds other crops of the batch, several voices at once, at a random signal-to-noise ratio."""

    def __init__(self, low_db: float = 8.0, high_db: float = 20.0, fewest: int = 3, most: int = 6) -> None:
        self.low_db, self.high_db, self.fewest, self.most = low_db, high_db, fewest, most

    def __call__(self, samples: Tensor, generator: Generator) -> Tensor:
        batch, device = len(samples), samples.device
        if batch == 1:
            return samples
        voices = torch.randint(self.fewest, self.most + 1, (batch, 1), generator=generator, device=device)
        level = samples / power(samples).sqrt()
        babble = sum(level.roll(shift, dims=0) * (shift <= voices) for shift in range(1, min(self.most, batch - 1) + 1))
        ratio_db = uniform(generator, batch, self.low_db, self.high_db, device)[:, None]
        return samples + babble * (power(samples) / power(babble) / torch.pow(10.0, ratio_db / 10.0)).sqrt()


class Reverb:
    """Convolves with a random room of a bank (rooms, taps), keeping the power."""

    def __init__(self, bank: Tensor) -> None:
        self.bank = bank

    def __call__(self, samples: Tensor, generator: Generator) -> Tensor:
        batch, length = samples.shape
        room = torch.randint(0, len(self.bank), (batch,), generator=generator, device=samples.device)
        size = 1 << (length + self.bank.shape[1] - 1).bit_length()
        spectrum = torch.fft.rfft(samples, size) * torch.fft.rfft(self.bank[room], size)
        wet = torch.fft.irfft(spectrum, size)[:, :length]
        return wet * (power(samples) / power(wet)).sqrt()


class Speed:
    """Plays faster or slower by linear interpolation; pitch moves too (Ko et al. 2015).

    The crop keeps its length: what a faster row lacks at its end is taken from its start.
    """

    def __init__(self, low: float = 0.9, high: float = 1.1) -> None:
        self.low, self.high = low, high

    def __call__(self, samples: Tensor, generator: Generator) -> Tensor:
        batch, length = samples.shape
        speed = uniform(generator, batch, self.low, self.high, samples.device)[:, None]
        position = (torch.arange(length, device=samples.device)[None] * speed) % (length - 1)
        left = position.floor().long()
        part = position - left
        return samples.gather(1, left) * (1 - part) + samples.gather(1, left + 1) * part


class Telephone:
    """Keeps a telephone's band, by default 300 to 3,400 Hz, with edges that vary a little."""

    def __init__(self, low_hz: float = 300.0, high_hz: float = 3400.0, sample_rate: int = 16_000) -> None:
        self.low_hz, self.high_hz, self.sample_rate = low_hz, high_hz, sample_rate

    def __call__(self, samples: Tensor, generator: Generator) -> Tensor:
        batch, length = samples.shape
        hertz = torch.fft.rfftfreq(length, 1.0 / self.sample_rate, device=samples.device)[None]
        low = uniform(generator, batch, 0.5, 1.2, samples.device)[:, None] * self.low_hz
        high = uniform(generator, batch, 0.95, 1.1, samples.device)[:, None] * self.high_hz
        # Raised slopes of 10% of the edge keep the filter from ringing.
        gate = torch.sigmoid((hertz - low) / (0.05 * low)) * torch.sigmoid((high - hertz) / (0.02 * high))
        return torch.fft.irfft(torch.fft.rfft(samples) * gate, length)


class Codec:
    """Companded coarse quantisation: G.711's mu-law or A-law curve with 5 to 8 bits."""

    MU, A = 255.0, 87.6

    def __call__(self, samples: Tensor, generator: Generator) -> Tensor:
        batch = len(samples)
        device = samples.device
        peak = samples.abs().amax(dim=1, keepdim=True).clamp(min=1e-4)
        levels = torch.pow(2.0, torch.randint(4, 8, (batch, 1), generator=generator, device=device).float())
        a_law = torch.rand(batch, 1, generator=generator, device=device) < 0.5
        x = samples / peak
        mu = self.mu_expand(self._quantise(self.mu_compress(x), levels))
        a = self.a_expand(self._quantise(self.a_compress(x), levels))
        return torch.where(a_law, a, mu) * peak

    @staticmethod
    def _quantise(x: Tensor, levels: Tensor) -> Tensor:
        return (x * levels).round() / levels

    @classmethod
    def mu_compress(cls, x: Tensor) -> Tensor:
        """Mu-law of ITU-T G.711 in its continuous form."""
        return x.sign() * torch.log1p(cls.MU * x.abs()) / math.log1p(cls.MU)

    @classmethod
    def mu_expand(cls, y: Tensor) -> Tensor:
        """Inverse of `mu_compress`."""
        return y.sign() * torch.expm1(y.abs() * math.log1p(cls.MU)) / cls.MU

    @classmethod
    def a_compress(cls, x: Tensor) -> Tensor:
        """A-law of ITU-T G.711 in its continuous form."""
        size, scale = x.abs(), 1.0 + math.log(cls.A)
        return x.sign() * torch.where(size < 1.0 / cls.A, cls.A * size, 1.0 + (cls.A * size).clamp(min=1.0).log()) / scale

    @classmethod
    def a_expand(cls, y: Tensor) -> Tensor:
        """Inverse of `a_compress`."""
        size, scale = y.abs(), 1.0 + math.log(cls.A)
        return y.sign() * torch.where(size < 1.0 / scale, size * scale, torch.exp(size * scale - 1.0)) / cls.A
