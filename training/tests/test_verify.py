"""The whole verify command on a synthetic corpus, with a real ONNX model and Resemblyzer."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from diarist_training import cli
from diarist_training.embedders import load_embedder
from diarist_training.verify_report import thin
from diarist_training.metrics import det_curve


def model(path, **metadata):
    """log-mel -> mean of absolute values over time -> a random projection to 32 values."""
    weights = np.random.default_rng(0).normal(size=(80, 32)).astype(np.float32)
    nodes = [helper.make_node("Abs", ["feats"], ["abs"]),
             helper.make_node("ReduceMean", ["abs", "axis"], ["mean"], keepdims=0),
             helper.make_node("MatMul", ["mean", "weights"], ["embs"])]
    graph = helper.make_graph(
        nodes, "tiny", [helper.make_tensor_value_info("feats", TensorProto.FLOAT, ["batch", "frames", 80])],
        [helper.make_tensor_value_info("embs", TensorProto.FLOAT, ["batch", 32])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([1]), "axis")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(made, metadata)
    onnx.save(made, path)
    return path


CONTRACT = {"framework": "wespeaker", "sample_rate": "16000", "output_dim": "32", "normalize_samples": "1",
            "feature_normalize_type": "global-mean", "language": "English"}


def test_systems_are_scored_on_the_same_trials(corpus, tmp_path, capsys):
    children = tmp_path / "children.txt"
    children.write_text("# two speakers\ns00\ns01\n")
    command = ["verify", "--manifest", str(corpus / "manifest.tsv"), "--rounds", "20", "--lengths", "1", "full",
               "--system", f"tiny={model(tmp_path / 'tiny.onnx', **CONTRACT)}", "--hard-set", f"children={children}"]
    assert cli.main([*command, "--output", str(tmp_path / "a"), "--system", "resemblyzer=resemblyzer"]) == 0
    assert cli.main([*command, "--output", str(tmp_path / "b")]) == 0
    report, again = (json.loads((tmp_path / name / "verification.json").read_text()) for name in "ab")
    assert [row for row in report["results"] if row["system"] == "tiny"] == again["results"]
    rows = {(row["set"], row["length"], row["system"]): row for row in report["results"]}
    assert len(rows) == 8
    for length in ("1", "full"):
        ours, baseline = rows["verify", length, "tiny"], rows["verify", length, "resemblyzer"]
        assert ours["targets"] == baseline["targets"] == 4 * 6
        assert ours["nontargets"] == baseline["nontargets"] == 6 * 16
        assert ours["eer_low"] <= ours["eer"] <= ours["eer_high"] and 0 <= ours["min_dcf_05"] <= 1
    assert rows["children", "full", "tiny"]["speakers"] == 2
    assert (tmp_path / "a" / "det.png").read_bytes().startswith(b"\x89PNG")
    points = (tmp_path / "a" / "det.tsv").read_text().splitlines()
    assert points[0].split("\t")[-2:] == ["miss", "false_alarm"] and len(points) > 8
    assert "| verify | all | 1 s | tiny |" in capsys.readouterr().out


def test_onnx_metadata_decides_the_scale_and_bad_models_are_named(tmp_path):
    waves = [np.random.default_rng(k).normal(0, 0.1, 16_000 + 4_000 * k).astype(np.float32) for k in range(3)]
    one = load_embedder(str(model(tmp_path / "one.onnx", **CONTRACT)))(waves)
    other = load_embedder(str(model(tmp_path / "other.onnx", **{**CONTRACT, "normalize_samples": "0"})))(waves)
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(one, other, atol=1e-4)  # a gain is an offset in log-mel, gone with the mean
    with pytest.raises(ValueError, match="metadata lacks normalize_samples"):
        load_embedder(str(model(tmp_path / "bad.onnx", sample_rate="16000")))
    with pytest.raises(ValueError, match="must be 16000, is 8000"):
        load_embedder(str(model(tmp_path / "low.onnx", sample_rate="8000", normalize_samples="1")))
    with pytest.raises(FileNotFoundError, match="no such model: nothing.pt"):
        load_embedder("nothing.pt")


def test_thinned_curve_keeps_ends_and_order():
    rng = np.random.default_rng(1)
    targets = rng.random(20_000) < 0.2
    curve = det_curve(rng.normal(targets * 2.0), targets)
    small = thin(curve)
    assert 50 < len(small.miss) <= 200
    assert (np.diff(small.miss) >= 0).all() and (np.diff(small.false_alarm) <= 0).all()
