"""Sound of a scene: one room, a seat and a level per person, noise, microphone, line.

Everything linear happens in one transform of the whole chunk: the speakers' rooms, the microphone's
colour or the telephone's band are products there.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.fft import irfft
from torch import Tensor

from ..audio import SAMPLE_RATE
from ..augment.waveform import Codec
from ..pack import Pack
from ..rooms import impulse_response, random_position, random_room
from .material import Material
from .scene import CHUNK, FRAME, Scene

ROOM_SECONDS = 0.36
_TAPS = round(ROOM_SECONDS * SAMPLE_RATE)
SIZE = 165_888  # 2^11 * 3^4: a chunk and a room's tail, and fast to transform
SEATS = 4  # places in a room
SPEECH_LEVEL = 10 ** (-27 / 20)  # RMS of speech regions, full scale = 1
_FADE = SAMPLE_RATE // 200
_HISSES = 16


@dataclass(frozen=True)
class Sound:
    """Chances and ranges of one recipe."""

    rooms: int = 240
    noises: int = 300  # stretches of background noise
    dry: float = 0.2  # chance of no room
    person_db: float = 4.0  # standard deviation of a person's level
    turn_db: float = 1.5  # and of a turn's around it
    noise: float = 0.85
    snr_db: tuple[float, float] = (3.0, 35.0)
    hiss_db: tuple[float, float] = (30.0, 60.0)  # white or brown noise of the device below speech
    neighbour: float = 0.0  # chance of a voice that is not of the talk: next door, on television
    neighbour_db: tuple[float, float] = (20.0, 40.0)  # and how far below speech it is
    colour: float = 0.5  # chance of a microphone with a colour
    telephone: float = 0.12
    codec: float = 0.1
    level_db: tuple[float, float] = (-30.0, 6.0)
    silent: float = 0.1  # chance of no noise at all, not even the device's


class Banks:
    """What is computed once, as spectra: rooms with seats, colours, noises.

    `rooms` (rooms, SEATS, lines) and `noises` (noises, lines) at speech level are complex64.
    """

    def __init__(self, pack: Pack, sound: Sound, seed: int) -> None:
        rng = np.random.default_rng([seed, 77])
        self.rooms = torch.stack([torch.fft.rfft(torch.from_numpy(_seats(rng)), SIZE) for _ in range(sound.rooms)])
        hertz = np.fft.rfftfreq(SIZE, 1 / SAMPLE_RATE)
        self.colours = torch.from_numpy(np.stack([_colour(hertz, rng) for _ in range(48)]))
        self.telephones = torch.from_numpy(np.stack([_band(hertz, rng) for _ in range(16)]))
        self.hisses = torch.stack([_hiss(hertz, rng) for _ in range(_HISSES)])
        noises = [_background(pack.noise, rng) for _ in range(sound.noises)] if len(pack.noise) > CHUNK else []
        noises = [noise for noise in noises if noise is not None]
        self.noises = torch.stack(noises) if noises else None


def _seats(rng: np.random.Generator) -> np.ndarray:
    """Impulse responses from SEATS places of one room, (SEATS, _TAPS)."""
    room, taps = random_room(rng), np.zeros((SEATS, _TAPS), np.float32)
    for row in taps:
        place = random_position(rng, room.size)
        while np.linalg.norm(np.subtract(place, room.microphone)) < 0.3:
            place = random_position(rng, room.size)
        made = impulse_response(room, place, seconds=ROOM_SECONDS)[:_TAPS]
        row[: len(made)] = made
    return taps


def _background(noise: np.ndarray, rng: np.random.Generator) -> Tensor | None:
    """A random stretch at the level of speech, or None where it is silent."""
    start = int(rng.integers(len(noise) - CHUNK))
    wave = noise[start: start + CHUNK].astype(np.float32)
    power = float(np.mean(np.square(wave)))
    return torch.fft.rfft(torch.from_numpy(wave * np.float32(SPEECH_LEVEL / power ** 0.5)), SIZE) if power > 1.0 else None


def _hiss(hertz: np.ndarray, rng: np.random.Generator) -> Tensor:
    """White noise, or one that falls by 3 dB an octave, at the level of speech."""
    normal = rng.standard_normal((2, len(hertz)), dtype=np.float32)
    shape = 1.0 / np.maximum(hertz, 30.0) ** 0.5 if rng.random() < 0.5 else np.ones_like(hertz)
    shape = torch.from_numpy((shape / np.sqrt(np.mean(np.square(shape)))).astype(np.float32))
    # A spectrum of unit normals is a waveform with a power of 2 / SIZE.
    return torch.complex(*torch.from_numpy(normal)) * shape * (SPEECH_LEVEL * (SIZE / 2) ** 0.5)


def _colour(hertz: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A smooth gain over frequency; one in four also loses the top, as lossy coders do."""
    points = np.array([30.0, 120, 300, 800, 2000, 4000, 8000])
    gain = np.interp(np.log(np.maximum(hertz, 30.0)), np.log(points), rng.normal(0.0, 4.0, len(points)))
    if rng.random() < 0.25:
        gain -= 60.0 / (1.0 + np.exp(-(hertz - rng.uniform(3500.0, 7500.0)) / 80.0))
    return (10 ** (gain / 20)).astype(np.float32)


def _band(hertz: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A telephone's band with slopes."""
    low, high = rng.uniform(150.0, 360.0), rng.uniform(3200.0, 3700.0)
    x = np.clip((hertz - low) / (0.05 * low), -60, 60), np.clip((high - hertz) / (0.02 * high), -60, 60)
    return (1.0 / (1.0 + np.exp(-x[0])) / (1.0 + np.exp(-x[1])) + 1e-4).astype(np.float32)


def mix(scene: Scene, material: Material, banks: Banks, sound: Sound, rng: np.random.Generator) -> np.ndarray:
    """Samples of the chunk, float32 (CHUNK,) in [-1, 1]."""
    spectrum = torch.fft.rfft(torch.from_numpy(_dry_tracks(scene, material, sound, rng)), SIZE)
    if rng.random() >= sound.dry:
        seats = torch.from_numpy(rng.permutation(SEATS)[: len(spectrum)])
        spectrum = spectrum * banks.rooms[rng.integers(len(banks.rooms))][seats]
    total = spectrum.sum(dim=0)
    if sound.neighbour and rng.random() < sound.neighbour:
        total = total + _neighbour(scene, material, banks, sound, rng)
    if rng.random() >= sound.silent:
        total = total + _below(banks.hisses, sound.hiss_db, rng)
        if banks.noises is not None and rng.random() < sound.noise:
            total = total + _below(banks.noises, sound.snr_db, rng)
    line = rng.random()
    if line < sound.telephone:
        total = total * banks.telephones[rng.integers(len(banks.telephones))]
    elif line < sound.telephone + sound.colour:
        total = total * banks.colours[rng.integers(len(banks.colours))]
    # On processors without MKL's fast path its inverse takes more than twice as long as SciPy's.
    samples = torch.from_numpy(irfft(total.numpy(), SIZE)[:CHUNK])
    if rng.random() < sound.codec:
        samples = _coded(samples, rng)
    peak = float(samples.abs().max())
    gain = min(10 ** (rng.uniform(*sound.level_db) / 20), 0.99 / max(peak, 1e-6) * (3.0 if rng.random() < 0.02 else 1.0))
    return (samples * gain).clamp(-1.0, 1.0).numpy()


def _dry_tracks(scene: Scene, material: Material, sound: Sound, rng: np.random.Generator) -> np.ndarray:
    """One track per person, (people, CHUNK), at least one, every turn at its level."""
    tracks = np.zeros((max(1, len(scene.people)), CHUNK), np.float32)
    levels = rng.normal(0.0, sound.person_db, len(scene.people))
    for piece in scene.pieces:
        wave = material.samples(piece.clip.index)[piece.first: piece.last]
        regions = piece.regions - piece.first
        power = np.mean(np.concatenate([np.square(wave[a:b]) for a, b in regions]))
        level = 10 ** ((levels[piece.speaker] + rng.normal(0.0, sound.turn_db)) / 20)
        wave = wave * np.float32(SPEECH_LEVEL * level / max(np.sqrt(power), 1e-5))
        ramp = np.linspace(0.0, 1.0, _FADE, dtype=np.float32)
        wave[:_FADE] *= ramp
        wave[-_FADE:] *= ramp[::-1]
        start = piece.start * FRAME
        low, high = max(0, start), min(CHUNK, start + len(wave))
        tracks[piece.speaker, low:high] += wave[low - start: high - start]
    return tracks


def _neighbour(scene: Scene, material: Material, banks: Banks, sound: Sound, rng: np.random.Generator) -> Tensor:
    """Somebody from outside the talk who says one clip, far away; the labels know nothing of it."""
    others = [name for name in material.speakers if name not in scene.people]
    clips = material.clips[others[rng.integers(len(others))]]
    clip = clips[rng.integers(len(clips))]
    wave = material.samples(clip.index)[clip.regions[0, 0]: clip.regions[-1, 1]][:CHUNK]
    track = np.zeros(CHUNK, np.float32)
    start = int(rng.integers(CHUNK - len(wave) + 1))
    power = float(np.mean(np.square(wave)))
    level = SPEECH_LEVEL * 10 ** (-rng.uniform(*sound.neighbour_db) / 20)
    track[start: start + len(wave)] = wave * np.float32(level / max(power ** 0.5, 1e-5))
    room = banks.rooms[rng.integers(len(banks.rooms))][rng.integers(SEATS)]
    return torch.fft.rfft(torch.from_numpy(track), SIZE) * room


def _below(bank: Tensor, range_db: tuple[float, float], rng: np.random.Generator) -> Tensor:
    """One noise of a bank, as far below speech as the range says."""
    return bank[rng.integers(len(bank))] * 10 ** (-rng.uniform(*range_db) / 20)


def _coded(samples: Tensor, rng: np.random.Generator) -> Tensor:
    """A line's companded 8, 7 or 6 bits."""
    generator = torch.Generator().manual_seed(int(rng.integers(1 << 31)))
    return Codec()(samples[None], generator)[0]
