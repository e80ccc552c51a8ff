"""Pitch of sounds whose pitch is known."""

import os
from pathlib import Path

import numpy as np
import pytest

from diarist_training import cli
from diarist_training.audio import SAMPLE_RATE
from diarist_training.manifest import read_manifest, read_speakers, shared_data
from diarist_training.pitch import frame_pitches


@pytest.mark.parametrize("hertz", [90, 160, 230, 310])
def test_harmonic_tones(hertz):
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    wave = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, 8))
    assert np.median(frame_pitches(wave)) == pytest.approx(hertz, rel=0.02)


def test_noise_has_no_pitch():
    assert len(frame_pitches(np.random.default_rng(0).normal(size=SAMPLE_RATE))) < 5
    assert len(frame_pitches(np.zeros(100))) == 0


def test_the_held_out_list_is_what_the_command_says(capsys):
    if not (shared_data() / "manifest.tsv").exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"SKIPPED: {shared_data()} is missing")
    listed = read_speakers(Path(__file__).parents[1] / "recipes" / "children-heldout.txt")
    splits = {item.split for item in read_manifest(shared_data() / "manifest.tsv") if item.speaker in listed}
    assert len(listed) == 18 and splits == {"train"}
    assert cli.main(["pitch", "--corpus", "speechocean762", "--first", "1", "--last", "114", "--at-least", "230"]) == 0
    assert {line.split("\t")[0] for line in capsys.readouterr().out.splitlines()} == listed
