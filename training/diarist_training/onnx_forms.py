"""The forms one trained network is shipped in, as transformations of its fp32 ONNX graph.

The graph that ``export`` writes is a chain of convolutions with BatchNorm folded in, one
mean over time and frequency, one ``Gemm`` and a division by the length. Every form keeps
its input, output and metadata; only how weights are stored and convolutions computed
differs.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

#: Operators that hold the network's weights, as their second input.
WEIGHTED = ("Conv", "Gemm")


def metadata(model: onnx.ModelProto) -> dict[str, str]:
    """The file's own key-value description."""
    return {entry.key: entry.value for entry in model.metadata_props}


def described(model: onnx.ModelProto, /, **changes: str) -> onnx.ModelProto:
    """A copy of the model with some metadata keys set."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    helper.set_model_props(result, metadata(model) | changes)
    return result


def inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without ``Identity`` and ``Constant`` nodes: initializers take their place."""
    graph = model.graph
    alias: dict[str, str] = {}
    kept = []
    for node in graph.node:
        if node.op_type == "Identity":
            alias[node.output[0]] = alias.get(node.input[0], node.input[0])
        elif node.op_type == "Constant":
            graph.initializer.append(_named(node.attribute[0].t, node.output[0]))
        else:
            node.input[:] = [alias.get(name, name) for name in node.input]
            kept.append(node)
    return _with_nodes(model, kept)


def weights_int8(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights stored as int8 with one scale per output channel; computes in fp32.

    ``Cast`` and ``Mul`` rebuild each weight. Both have initializers alone as inputs, so
    ONNX Runtime's constant folding evaluates them once, when the session is created;
    ``DequantizeLinear`` in their place would be left in the graph.
    """
    result = described(model, precision="weights-int8")
    names = _weight_names(result, WEIGHTED)
    nodes = []
    for tensor in [item for item in result.graph.initializer if item.name in names]:
        quantised, scale = rounded_per_channel(numpy_helper.to_array(tensor))
        result.graph.initializer.remove(tensor)
        stored, scales, cast = (f"{tensor.name}/{part}" for part in ("int8", "scale", "cast"))
        result.graph.initializer.extend([numpy_helper.from_array(quantised, stored),
                                         numpy_helper.from_array(scale, scales)])
        nodes += [helper.make_node("Cast", [stored], [cast], name=cast, to=TensorProto.FLOAT),
                  helper.make_node("Mul", [cast, scales], [tensor.name], name=f"{tensor.name}/mul")]
    return _with_nodes(result, nodes + list(result.graph.node))


def rounded_per_channel(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric rounding of ``[out, ...]`` to 8 bits; the scale is ``[out, 1, ...]``."""
    largest = np.abs(weight).max(axis=tuple(range(1, weight.ndim)), keepdims=True)
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    return np.round(weight / scale).clip(-127, 127).astype(np.int8), scale


def dequantised(model: onnx.ModelProto) -> onnx.ModelProto:
    """The fp32 form out of the weights-int8 form: its weights multiplied out."""
    result = described(model, precision="fp32")
    tensors = {item.name: item for item in result.graph.initializer}
    casts = {node.output[0]: node for node in result.graph.node if node.op_type == "Cast"}
    kept, spent = [], set()
    for node in result.graph.node:
        if node.op_type == "Mul" and node.input[0] in casts:
            stored, scales = casts[node.input[0]].input[0], node.input[1]
            weight = numpy_helper.to_array(tensors[stored]).astype(np.float32)
            weight = weight * numpy_helper.to_array(tensors[scales])
            result.graph.initializer.append(numpy_helper.from_array(weight, node.output[0]))
            spent |= {stored, scales}
        elif node.output[0] not in casts:
            kept.append(node)
    for name in spent:
        result.graph.initializer.remove(tensors[name])
    return _with_nodes(result, kept)


def half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Convolutions in fp16; pooling, ``Gemm`` and normalisation stay in fp32.

    Sums over time and squares overflow or underflow half precision long before the
    convolutions do. Input and output stay float32.
    """
    result = described(model, precision="fp16")
    graph = result.graph
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    names = {name for node in convolutions for name in node.input[1:]}
    for tensor in [item for item in graph.initializer if item.name in names]:
        graph.initializer.remove(tensor)
        graph.initializer.append(
            numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    first = convolutions[0]
    pool = next(node for node in graph.node if node.op_type == "ReduceMean")
    nodes = []
    for node in graph.node:
        for user, kind in ((first, TensorProto.FLOAT16), (pool, TensorProto.FLOAT)):
            if node is user:
                name = f"{node.input[0]}/cast"
                nodes.append(helper.make_node("Cast", [node.input[0]], [name], name=name, to=kind))
                node.input[0] = name
        nodes.append(node)
    return _with_nodes(result, nodes)


def _weight_names(model: onnx.ModelProto, operators: tuple[str, ...]) -> set[str]:
    return {node.input[1] for node in model.graph.node if node.op_type in operators}


def _named(tensor: TensorProto, name: str) -> TensorProto:
    result = TensorProto()
    result.CopyFrom(tensor)
    result.name = name
    return result


def _with_nodes(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> onnx.ModelProto:
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)
    del model.graph.value_info[:]
    onnx.checker.check_model(model)
    return model
