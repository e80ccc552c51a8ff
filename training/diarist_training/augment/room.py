"""Room impulse responses by the image method of Allen and Berkley (1979)."""

import numpy as np

SPEED_OF_SOUND = 343.0


def room_impulse_response(room: np.ndarray, source: np.ndarray, microphone: np.ndarray, reflection: float,
                          sample_rate: int, seconds: float) -> np.ndarray:
    """Impulse response of a shoebox room.

    `room`, `source` and `microphone` are three metres each; `reflection` is the pressure
    reflection coefficient of all six walls, 0 to 1. Every image source within reach of
    `seconds` adds reflection^bounces / (4 pi distance) at its delay, split over the two nearest samples.
    """
    length = int(seconds * sample_rate)
    reach = seconds * SPEED_OF_SOUND
    axes = []
    for axis in range(3):
        order = int(np.ceil(reach / (2 * room[axis]))) + 1
        n = np.arange(-order, order + 1)
        # Even images lie at 2nL + s after |2n| bounces, odd ones at 2nL - s after |2n - 1|.
        position = np.concatenate([2 * n * room[axis] + source[axis], 2 * n * room[axis] - source[axis]])
        bounces = np.concatenate([np.abs(2 * n), np.abs(2 * n - 1)])
        axes.append(((position - microphone[axis]) ** 2, bounces))
    (x, bx), (y, by), (z, bz) = axes
    distance = np.sqrt(x[:, None, None] + y[None, :, None] + z[None, None, :])
    bounces = bx[:, None, None] + by[None, :, None] + bz[None, None, :]
    near = distance < reach - SPEED_OF_SOUND / sample_rate
    distance, bounces = distance[near], bounces[near]
    amplitude = reflection ** bounces / (4 * np.pi * distance)
    delay = distance / SPEED_OF_SOUND * sample_rate
    whole = np.floor(delay).astype(int)
    part = delay - whole
    response = np.bincount(whole, amplitude * (1 - part), length + 1)
    response += np.bincount(whole + 1, amplitude * part, length + 1)
    return response[:length]


def reflection_for(room: np.ndarray, rt60: float) -> float:
    """Reflection coefficient that gives a reverberation time after Eyring's formula."""
    volume = room.prod()
    surface = 2 * (room[0] * room[1] + room[0] * room[2] + room[1] * room[2])
    return float(np.sqrt(np.exp(-0.161 * volume / (surface * rt60))))


def random_rooms(count: int, sample_rate: int, seed: int, seconds: float = 0.4) -> np.ndarray:
    """A bank (count, samples) of responses of random rooms, the direct sound first and of height 1."""
    random = np.random.default_rng(seed)
    bank = np.zeros((count, int(seconds * sample_rate)), np.float32)
    for index in range(count):
        room = random.uniform([2.5, 2.5, 2.2], [9.0, 8.0, 4.0])
        source, microphone = (random.uniform(0.3, room - 0.3) for _ in range(2))
        reflection = reflection_for(room, random.uniform(0.12, 0.7))
        response = room_impulse_response(room, source, microphone, reflection, sample_rate, seconds + 0.05)
        direct = int(np.argmax(response > 0))
        response = response[direct: direct + bank.shape[1]]
        bank[index, : len(response)] = response / np.abs(response).max()
    return bank
