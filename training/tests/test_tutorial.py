"""The tutorials' diarization: the package's own result, and times of the recording."""

import numpy as np
import pytest
import soundfile

pytest.importorskip("resemblyzer", reason="SKIPPED: Resemblyzer is not installed")

from conftest import synthetic_voice  # noqa: E402
from diarist_training import cli, tutorial  # noqa: E402
from diarist_training.rttm import read_rttm  # noqa: E402


@pytest.mark.parametrize("speakers", [2, 4])
def test_clusters_are_the_packages_own(speakers):
    random = np.random.default_rng(speakers)
    truth = np.repeat(np.arange(20) % speakers, 12)
    voices = np.abs(random.standard_normal((speakers, 64)))
    partials = voices[truth] + 0.3 * np.abs(random.standard_normal((len(truth), 64)))
    found = tutorial.cluster(partials)
    np.testing.assert_array_equal(found, tutorial.CLUSTERER.predict(partials))
    assert len(set(found.tolist())) >= speakers


def test_turns_are_in_the_recordings_time():
    keep = np.ones(16_000, bool)
    keep[4_000:8_000] = False
    # Windows in what is left: the first two are one speaker's, and cover the gap.
    found = list(tutorial.turns(np.array([0, 0, 1]), np.array([2_000, 6_000, 10_000]), keep))
    assert found == [(0.0, 0.25, 0), (0.5, 0.75, 0), (0.75, 1.0, 1)]


def test_a_recording_becomes_an_rttm(tmp_path):
    turns = [(0, 0), (4, 1), (8, 0), (12, 1)]
    wave = np.zeros(16 * 16_000)
    for start, speaker in turns:
        part = np.concatenate([synthetic_voice(9 * speaker, start + clip) for clip in (0, 1)])
        wave[start * 16_000 : start * 16_000 + len(part)] = part
    soundfile.write(tmp_path / "two.wav", wave, 16_000)
    (tmp_path / "two.rttm").write_text("SPEAKER two 1 0 16 <NA> <NA> a <NA> <NA>\n")
    out = tmp_path / "out"
    assert cli.main(["tutorial-diarize", "--audio", str(tmp_path), "--output", str(out)]) == 0
    found = read_rttm(out / "two.rttm")

    def speaker(at):
        return next(turn.speaker for turn in found if turn.start <= at < turn.end)

    assert speaker(2) == speaker(10) != speaker(6) == speaker(14)
