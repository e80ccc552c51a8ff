"""A small synthetic corpus: every test runs on any machine, without the shared data."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from diarist_training.audio import SAMPLE_RATE
from diarist_training.manifest import Utterance, write_manifest
from diarist_training.pack import write_pack

SPEAKERS, CLIPS = 14, 4


def synthetic_voice(speaker: int, clip: int, seconds: float = 2.0) -> np.ndarray:
    """A buzz with a pitch and two resonances of its own per speaker, with syllables and some breath."""
    random = np.random.default_rng([speaker, clip])
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = 90 + 14 * speaker + 8 * np.sin(2 * np.pi * 0.7 * time + clip)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    peaks = 400 + 45 * speaker, 2600 - 90 * speaker
    wave = np.zeros_like(time)
    for harmonic in range(1, 30):
        height = sum(np.exp(-((harmonic * pitch - peak) / 250.0) ** 2) for peak in peaks) + 0.02
        wave += height * np.sin(harmonic * phase)
    syllables = 0.3 + 0.7 * np.square(np.sin(2 * np.pi * 2.1 * time + random.uniform(0, 6)))
    wave = wave / np.abs(wave).max() * syllables * 0.3
    return (wave + 0.003 * random.standard_normal(len(time))).astype(np.float32)


@pytest.fixture(scope="session", autouse=True)
def two_threads() -> None:
    torch.set_num_threads(2)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    """A folder with manifest.tsv, speech and noise; the last four speakers are `verify`."""
    root = tmp_path_factory.mktemp("corpus")
    (root / "noise").mkdir()
    random = np.random.default_rng(0)
    for index in range(2):
        soundfile.write(root / "noise" / f"{index}.wav", 0.1 * random.standard_normal(3 * SAMPLE_RATE), SAMPLE_RATE)
    utterances = []
    for speaker in range(SPEAKERS):
        for clip in range(CLIPS):
            path = f"s{speaker:02}_{clip}.wav"
            wave = synthetic_voice(speaker, clip)
            soundfile.write(root / path, wave, SAMPLE_RATE)
            split = "verify" if speaker >= SPEAKERS - 4 else "train"
            utterances.append(Utterance(path, f"s{speaker:02}", split, "synthetic", "en", "", len(wave) / SAMPLE_RATE))
    write_manifest(root / "manifest.tsv", utterances)
    return root


@pytest.fixture(scope="session")
def pack_folder(corpus: Path) -> Path:
    """The corpus packed, with a teacher that puts every speaker's clips near one place."""
    folder = corpus / "pack"
    assert write_pack(corpus / "manifest.tsv", corpus / "noise", folder, workers=2) == []
    random = np.random.default_rng(1)
    paths = [f"s{s:02}_{c}.wav" for s in range(SPEAKERS) for c in range(CLIPS)]
    places = np.repeat(random.random((SPEAKERS, 32)), CLIPS, axis=0)
    embedding = (places + 0.05 * random.random(places.shape)).astype(np.float32)
    np.savez(folder / "teacher.npz", path=np.array(paths), embedding=embedding)
    return folder
