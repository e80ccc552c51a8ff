"""Command ``rebuild``: the fp32 and fp16 files, too large to commit, out of the weights-int8 file.

Its weights were rounded to 8 bits, so that the fp32 file computes exactly what the
weights-int8 form computes, and not what the unrounded network would. Whoever has the
checkpoint of a training run gets the latter from the command ``export``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import onnx

from .export import write_float_forms
from .onnx_forms import dequantised


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("folder", type=Path, help="models/NAME, which holds NAME.weights-int8.onnx")


def run(args: argparse.Namespace) -> None:
    """Write NAME.fp32.onnx and NAME.fp16.onnx beside the committed file."""
    committed = args.folder / f"{args.folder.name}.weights-int8.onnx"
    write_float_forms(dequantised(onnx.load(committed)), args.folder)
