"""Sound of a planned conversation: one room, one place and level per speaker, noise."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import oaconvolve

from .audio import SAMPLE_RATE, read_mono, to_int16
from .conversation import Plan
from .rooms import Room, impulse_response, random_position, random_room

SNR_DB = (8.0, 30.0)
LEVEL_SPREAD_DB = 3.0  # standard deviation of a speaker's level around the common one
_SPEECH_LEVEL = 10 ** (-27 / 20)  # RMS of speech regions, full scale = 1
_TAIL_SECONDS = 0.35  # reverberation is cut there
_FADE = SAMPLE_RATE // 200
_CROSSFADE = SAMPLE_RATE // 2


@dataclass(frozen=True)
class Scene:
    """Everything about a conversation's sound that is not speech."""

    room: Room
    places: tuple[tuple[float, float, float], ...]
    gains: tuple[float, ...]
    noise: tuple[Path, ...]
    snr_db: float


def noise_kinds(folder: Path) -> dict[str, list[Path]]:
    """Noise files by kind: ESC-50 names end in their class, anything else is its own kind."""
    kinds: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.glob("*.ogg")):
        stem = path.stem
        kinds["esc50-" + stem.rsplit("-", 1)[1] if stem.startswith("esc50_") else stem].append(path)
    return dict(kinds)


def draw_scene(speakers: int, noise: Path, rng: np.random.Generator) -> Scene:
    """Draw room, seats, levels, one kind of noise and its level."""
    room = random_room(rng)
    kinds = noise_kinds(noise)
    if not kinds:
        raise FileNotFoundError(f"no .ogg noise files in {noise}")
    kind = kinds[sorted(kinds)[rng.integers(len(kinds))]]
    return Scene(room, tuple(random_position(rng, room.size) for _ in range(speakers)),
                 tuple(10 ** (rng.normal(0.0, LEVEL_SPREAD_DB, speakers) / 20)),
                 tuple(kind[i] for i in rng.permutation(len(kind))), float(rng.uniform(*SNR_DB)))


def render(plan: Plan, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Samples of the conversation, int16 at 16 kHz, as long as the plan says."""
    mixed = np.zeros(plan.samples)
    for speaker, place in enumerate(scene.places):
        dry = np.zeros(plan.samples)
        for turn in plan.turns:
            if turn.speaker == speaker:
                dry[turn.start : turn.end] += _faded(_levelled(turn.chunk.wave, turn.chunk.regions))
        response = impulse_response(scene.room, place, seconds=min(scene.room.rt60, _TAIL_SECONDS))
        mixed += scene.gains[speaker] * oaconvolve(dry, response)[: plan.samples]
    active = np.zeros(plan.samples, bool)
    for start, end, _ in plan.segments():
        active[start:end] = True
    noise = noise_bed([read_mono(path) for path in scene.noise], plan.samples, rng)
    wanted = np.sqrt(np.mean(mixed[active] ** 2)) * 10 ** (-scene.snr_db / 20)
    mixed += noise * (wanted / max(np.sqrt(np.mean(noise**2)), 1e-9))
    peak = np.abs(mixed).max()
    return to_int16(mixed * min(1.0, 0.98 / peak))


def _levelled(wave: np.ndarray, regions: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Bring a chunk's speech to the common level."""
    speech = np.concatenate([wave[start:end] for start, end in regions]).astype(np.float64)
    return wave.astype(np.float64) * (_SPEECH_LEVEL / max(np.sqrt(np.mean(speech**2)), 1e-6))


def _faded(wave: np.ndarray) -> np.ndarray:
    """Fade 5 ms in and out, so that cuts do not click."""
    ramp = np.ones(len(wave))
    ramp[:_FADE] = np.linspace(0, 1, _FADE, endpoint=False)
    ramp[-_FADE:] = ramp[:_FADE][::-1]
    return wave * ramp


def noise_bed(clips: list[np.ndarray], samples: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of ``samples`` length: clips of equal level, one after the other, crossfaded."""
    bed = np.zeros(samples + 2 * _CROSSFADE)
    ramp = np.sin(np.linspace(0, np.pi / 2, _CROSSFADE))  # equal power
    position, index = 0, 0
    loud = [clip / max(np.sqrt(np.mean(np.square(clip))), 1e-6) for clip in clips
            if len(clip) > 2 * _CROSSFADE and np.any(clip)]
    if not loud:
        raise ValueError(f"noise clips must be longer than {2 * _CROSSFADE / SAMPLE_RATE:g} s and not silent")
    while position < samples + _CROSSFADE:
        clip = np.roll(loud[index % len(loud)], -int(rng.integers(len(loud[index % len(loud)]))))
        clip = clip[: len(bed) - position].astype(np.float64)
        if len(clip) > 2 * _CROSSFADE:
            clip[:_CROSSFADE] *= ramp
            clip[-_CROSSFADE:] *= ramp[::-1]
        bed[position : position + len(clip)] += clip
        position += max(len(clip) - _CROSSFADE, 1)
        index += 1
    return bed[_CROSSFADE : _CROSSFADE + samples]
