"""Scoring of conversations against values worked out by hand."""

import json
import shutil

import numpy as np
import pytest
import soundfile

from diarist_training import cli
from diarist_training.diarization import read_conversations
from diarist_training.diarize_score import STEP, WINDOW, windows
from diarist_training.rttm import read_rttm, read_uem


def rttm(path, turns):
    path.write_text("".join(f"SPEAKER {path.stem} 1 {start} {length} <NA> <NA> {who} <NA> <NA>\n"
                            for start, length, who in turns))


@pytest.fixture
def folders(tmp_path):
    audio, output = tmp_path / "audio", tmp_path / "output"
    audio.mkdir()
    output.mkdir()
    for name in ("two", "three"):
        soundfile.write(audio / f"{name}.wav", np.zeros(160_000), 16_000)
    rttm(audio / "two.rttm", [(0, 4, "a"), (5, 4, "b")])
    rttm(output / "two.rttm", [(0, 4, "x"), (5, 4, "x")])  # 4 of 8 s confused
    rttm(audio / "three.rttm", [(0, 3, "a"), (3, 3, "b"), (6, 2, "c")])
    rttm(output / "three.rttm", [(0, 3, "x"), (3, 3, "y"), (6, 2, "z"), (8, 1, "z")])  # 1 s of false alarm
    return audio, output


def test_rates_by_number_of_speakers(folders):
    audio, output = folders
    assert cli.main(["diarize-score", "--audio", str(audio), "--output", str(output), "--collar", "0"]) == 0
    rows = {row["speakers"]: row for row in json.loads((output / "diarization.json").read_text())["rows"]}
    assert rows["2"]["der"] == pytest.approx(4 / 8) and rows["2"]["confusion"] == pytest.approx(4 / 8)
    # Matched speaker: union 8 s, common 4 s; the other is missed altogether.
    assert rows["2"]["jer"] == pytest.approx((0.5 + 1.0) / 2)
    assert rows["3"]["der"] == pytest.approx(1 / 8) and rows["3"]["false_alarm"] == pytest.approx(1 / 8)
    assert rows["3"]["jer"] == pytest.approx((1 / 3) / 3)
    assert rows["all"]["der"] == pytest.approx(5 / 16)
    assert rows["all"]["count_right"] == 0.5 and rows["all"]["count_error"] == 0.5


def test_uem_limits_what_is_scored(folders):
    audio, output = folders
    (audio / "two.uem").write_text("two 1 0.0 4.5\n")
    assert cli.main(["diarize-score", "--audio", str(audio), "--output", str(output), "--collar", "0"]) == 0
    rows = {row["speakers"]: row for row in json.loads((output / "diarization.json").read_text())["rows"]}
    assert rows["2"]["der"] == 0


def test_windows_cover_a_recording_as_the_pipeline_does():
    for samples, count in ((0, 0), (1, 1), (WINDOW, 1), (WINDOW + 1, 2), (WINDOW + STEP, 2), (10 * STEP, 9)):
        cut = windows(np.arange(1, samples + 1))
        assert len(cut) == count
        assert all(len(part) == WINDOW for part in cut)
        covered = np.concatenate([cut[0], *(part[STEP:] for part in cut[1:])]) if cut else np.array([])
        np.testing.assert_array_equal(covered[:samples], np.arange(1, samples + 1))
        assert not covered[samples:].any() and len(covered) - samples < max(STEP, WINDOW)


def test_malformed_lines_are_named(tmp_path):
    (tmp_path / "a.rttm").write_text("SPKR-INFO a 1 <NA>\n\nSPEAKER a 1 x 2 <NA> <NA> s <NA> <NA>\n")
    with pytest.raises(ValueError, match=r"a.rttm:3: onset and duration must be numbers, are 'x' and '2'"):
        read_rttm(tmp_path / "a.rttm")
    (tmp_path / "b.rttm").write_text("SPEAKER b 1 1 -2 <NA> <NA> s <NA> <NA>\n")
    with pytest.raises(ValueError, match="at least 0"):
        read_rttm(tmp_path / "b.rttm")
    (tmp_path / "c.uem").write_text("c 1 0\n")
    with pytest.raises(ValueError, match="c.uem:1"):
        read_uem(tmp_path / "c.uem")
    with pytest.raises(FileNotFoundError, match="no audio"):
        read_conversations(tmp_path)


def test_failure_of_the_program_is_reported_in_its_own_words(folders):
    audio, output = folders
    with pytest.raises(RuntimeError, match="failed with"):
        cli.main(["diarize-score", "--audio", str(audio), "--output", str(output),
                  "--pipeline", shutil.which("false")])
