"""The front end of the exported graph: the Fourier transform as convolutions and products of matrices.

ONNX Runtime has no Fourier transform that runs everywhere. A product with the matrix of the whole
transform would take half of the network's time, so the 512 points are done as 16 by 32 (Cooley & Tukey
1965): with n = 32 a + b and k = c + 16 d, the sum over a for every b and c comes first, and then, for
every c by itself, that over b. Samples are real, so c needs 0 to 8 only: lines with c of 9 to 15
are the conjugates of others, and what c = 0 and c = 8 leave unused fills one common place.
"""

import math

import torch
from torch import Tensor, nn

from .frontend import BANDS, FRAME_SHIFT, WINDOW, LogMel

_INNER, _OUTER = 16, 32  # points of the first and of the second sum
_PLACES = _INNER // 2  # c = 0 and 8 together, then 1 to 7


def _lines(place: int) -> list[tuple[int, int]]:
    """The 32 lines that a place computes, as (line of the spectrum, line that is summed)."""
    if place == 0:
        return [(c + _INNER * d, c + _INNER * d) for c in (0, 8) for d in range(_INNER)]
    own = [(place + _INNER * d,) * 2 for d in range(_INNER)]
    return own + [(WINDOW - line, line) for line in range(place + WINDOW // 2, WINDOW, _INNER)]


def _inner_kernels(window: Tensor) -> Tensor:
    """(_OUTER * _INNER, 1, _INNER): for every b, two rows per place, windowed."""
    a, b = torch.arange(_INNER).double(), torch.arange(_OUTER)
    rows = [torch.ones(_INNER).double(), torch.cos(math.pi * a)]  # c = 0, c = 8
    for c in range(1, _PLACES):
        phase = 2.0 * math.pi / _INNER * c * a
        rows += [torch.cos(phase), -torch.sin(phase)]
    weights = window.double()[_OUTER * a.long()[None] + b[:, None]]  # (b, a)
    return (torch.stack(rows)[None] * weights[:, None]).flatten(0, 1)[:, None].float()


def _outer_kernels() -> Tensor:
    """(_PLACES * 64, 64, 1): from a place's values, two for every b, to 32 real and 32 imaginary parts."""
    b = torch.arange(_OUTER).double()
    made = torch.zeros(_PLACES, 2, _OUTER, _OUTER, 2, dtype=torch.float64)  # place, part, line, b, value
    for place in range(_PLACES):
        for row, (_, line) in enumerate(_lines(place)):
            cos, sin = torch.cos(2.0 * math.pi / WINDOW * line * b), torch.sin(2.0 * math.pi / WINDOW * line * b)
            if place == 0:  # both values are real sums of their own
                value = 0 if line % _INNER == 0 else 1
                made[place, 0, row, :, value], made[place, 1, row, :, value] = cos, -sin
            else:  # (real + i imaginary) (cos - i sin)
                made[place, 0, row, :, 0], made[place, 0, row, :, 1] = cos, sin
                made[place, 1, row, :, 0], made[place, 1, row, :, 1] = -sin, cos
    return made.flatten(0, 2).flatten(1)[:, :, None].float()


class ConvolvedLogMel(LogMel):
    """The same features as `LogMel` to the float's precision, in operators that every runtime has."""

    def __init__(self) -> None:
        super().__init__()
        self.deal = nn.Conv1d(1, _OUTER, _OUTER, stride=_OUTER, padding=(WINDOW - FRAME_SHIFT) // 2, bias=False)
        self.inner = nn.Conv1d(_OUTER, _OUTER * _INNER, _INNER, stride=FRAME_SHIFT // _OUTER, groups=_OUTER, bias=False)
        self.outer = nn.Conv1d(_OUTER * _INNER, _PLACES * 2 * _OUTER, 1, groups=_PLACES, bias=False)
        self.mel = nn.Conv1d(_PLACES * _OUTER, BANDS, 1, bias=False)
        with torch.no_grad():
            self.deal.weight.copy_(torch.eye(_OUTER)[:, None])  # sample 32 a + b to channel b
            self.inner.weight.copy_(_inner_kernels(self.window))
            self.outer.weight.copy_(_outer_kernels())
            order = torch.tensor([line for place in range(_PLACES) for line, _ in _lines(place)])
            self.mel.weight.copy_(self.filters[order].T[:, :, None])

    def bands(self, samples: Tensor) -> Tensor:
        """Mean power per band, (batch, frames, BANDS)."""
        sums = self.inner(self.deal(samples))  # (batch, b * place * value, frames)
        sums = sums.unflatten(1, (_OUTER, _PLACES, 2)).transpose(1, 2).flatten(1, 3)  # place * b * value
        lines = self.outer(sums).square().unflatten(1, (_PLACES, 2, _OUTER)).sum(dim=2)
        return self.mel(lines.flatten(1, 2)).transpose(1, 2)
