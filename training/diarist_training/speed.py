"""Command ``speed``: how much audio per second ONNX Runtime embeds on this machine's CPU.

Windows of 1.5 s as the service cuts them (150 frames). Window audio is counted, so a
service with a step of 0.75 s covers half of it in recorded time.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

import numpy as np
import onnxruntime

from .calibration import WINDOW_SECONDS
from .export import INPUT, session
from .fbank import FRAME_SHIFT, MEL_BINS, SAMPLE_RATE

BATCHES, THREADS = (1, 8, 16, 32), (1, 2)
FRAMES = round(WINDOW_SECONDS * SAMPLE_RATE / FRAME_SHIFT)


def processor() -> str:
    """The CPU's name as Linux gives it."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines()
             if line.startswith("model name")] if info.exists() else []
    return names[0] if names else platform.processor()


def seconds_per_second(model: Path, threads: int, batch: int, budget_seconds: float) -> float:
    """Window audio per second of computing: median over the runs that fit the budget, at least 5."""
    runtime = session(model, threads)
    features = np.random.default_rng(0).normal(scale=3, size=(batch, FRAMES, MEL_BINS)).astype(np.float32)
    runtime.run(None, {INPUT: features})  # allocations and weight packing
    times: list[float] = []
    while len(times) < 5 or sum(times) < budget_seconds:
        start = time.perf_counter()
        runtime.run(None, {INPUT: features})
        times.append(time.perf_counter() - start)
    return batch * WINDOW_SECONDS / statistics.median(times)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, help="JSON file for the model's card")
    parser.add_argument("--seconds", type=float, default=2.0, help="measuring time per setting")


def run(args: argparse.Namespace) -> None:
    """Measure every model at every thread count and batch size."""
    rows = []
    for model in args.models:
        for threads in THREADS:
            for batch in BATCHES:
                rate = seconds_per_second(model, threads, batch, args.seconds)
                rows.append({"model": model.name, "threads": threads, "batch": batch,
                             "audio_seconds_per_second": round(rate, 1)})
                print(f"{model.name}  {threads} thread(s)  batch {batch:2}  {rate:8.1f} s of audio per second", flush=True)
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(json.dumps({"processor": processor(), "onnxruntime": onnxruntime.__version__,
                                           "window_seconds": WINDOW_SECONDS, "rows": rows}, indent=1) + "\n")
