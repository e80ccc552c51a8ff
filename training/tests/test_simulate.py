"""Simulated conversations: exact reference, no repetition, same seed same bytes."""

import numpy as np
import pytest
import soundfile

from diarist_training import cli
from diarist_training.audio import SAMPLE_RATE
from diarist_training.conversation import plan_conversation
from diarist_training.manifest import Utterance, write_manifest
from diarist_training.render import _faded, noise_bed
from diarist_training.simulate import Material, speech_ratios
from diarist_training.voices import FRAME, speech_regions, voice

RATE = SAMPLE_RATE


def talk(rng, bursts):
    """Noise bursts of (seconds on, seconds off), as a stand-in for speech with known bounds."""
    pieces = []
    for on, off in bursts:
        pieces += [rng.normal(0, 0.1, round(on * RATE)), rng.normal(0, 1e-5, round(off * RATE))]
    return np.concatenate(pieces).astype(np.float32)


def people(rng, count=4, clips=12):
    return [voice(f"s{k}", [talk(rng, [(rng.uniform(0.4, 2.5), rng.uniform(0.1, 0.7)) for _ in range(6)])
                            for _ in range(clips)], rng) for k in range(count)]


def test_regions_follow_energy_and_bridge_short_pauses():
    wave = talk(np.random.default_rng(0), [(1.0, 0.2), (0.5, 0.6), (0.8, 0.4)])
    bounds = np.array(speech_regions(wave))
    np.testing.assert_allclose(bounds, np.array([[0, 1.7], [2.3, 3.1]]) * RATE, atol=FRAME)
    assert len(speech_regions(wave, 0.1)) == 3
    assert speech_regions(np.zeros(RATE, np.float32)) == []
    assert speech_regions(np.zeros(10, np.float32)) == []


def test_regions_of_a_recording_with_a_noisy_floor():
    rng = np.random.default_rng(0)
    wave = talk(rng, [(1.0, 0.6), (0.5, 0.6)])
    noisy = wave + rng.normal(0, 0.01, len(wave)).astype(np.float32)  # 20 dB below: within 30 dB of speech
    np.testing.assert_allclose(speech_regions(noisy), speech_regions(wave), atol=FRAME)


def test_a_voice_says_nothing_twice_and_marks_all_it_says():
    rng = np.random.default_rng(1)
    clips = [talk(rng, [(0.5, 0.4), (0.2, 0.4), (0.8, 0.5)]) for _ in range(8)]
    someone = voice("s", clips, rng)
    said = []
    while (chunk := someone.take(RATE)) is not None:
        quiet = np.ones(len(chunk), bool)
        for start, end in chunk.regions:
            quiet[start:end] = False
        assert not quiet.any() or np.abs(chunk.wave[quiet]).max() < 1e-3
        said += [chunk.wave[start:end].tobytes() for start, end in chunk.regions]
    said += [chunk.wave.tobytes() for chunk in someone.backchannels]
    assert len(said) == len(set(said)) and someone.backchannels


@pytest.mark.parametrize("chance", [0.0, 0.7])
def test_plan_obeys_its_rules(chance):
    rng = np.random.default_rng(2)
    plan = plan_conversation(people(rng), 60 * RATE, chance, rng)
    assert {turn.speaker for turn in plan.turns} == {0, 1, 2, 3}
    for speaker in range(4):
        own = [turn for turn in plan.turns if turn.speaker == speaker]
        assert all(first.end < second.start for first, second in zip(own, own[1:]))
    for start, end, _ in plan.segments():
        assert 0 <= start < end <= plan.samples and start % FRAME == 0 and end % FRAME == 0
    speech, overlap = speech_ratios(plan)
    assert 0.4 < speech < 0.98
    assert overlap > 0.03 if chance else overlap < 0.03  # backchannels overlap even in calm talk


def test_speech_ratios_are_exact():
    class Fixed:
        samples = 1000
        segments = staticmethod(lambda: [(0, 400, 0), (300, 500, 1)])
    assert speech_ratios(Fixed) == (0.5, 0.2)


def test_noise_bed_keeps_its_level():
    rng = np.random.default_rng(3)
    clips = [rng.normal(0, level, 3 * RATE) for level in (0.01, 0.2)]
    bed = noise_bed(clips, 20 * RATE, rng)
    levels = np.sqrt(np.mean(bed.reshape(20, RATE) ** 2, axis=1))
    assert len(bed) == 20 * RATE and levels.min() > 0.8 and levels.max() < 1.25


def test_fades_keep_length():
    faded = _faded(np.ones(RATE))
    assert len(faded) == RATE and faded[0] == faded[-1] == 0 and faded[RATE // 2] == 1


def tiny_corpus(folder):
    rng = np.random.default_rng(4)
    utterances = []
    for person in range(9):
        for clip in range(25 if person < 5 else 3):
            path = f"speech/{person}_{clip}.wav"
            wave = talk(rng, [(rng.uniform(0.3, 1.5), rng.uniform(0.15, 0.5)) for _ in range(4)])
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(folder / path, wave, RATE)
            utterances.append(Utterance(path, f"corpus/{person}", "simulate", seconds=len(wave) / RATE))
    (folder / "noise").mkdir()
    soundfile.write(folder / "noise" / "hum.ogg", rng.normal(0, 0.1, 4 * RATE), RATE)
    write_manifest(folder / "manifest.tsv", utterances)
    return ["--manifest", str(folder / "manifest.tsv"), "--noise", str(folder / "noise")]


def test_command_is_deterministic_and_its_reference_is_where_the_energy_is(tmp_path):
    corpus = tiny_corpus(tmp_path)
    for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
        assert cli.main(["simulate", "--output", str(tmp_path / name), "--count", "2", "--minutes", "0.7",
                         "--seed", seed, *corpus]) == 0
    contents = {name: {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "abc"}
    assert contents["a"] == contents["b"]
    assert contents["a"]["sim_00.flac"] != contents["c"]["sim_00.flac"]
    rows = [line.split("\t") for line in (tmp_path / "a" / "conversations.tsv").read_text().splitlines()]
    assert [row[2] for row in rows[1:]] == ["2", "3"]
    samples, rate = soundfile.read(tmp_path / "a" / "sim_01.flac")
    active = np.zeros(len(samples), bool)
    for line in (tmp_path / "a" / "sim_01.rttm").read_text().splitlines():
        kind, name, channel, start, length, *_, speaker, _, _ = line.split(" ")
        assert (kind, name, channel) == ("SPEAKER", "sim_01", "1") and speaker.startswith("corpus_")
        first = round(float(start) * RATE)
        active[first : first + round(float(length) * RATE)] = True
    assert rate == RATE and len(samples) == 42 * RATE
    assert np.square(samples[active]).mean() > 4 * np.square(samples[~active]).mean()


def test_too_little_material_is_refused(tmp_path):
    write_manifest(tmp_path / "manifest.tsv", [
        Utterance("x.wav", f"s{person}", "simulate", seconds=100.0 if person < 5 else 10.0) for person in range(9)])
    material = Material.read(tmp_path / "manifest.tsv", "simulate")
    with pytest.raises(ValueError, match="no 2 speakers hold 14 minutes"):
        material.cast(2, 10.0, np.random.default_rng(0))
    with pytest.raises(ValueError, match="10 speakers need .* given: 5 with that much, 4 with less"):
        material.cast(10, 1.0, np.random.default_rng(0))
