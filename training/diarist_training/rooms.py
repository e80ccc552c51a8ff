"""Simulated room impulse responses by the image method, vectorised.

A shoebox room with walls of one reflection coefficient is replaced by a lattice of
mirror images of the source; every image adds one delayed, attenuated tap.

Sources: Allen & Berkley, "Image method for efficiently simulating small-room
acoustics", JASA 65(4), 1979; Eyring, "Reverberation time in dead rooms", JASA 1, 1930,
for the coefficient that gives a wanted RT60.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

SPEED_OF_SOUND = 343.0  # m/s in air of 20 degrees Celsius
#: Room sizes in metres (length, width, height), from small office to meeting room.
SMALLEST, LARGEST = np.array([2.5, 2.2, 2.2]), np.array([9.0, 7.0, 3.8])
RT60_SECONDS = (0.12, 0.6)
_WALL_GAP = 0.4  # metres that people and microphones keep from every wall


@dataclass(frozen=True)
class Room:
    """A shoebox room and where its microphone stands; lengths in metres."""

    size: tuple[float, float, float]
    rt60: float
    microphone: tuple[float, float, float]

    @property
    def reflection(self) -> float:
        """Pressure reflection coefficient of every wall that gives ``rt60`` (Eyring)."""
        x, y, z = self.size
        surface = 2 * (x * y + x * z + y * z)
        return float(np.exp(-0.161 * x * y * z / (2 * surface * self.rt60)))


def random_room(rng: np.random.Generator) -> Room:
    """Draw a room of everyday size and reverberation with the microphone somewhere inside."""
    size = rng.uniform(SMALLEST, LARGEST)
    return Room(tuple(size), float(rng.uniform(*RT60_SECONDS)), random_position(rng, size))


def random_position(rng: np.random.Generator, size: np.ndarray | tuple) -> tuple[float, float, float]:
    """Draw a point in a room of ``size`` that keeps clear of the walls."""
    return tuple(rng.uniform(_WALL_GAP, np.asarray(size) - _WALL_GAP))


def impulse_response(room: Room, source: tuple[float, float, float], *, sample_rate: int = 16_000,
                     seconds: float | None = None) -> np.ndarray:
    """Impulse response from ``source`` to the room's microphone, float32 ``[taps]``.

    Tap 0 is the direct path and has the value 1: the travel time and the 1/distance
    loss are taken out, so speech boundaries and level stay where they were. Taps end
    ``seconds`` after it (``rt60`` by default). Delays are rounded to whole samples and
    the result is high-passed at 100 Hz from tap 1 on, as Allen and Berkley do.
    """
    offset = np.subtract(source, room.microphone)
    direct = float(np.linalg.norm(offset))
    if direct <= 0.0:
        raise ValueError("source and microphone must not be at the same point")
    reach = direct + SPEED_OF_SOUND * (room.rt60 if seconds is None else seconds)
    squares, bounces = zip(*(_images(source[i], room.microphone[i], room.size[i], reach) for i in range(3)))
    squared = squares[0][:, None, None] + squares[1][:, None] + squares[2]
    near = squared <= reach * reach
    distance = np.sqrt(squared[near])
    count = (bounces[0][:, None, None] + bounces[1][:, None] + bounces[2])[near]
    gain = room.reflection ** count * (direct / distance)
    delay = np.rint((distance - direct) * (sample_rate / SPEED_OF_SOUND)).astype(np.int64)
    taps = np.bincount(delay, weights=gain)
    pole = np.exp(-2 * np.pi * 100.0 / sample_rate)
    taps[1:] = lfilter([1.0, -1.0], [1.0, -pole], taps[1:])
    return taps.astype(np.float32)


def _images(source: float, microphone: float, length: float, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Mirror images along one axis: squared distance to the microphone, and wall hits."""
    order = int(np.ceil(reach / (2 * length))) + 1
    n = np.arange(-order, order + 1)
    position = np.concatenate([2 * n * length + source, 2 * n * length - source]) - microphone
    hits = np.concatenate([2 * np.abs(n), np.abs(n) + np.abs(n - 1)])
    keep = np.abs(position) <= reach
    return position[keep] ** 2, hits[keep]


def random_impulse_response(rng: np.random.Generator, *, sample_rate: int = 16_000,
                            seconds: float | None = None) -> np.ndarray:
    """Impulse response of a random room with a random source, for augmentation."""
    room = random_room(rng)
    source = random_position(rng, room.size)
    while np.linalg.norm(np.subtract(source, room.microphone)) < 0.3:
        source = random_position(rng, room.size)
    return impulse_response(room, source, sample_rate=sample_rate, seconds=seconds)
