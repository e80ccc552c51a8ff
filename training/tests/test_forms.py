"""The stored forms: what they weigh, what the session makes of them, how far they are from fp32."""

import numpy as np
import onnx
import onnxruntime
import pytest
from networks import DESCRIPTION, random_network

from diarist_training.export import session, to_onnx
from diarist_training.onnx_forms import dequantised, half, metadata, rounded_per_channel, weights_int8
from diarist_training.quantize import agreement, int8


@pytest.fixture(scope="module")
def features():
    return np.random.default_rng(5).normal(scale=3, size=(48, 60, 80)).astype(np.float32)


@pytest.fixture(scope="module")
def forms(features):
    fp32 = to_onnx(random_network("resnet34"), DESCRIPTION)
    return {"fp32": fp32, "fp16": half(fp32), "weights-int8": weights_int8(fp32), "int8": int8(fp32, features[:32])}


def embeddings(model, features):
    return session(model).run(None, {"feats": features})[0]


def optimised(model, folder):
    """The graph that ONNX Runtime runs after its default optimisations."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return onnx.load(folder / "optimised.onnx")


def test_rounding_is_within_half_a_step_of_each_channel():
    weight = np.random.default_rng(6).normal(size=(7, 3, 5, 5)).astype(np.float32) * np.logspace(-4, 2, 7)[:, None, None, None]
    weight[2] = 0
    stored, scale = rounded_per_channel(weight.astype(np.float32))
    assert stored.dtype == np.int8 and scale.shape == (7, 1, 1, 1)
    assert (np.abs(stored * scale - weight) <= 0.5001 * scale).all()


def test_every_form_names_itself_and_keeps_the_rest_of_the_description(forms):
    for name, model in forms.items():
        assert metadata(model) == metadata(forms["fp32"]) | {"precision": name}


@pytest.mark.parametrize(("form", "share"), [("weights-int8", 0.27), ("int8", 0.27), ("fp16", 0.55)])
def test_size(forms, form, share):
    assert forms[form].ByteSize() < share * forms["fp32"].ByteSize()


@pytest.mark.parametrize(("form", "cosine"), [("fp16", 0.9999), ("weights-int8", 0.99), ("int8", 0.97)])
def test_embeddings_stay_close(forms, features, form, cosine):
    assert agreement(embeddings(forms["fp32"], features), embeddings(forms[form], features)) > cosine


def test_weights_int8_is_folded_away_when_the_session_starts(forms, tmp_path):
    graph = optimised(forms["weights-int8"], tmp_path).graph
    assert not [node for node in graph.node if node.op_type in ("Cast", "DequantizeLinear")]
    assert onnx.TensorProto.INT8 not in {tensor.data_type for tensor in graph.initializer}


def test_int8_runs_every_convolution_on_integers(forms, tmp_path):
    kinds = [node.op_type for node in optimised(forms["int8"], tmp_path).graph.node]
    assert kinds.count("QLinearConv") == 36
    assert not {"Conv", "FusedConv"} & set(kinds)
    # Nothing but the edges of the integer part and the float tail is left of the QDQ pairs.
    assert kinds.count("DequantizeLinear") <= 2


def test_layers_can_be_kept_in_float(forms, features, tmp_path):
    stem = next(node.name for node in forms["fp32"].graph.node if node.op_type == "Conv")
    model = int8(forms["fp32"], features[:32], keep_float=[stem])
    kinds = [node.op_type for node in optimised(model, tmp_path).graph.node]
    assert kinds.count("QLinearConv") == 35
    assert model.ByteSize() < 0.27 * forms["fp32"].ByteSize()


def test_rebuilt_fp32_equals_the_weights_int8_form(forms, features):
    rebuilt = dequantised(forms["weights-int8"])
    assert metadata(rebuilt)["precision"] == "fp32"
    assert {node.op_type for node in rebuilt.graph.node} == {node.op_type for node in forms["fp32"].graph.node}
    np.testing.assert_array_equal(embeddings(rebuilt, features), embeddings(forms["weights-int8"], features))


def test_fp16_pools_and_normalises_in_fp32(forms):
    producer = {output: node for node in forms["fp16"].graph.node for output in node.output}
    pool = next(node for node in forms["fp16"].graph.node if node.op_type == "ReduceMean")
    cast = producer[pool.input[0]]
    assert cast.op_type == "Cast" and cast.attribute[0].i == onnx.TensorProto.FLOAT
    half_precision = {tensor.name for tensor in forms["fp16"].graph.initializer
                      if tensor.data_type == onnx.TensorProto.FLOAT16}
    for node in forms["fp16"].graph.node:
        assert (node.op_type == "Conv") == bool(half_precision & set(node.input))


@pytest.mark.parametrize("form", ["int8", "weights-int8"])
def test_an_embedding_does_not_depend_on_its_batch(forms, features, form):
    together = embeddings(forms[form], features)
    alone = np.concatenate([embeddings(forms[form], row[None]) for row in features[:8]])
    # Only the last layer's float sums may be ordered differently.
    np.testing.assert_allclose(together[:8], alone, atol=2e-6)
