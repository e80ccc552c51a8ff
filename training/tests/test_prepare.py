"""``prepare`` on tiny trees that imitate how each archive unpacks."""

import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from diarist_training import cli
from diarist_training.manifest import read_manifest
from diarist_training.prepare.layouts import LayoutError, voxceleb
from diarist_training.prepare.voxconverse import alone
from diarist_training.rttm import SpeakerTurn


def tone(path, seconds=1.0, rate=16_000, level=0.1, **kwargs):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = level * np.sin(np.arange(round(seconds * rate)) / 20)
    soundfile.write(path, samples, rate, **kwargs)


def prepare(corpus, root, out, *more):
    status = cli.main(["prepare", corpus, "--root", str(root), "--output", str(out / "manifest.tsv"),
                       "--workers", "1", *more])
    return status, {row.path: row for row in read_manifest(out / "manifest.tsv")}


def test_librispeech_with_every_reason_to_drop(tmp_path, capsys):
    base = tmp_path / "LibriSpeech"
    tone(base / "train-clean-100" / "19" / "198" / "19-198-0000.flac", 2.0)
    tone(base / "train-clean-100" / "26" / "495" / "26-495-0000.flac", 0.2)
    tone(base / "train-clean-100" / "26" / "495" / "26-495-0001.flac", 3.0, level=0.0)
    tone(base / "train-clean-100" / "26" / "495" / "26-495-0002.flac", 9.0)
    tone(base / "dev-clean" / "84" / "121" / "84-121-0000.flac")
    broken = base / "dev-clean" / "84" / "121" / "84-121-0001.flac"
    broken.write_bytes(b"fLaC" + bytes(50))
    (base / "SPEAKERS.TXT").write_text("; comment\n19 | F | train-clean-100 | 25 | A\n84 | M | dev-clean | 8 | B\n")
    status, rows = prepare("librispeech", tmp_path, tmp_path, "--longest", "8")
    assert status == 0
    kept = rows["LibriSpeech/train-clean-100/19/198/19-198-0000.flac"]
    assert (kept.speaker, kept.split, kept.gender, kept.language, kept.seconds) == (
        "librispeech/19", "train", "female", "en", 2.0)
    assert rows["LibriSpeech/dev-clean/84/121/84-121-0000.flac"].split == "verify" and len(rows) == 2
    dropped = dict(line.split("\t") for line in (tmp_path / "dropped.tsv").read_text().splitlines())
    reasons = {path.rsplit("/", 1)[-1]: reason for path, reason in dropped.items()}
    assert reasons["26-495-0000.flac"] == "shorter than 0.5 s"
    assert reasons["26-495-0001.flac"] == "silent"
    assert reasons["26-495-0002.flac"] == "longer than 8 s"
    assert reasons["84-121-0001.flac"].startswith("unreadable")
    assert "dropped: 4" in capsys.readouterr().out


def test_voxceleb1_and_its_official_test_speakers(tmp_path):
    tone(tmp_path / "vox1" / "wav" / "id10001" / "1zcIwhmdeo4" / "00001.wav")
    tone(tmp_path / "vox1" / "wav" / "id10270" / "5r0dWxy17C8" / "00001.wav")
    (tmp_path / "out").mkdir()
    _, rows = prepare("voxceleb", tmp_path / "vox1", tmp_path / "out")
    splits = {row.speaker: row.split for row in rows.values()}
    assert splits == {"voxceleb/id10001": "train", "voxceleb/id10270": "verify"}
    assert all((tmp_path / "out" / path).exists() for path in rows)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="SKIPPED: ffmpeg is not installed")
def test_voxceleb2_is_converted_from_aac(tmp_path):
    wav, aac = tmp_path / "a.wav", tmp_path / "vox2" / "dev" / "aac" / "id00012" / "21Uxsk56VDQ" / "00001.m4a"
    tone(wav, 2.0)
    aac.parent.mkdir(parents=True)
    subprocess.run(["ffmpeg", "-v", "error", "-i", wav, "-c:a", "aac", aac], check=True)
    status, rows = prepare("voxceleb", tmp_path / "vox2", tmp_path)
    assert status == 1 and not rows and "--convert" in (tmp_path / "dropped.tsv").read_text()
    status, rows = prepare("voxceleb", tmp_path / "vox2", tmp_path, "--convert", str(tmp_path / "flac"))
    (path, row), = rows.items()
    assert status == 0 and row.speaker == "voxceleb/id00012" and row.seconds == pytest.approx(2.0, abs=0.1)
    assert soundfile.info(tmp_path / path).samplerate == 16_000


def test_common_voice(tmp_path):
    language = tmp_path / "cv-corpus-6.1-2020-12-11" / "pa-IN"
    tone(language / "clips" / "common_voice_1.mp3", 1.5, 32_000)
    (language / "validated.tsv").write_text(
        "client_id\tpath\tsentence\tgender\tlocale\n"
        "abc\tcommon_voice_1.mp3\t\"quoted\tmale_masculine\tpa-IN\n"
        "abc\tcommon_voice_2.mp3\tgone\tmale\tpa-IN\n")
    _, rows = prepare("commonvoice", tmp_path, tmp_path)
    (path, row), = rows.items()
    assert path.endswith("clips/common_voice_1.mp3")
    assert row.speaker.startswith("commonvoice/cv_") and row.language == "pa-IN" and row.gender == "male"
    assert "common_voice_2.mp3\tmissing" in (tmp_path / "dropped.tsv").read_text()


def test_speechocean762_and_its_children(tmp_path):
    base = tmp_path / "speechocean762"
    for half, speaker, age in (("train", "0001", "6"), ("test", "0120", "22")):
        tone(base / "WAVE" / f"SPEAKER{speaker}" / f"{speaker}10011.WAV", format="WAV")
        (base / half).mkdir()
        (base / half / "utt2spk").write_text(f"{speaker}10011\t{speaker}\n")
        (base / half / "spk2age").write_text(f"{speaker}\t{age}\n")
        (base / half / "spk2gender").write_text(f"{speaker}\tf\n")
    _, rows = prepare("speechocean762", tmp_path, tmp_path)
    assert {row.speaker: row.split for row in rows.values()} == {
        "speechocean762/SPEAKER0001": "train", "speechocean762/SPEAKER0120": "verify"}
    assert (tmp_path / "children.txt").read_text() == "speechocean762/SPEAKER0001\n"


def test_voxconverse_segments_are_cut_where_one_person_speaks(tmp_path):
    root, out = tmp_path / "vox", tmp_path / "out"
    tone(root / "audio" / "abjxc.wav", 40.0)
    (root / "dev").mkdir()
    (root / "dev" / "abjxc.rttm").write_text(
        "SPEAKER abjxc 1 0.00 5.00 <NA> <NA> spk00 <NA> <NA>\n"
        "SPEAKER abjxc 1 4.00 6.00 <NA> <NA> spk01 <NA> <NA>\n"
        "SPEAKER abjxc 1 12.00 20.00 <NA> <NA> spk00 <NA> <NA>\n"
        "SPEAKER abjxc 1 33.00 1.00 <NA> <NA> spk02 <NA> <NA>\n")
    _, rows = prepare("voxconverse", root, out)
    assert sorted((row.speaker, row.seconds) for row in rows.values()) == [
        ("voxconverse/abjxc_spk00", 4.0), ("voxconverse/abjxc_spk00", 5.0),
        ("voxconverse/abjxc_spk00", 15.0), ("voxconverse/abjxc_spk01", 5.0)]
    assert all((out / path).exists() for path in rows)


def test_alone_joins_touching_turns_of_one_speaker():
    turns = [SpeakerTurn("f", 0, 2, "a"), SpeakerTurn("f", 2, 2, "a"), SpeakerTurn("f", 3, 4, "b")]
    assert alone(turns) == [(0, 3, "a"), (4, 7, "b")]


def test_shared_manifest_is_validated_and_speakers_can_be_held_out(tmp_path):
    for name in "abcd":
        tone(tmp_path / f"{name}.wav")
    (tmp_path / "manifest.tsv").write_text(
        "path\tspeaker\tsplit\n" + "".join(f"{name}.wav\t{name}\ttrain\n" for name in "abcd") + "x.wav\tx\ttrain\n")
    out = tmp_path / "out"
    _, rows = prepare("shared", tmp_path, out, "--verify-speakers", "1")
    _, again = prepare("shared", tmp_path, out, "--verify-speakers", "1")
    assert rows == again and len(rows) == 4
    assert sorted(row.split for row in rows.values()) == ["train", "train", "train", "verify"]


def test_a_folder_that_is_no_corpus_is_named(tmp_path, capsys):
    with pytest.raises(LayoutError, match="no idNNNNN"):
        list(voxceleb(tmp_path))
    assert cli.main(["prepare", "librispeech", "--root", str(tmp_path), "--output", str(tmp_path / "m.tsv")]) == 1
    assert "SPEAKERS.TXT is not there" in capsys.readouterr().err
