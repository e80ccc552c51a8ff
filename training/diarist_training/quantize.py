"""Command ``quantize``: the two committed forms out of an exported fp32 file.

``int8`` computes convolutions, residual sums and the stem's pooling on 8-bit integers
(static QDQ, one scale per output channel of a weight, one per activation tensor, from
ranges seen on real speech). ``weights-int8`` computes in floating point; see ``onnx_forms``.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (CalibrationDataReader, CalibrationMethod, QuantFormat,
                                      QuantType, quantize_static)

from .calibration import calibration_features
from .export import INPUT, save, session
from .manifest import read_speakers, shared_data
from .onnx_forms import described, metadata, weights_int8

INTEGER_OPERATORS = ["Conv", "Relu", "Add", "MaxPool"]
CALIBRATION_WINDOWS, CALIBRATION_SEED = 512, 1
#: Further windows, to compare the forms on.
UNSEEN_WINDOWS = 64


def after_pooling(model: onnx.ModelProto) -> list[str]:
    """Names of the nodes from the mean over time on: a thousandth of the work, kept in fp32."""
    kinds = [node.op_type for node in model.graph.node]
    return [node.name for node in list(model.graph.node)[kinds.index("ReduceMean"):]]


class Ranges(CalibrationDataReader):
    """Feeds features to ONNX Runtime's calibration in batches of 16."""

    def __init__(self, features: np.ndarray) -> None:
        self._batches: Iterator[np.ndarray] = iter(np.array_split(features, max(1, len(features) // 16)))

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next batch, `None` at the end."""
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def int8(model: onnx.ModelProto, features: np.ndarray, keep_float: Sequence[str] = (),
         cache: Path | None = None) -> onnx.ModelProto:
    """Static QDQ form of an fp32 model; nodes named in ``keep_float`` stay in floating point.

    Weights of float nodes are stored in 8 bits too (as in the weights-int8 form), so the
    file stays a quarter of the fp32 one's size. ``cache`` keeps the ranges between calls.
    """
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        # By way of a file: given a model in memory, the quantiser moves its weights out of it.
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        quantize_static(source, target, Ranges(features), quant_format=QuantFormat.QDQ,
                        op_types_to_quantize=INTEGER_OPERATORS, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                        nodes_to_exclude=[*keep_float, *after_pooling(model)], calibrate_method=CalibrationMethod.MinMax,
                        calibration_cache_path=cache)
        quantised = onnx.load(target)
    onnx.helper.set_model_props(quantised, metadata(model))  # without the quantiser's own keys
    return described(weights_int8(quantised), precision="int8")


def agreement(reference: np.ndarray, other: np.ndarray) -> float:
    """Mean cosine similarity between two systems' embeddings of the same windows."""
    return float((reference * other).sum(axis=1).mean())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("model", type=Path, help="NAME.fp32.onnx; NAME.int8.onnx and NAME.weights-int8.onnx go beside it")
    parser.add_argument("--output-dir", type=Path, help="another folder for the two files")
    parser.add_argument("--manifest", type=Path, default=shared_data() / "manifest.tsv")
    parser.add_argument("--held-out", type=Path, help="file of speakers that calibration must not hear")
    parser.add_argument("--windows", type=int, default=CALIBRATION_WINDOWS)
    parser.add_argument("--keep-float", action="append", default=[], metavar="NODE",
                        help="node that stays in floating point in the int8 form; repeatable")


def run(args: argparse.Namespace) -> None:
    """Write both forms and print how well they agree with fp32 on unseen windows."""
    model = onnx.load(args.model)
    folder = args.output_dir or args.model.parent
    name = args.model.name.removesuffix(".onnx").removesuffix(".fp32")
    held_out = read_speakers(args.held_out) if args.held_out else ()
    features = calibration_features(args.manifest, args.windows + UNSEEN_WINDOWS, CALIBRATION_SEED, held_out)
    seen, unseen = features[: args.windows], features[args.windows :]
    reference = session(model).run(None, {INPUT: unseen})[0]
    for form, quantised in (("weights-int8", weights_int8(model)),
                            ("int8", int8(model, seen, args.keep_float))):
        path = folder / f"{name}.{form}.onnx"
        save(quantised, path)
        cosine = agreement(reference, session(path).run(None, {INPUT: unseen})[0])
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, mean cosine to fp32 {cosine:.5f}")
