"""Making a traced graph plain: shapes that do not depend on the input become constants.

PyTorch's tracer computes the target of every `Reshape` from the input's shape when the graph runs,
in a dozen small operators each. Of our tensors only batch and time ever change, so one constant
says as much: 0 keeps a dimension, -1 takes what is left.
"""

import numpy as np
import onnx
from onnx import numpy_helper

from ..export import session
from ..onnx_forms import inlined


def with_constant_shapes(model: onnx.ModelProto, inputs: list[dict[str, np.ndarray]]) -> onnx.ModelProto:
    """The same model; `inputs` are two or more whose every changing dimension differs."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    reshapes = [node for node in watched.graph.node if node.op_type == "Reshape"]
    names = list(dict.fromkeys(name for node in reshapes for name in (node.input[0], node.output[0])))
    watched.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    runtime = session(watched, optimise=False)
    runs = [dict(zip(names, (value.shape for value in runtime.run(names, feed)))) for feed in inputs]
    result = inlined(model)
    for node in [node for node in result.graph.node if node.op_type == "Reshape"]:
        before, after = ([run[name] for run in runs] for name in (node.input[0], node.output[0]))
        shape = np.array([_dimension(axis, before, after) for axis in range(len(after[0]))], np.int64)
        if (shape == -1).sum() > 1:
            raise ValueError(f"{node.name}: more than one dimension changes: {after}")
        name = f"{node.name}/shape"
        result.graph.initializer.append(numpy_helper.from_array(shape, name))
        node.input[1] = name
    return _without_unused(result)


def _dimension(axis: int, before: list[tuple], after: list[tuple]) -> int:
    if len({shape[axis] for shape in after}) == 1:
        return after[0][axis]
    kept = all(axis < len(old) and old[axis] == new[axis] for old, new in zip(before, after))
    return 0 if kept else -1


def _without_unused(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drops nodes and initializers that no output needs."""
    graph = model.graph
    needed = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            needed |= set(node.input)
            kept.append(node)
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in reversed(kept)]
    initializers = [item for item in graph.initializer if item.name in needed]
    initializers = [onnx.TensorProto.FromString(item.SerializeToString()) for item in initializers]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(kept)
    graph.initializer.extend(initializers)
    onnx.checker.check_model(model)
    return model
