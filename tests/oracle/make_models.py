"""Writes the small embedding models of tests/fixtures/models.

Each is a network of two matrices that keeps the model contract, or breaks it in one place that its
name tells. Run it with the packages of requirements.txt: python tests/oracle/make_models.py
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "models"
MEL_BINS, HIDDEN, DIM = 80, 6, 4
METADATA = {
    "framework": "wespeaker",
    "output_dim": str(DIM),
    "sample_rate": "16000",
    "normalize_samples": "0",
    "language": "English",
    "url": "",
    "comment": "random weights, for tests",
}


def model(
    metadata=None,
    without=(),
    input_shape=("B", "T", MEL_BINS),
    output_shape=("B", DIM),
    element=TensorProto.FLOAT,
    first=(),
    open_output=False,
):
    """The network relu(x W1) averaged over time, times W2; `first` are nodes from x to y in front.

    With `open_output` the file leaves the embedding's width open, so that only a run can tell.
    """
    generator = np.random.default_rng(7)
    half = element == TensorProto.FLOAT16
    weights = {
        "W1": generator.normal(scale=0.05, size=(MEL_BINS, HIDDEN)),
        "W2": generator.normal(scale=0.3, size=(HIDDEN, DIM)),
    }
    time = 0 if len(input_shape) == 2 else 1
    nodes = [
        *first,
        helper.make_node("MatMul", ["y" if first else "x", "W1"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("ReduceMean", ["b", "time"], ["c"], keepdims=0),
        helper.make_node("MatMul", ["c", "W2"], ["d" if open_output else "embedding"]),
    ]
    if open_output:
        # Which columns are kept is data to ONNX, so no width can be inferred.
        nodes.append(helper.make_node("Compress", ["d", "keep"], ["embedding"], axis=1))
        output_shape = ("B", None)
    initializers = [
        numpy_helper.from_array(values.astype(np.float16 if half else np.float32), name)
        for name, values in weights.items()
    ]
    initializers.append(numpy_helper.from_array(np.array([time], np.int64), "time"))
    # For the nodes in front.
    initializers.append(numpy_helper.from_array(np.array([-1, 150, MEL_BINS], np.int64), "shape"))
    initializers.append(numpy_helper.from_array(np.array(-1, np.float32), "minus_one"))
    initializers.append(numpy_helper.from_array(np.array(1e6, np.float32), "million"))
    initializers.append(numpy_helper.from_array(np.ones(1, np.float32), "one"))
    initializers.append(numpy_helper.from_array(np.ones(DIM, bool), "keep"))
    graph = helper.make_graph(
        nodes,
        "fixture",
        [helper.make_tensor_value_info("x", element, input_shape)],
        [helper.make_tensor_value_info("embedding", element, output_shape)],
        [i for i in initializers if any(i.name in node.input for node in nodes)],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    keys = {**METADATA, **(metadata or {})}
    helper.set_model_props(made, {k: v for k, v in keys.items() if k not in without})
    return made


def fixtures():
    """Every fixture by file stem."""
    return {
        "sound": model(),
        "half": model(element=TensorProto.FLOAT16),
        "open-output": model(open_output=True),
        "no-framework": model(without=("framework",)),
        "sample-rate-8000": model({"sample_rate": "8000"}),
        "frame-shift-20": model({"frame_shift_ms": "20"}),
        "output-dim-5": model({"output_dim": "5"}),
        "open-output-dim-5": model({"output_dim": "5"}, open_output=True),
        "rank-2": model(input_shape=("B", MEL_BINS), output_shape=(DIM,)),
        "batch-1": model(input_shape=(1, "T", MEL_BINS), output_shape=(1, DIM)),
        # Sound for windows of 150 frames; fails on others.
        "only-150-frames": model(first=[helper.make_node("Reshape", ["x", "shape"], ["y"])]),
        # Looks for the second element of one as soon as any value in the batch is that large.
        "fails-above-a-million": model(
            first=[
                helper.make_node("ReduceMax", ["x"], ["largest"], keepdims=0),
                helper.make_node("Greater", ["largest", "million"], ["too_large"]),
                helper.make_node("Cast", ["too_large"], ["index"], to=TensorProto.INT64),
                helper.make_node("Gather", ["one", "index"], ["factor"]),
                helper.make_node("Mul", ["x", "factor"], ["y"]),
            ]
        ),
        # The root of negative numbers.
        "not-a-number": model(
            first=[
                helper.make_node("Abs", ["x"], ["positive"]),
                helper.make_node("Mul", ["positive", "minus_one"], ["negative"]),
                helper.make_node("Sqrt", ["negative"], ["y"]),
            ]
        ),
    }


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for stem, made in fixtures().items():
        path = FOLDER / f"{stem}.onnx"
        path.write_bytes(made.SerializeToString())
        print(f"{path}: {path.stat().st_size} bytes")
