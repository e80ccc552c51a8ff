"""From a run's checkpoint to every form, by the commands that a person types."""

from dataclasses import asdict

import numpy as np
import onnx
import pytest
import soundfile
import torch
from networks import random_network

from diarist_training import golden
from diarist_training.calibration import calibration_features
from diarist_training.cli import main
from diarist_training.export import session
from diarist_training.manifest import ManifestError, Utterance, write_manifest
from diarist_training.onnx_forms import metadata
from diarist_training.recipe import Recipe

SPEAKERS = 96


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """A corpus of pieces of the golden voice at different pitches, one file per speaker."""
    folder = tmp_path_factory.mktemp("corpus")
    voice, generator = golden.voice(), np.random.default_rng(8)
    utterances = []
    for index in range(SPEAKERS):
        rate = 1 + 0.5 * generator.random()
        samples = np.interp(np.arange(0, len(voice), rate), np.arange(len(voice)), voice)
        soundfile.write(folder / f"{index}.wav", samples + 0.003 * generator.standard_normal(len(samples)), 16000)
        utterances.append(Utterance(path=f"{index}.wav", speaker=f"s{index}", split="train"))
    write_manifest(folder / "manifest.tsv", utterances)
    return folder / "manifest.tsv"


@pytest.fixture(scope="module")
def released(tmp_path_factory, manifest):
    folder = tmp_path_factory.mktemp("run")
    network = random_network("resnet18")
    torch.save({"network": network.state_dict(), "recipe": asdict(Recipe("tried", backbone="resnet18", total_crops=1)),
                "step": 7, "manifest_sha256": "ab" * 32}, folder / "final.pt")
    target = folder / "some-model"
    assert main(["export", str(folder / "final.pt"), "--output-dir", str(target)]) == 0
    assert main(["quantize", str(target / "some-model.fp32.onnx"), "--manifest", str(manifest), "--windows", "32"]) == 0
    return target, network


def test_files_are_described_by_the_checkpoint(released):
    folder, _ = released
    for form in ("fp32", "fp16", "int8", "weights-int8"):
        described = metadata(onnx.load(folder / f"some-model.{form}.onnx"))
        assert described["precision"] == form
        assert described["model"] == "some-model"
        assert (described["recipe"], described["training_steps"]) == ("tried", "7")
        assert described["training_data_sha256"] == "ab" * 32
        assert len(described["recipe_sha256"]) == 64


def test_exported_file_computes_what_the_checkpoint_computes(released):
    folder, network = released
    features = np.random.default_rng(9).normal(scale=3, size=(3, 77, 80)).astype(np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(features)).numpy()
    actual = session(folder / "some-model.fp32.onnx").run(None, {"feats": features})[0]
    np.testing.assert_allclose(actual, expected, atol=1e-4)


def test_rebuild_needs_the_committed_file_alone(released, tmp_path):
    folder, _ = released
    target = tmp_path / "some-model"
    target.mkdir()
    name = "some-model.weights-int8.onnx"
    (target / name).write_bytes((folder / name).read_bytes())
    assert main(["rebuild", str(target)]) == 0
    features = np.random.default_rng(9).normal(scale=3, size=(3, 77, 80)).astype(np.float32)
    outputs = {form: session(target / f"some-model.{form}.onnx").run(None, {"feats": features})[0]
               for form in ("fp32", "fp16", "weights-int8")}
    np.testing.assert_array_equal(outputs["fp32"], outputs["weights-int8"])
    np.testing.assert_allclose(outputs["fp16"], outputs["fp32"], atol=5e-3)


def test_speed_reports_every_setting(released, tmp_path):
    import json

    folder, _ = released
    report = tmp_path / "speed.json"
    assert main(["speed", str(folder / "some-model.int8.onnx"), "--output", str(report), "--seconds", "0.01"]) == 0
    rows = json.loads(report.read_text())["rows"]
    assert {(row["threads"], row["batch"]) for row in rows} == {(t, b) for t in (1, 2) for b in (1, 8, 16, 32)}
    assert all(row["audio_seconds_per_second"] > 0 for row in rows)


def test_calibration_repeats_itself_and_hears_no_held_out_speaker(manifest):
    held_out = {f"s{index}" for index in range(SPEAKERS // 2)}
    one = calibration_features(manifest, 16, seed=1)
    np.testing.assert_array_equal(one, calibration_features(manifest, 16, seed=1))
    assert one.shape == (16, 150, 80)
    assert not np.array_equal(one, calibration_features(manifest, 16, seed=2))
    with pytest.raises(ManifestError, match="50 training speakers.* 48 have it"):
        calibration_features(manifest, 50, seed=1, held_out=held_out)
