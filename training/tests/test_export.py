"""Exported files against PyTorch, and against the contract of models/README.md."""

import numpy as np
import onnx
import pytest
from networks import DESCRIPTION, random_network

from diarist_training.export import (FRONT_END, OPERATORS, TOLERANCE, largest_difference, session,
                                     to_onnx)
from diarist_training.onnx_forms import metadata

#: Operators that run on the GPU in ONNX Runtime's CUDA provider at this opset; `Shape`, `If`
#: and their like are placed on the CPU and are why exports fall back.
CUDA_KERNELS = {"Add", "Cast", "Clip", "Conv", "Div", "Gemm", "MaxPool", "Mul", "ReduceMean", "ReduceSum",
                "Relu", "Sqrt", "Unsqueeze"}


@pytest.fixture(scope="module", params=["resnet50", "resnet34", "mobilenetv2"])
def exported(request):
    network = random_network(request.param)
    return network, to_onnx(network, DESCRIPTION)


def test_equals_pytorch_at_every_length_and_batch_size(exported):
    assert largest_difference(*exported) < TOLERANCE


def test_has_only_operators_with_cuda_kernels(exported):
    assert {node.op_type for node in exported[1].graph.node} <= CUDA_KERNELS
    assert OPERATORS <= CUDA_KERNELS


def test_input_and_output_keep_the_contract(exported):
    graph = exported[1].graph
    shapes = {value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
              for value in (*graph.input, *graph.output)}
    assert shapes == {"feats": ["batch", "frames", 80], "embs": ["batch", 512]}
    assert {value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)} == {onnx.TensorProto.FLOAT}


def test_describes_itself(exported):
    described = metadata(exported[1])
    assert described.items() >= (DESCRIPTION | FRONT_END).items()
    assert described["output_dim"] == "512"
    assert described["precision"] == "fp32"


def test_embeddings_have_unit_length_even_for_silence(exported):
    embeddings = session(exported[1]).run(None, {"feats": np.zeros((2, 50, 80), np.float32)})[0]
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, atol=1e-5)
