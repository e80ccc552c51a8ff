"""Command `segment-speed`: how much recorded audio per second ONNX Runtime segments on this machine's CPU.

Chunks of 10 s overlap, so an hour of audio is 3,600 / step chunks: what counts is step seconds a chunk.
"""

import json
import statistics
import time
from pathlib import Path

import numpy as np
import onnxruntime

from ..export import session
from ..speed import processor
from .export import INPUT
from .scene import CHUNK

BATCHES, THREADS, STEPS_SECONDS = (1, 8, 32), (1, 2), (5.0, 2.5, 1.0)


def seconds_per_chunk(model: Path, threads: int, batch: int, budget_seconds: float) -> tuple[float, float, float]:
    """Median, least and processor time for a chunk over the runs that fit the budget, at least 5.

    Processor time (the median of it) hardly depends on what else the machine does.
    """
    runtime = session(model, threads)
    samples = np.random.default_rng(0).normal(scale=0.1, size=(batch, 1, CHUNK)).astype(np.float32)
    runtime.run(None, {INPUT: samples})  # allocations and weight packing
    times: list[float] = []
    work: list[float] = []
    while len(times) < 5 or sum(times) < budget_seconds:
        start, worked = time.perf_counter(), time.process_time()
        runtime.run(None, {INPUT: samples})
        times.append((time.perf_counter() - start) / batch)
        work.append((time.process_time() - worked) / batch)
    return statistics.median(times), min(times), statistics.median(work)


def add_arguments(parser) -> None:
    """Flags of `segment-speed`."""
    parser.add_argument("model", type=Path)
    parser.add_argument("--output", type=Path, help="JSON file for the model's card")
    parser.add_argument("--seconds", type=float, default=2.0, help="measuring time per setting")


def run(arguments) -> None:
    """Measures every thread count and batch size."""
    rows = []
    for threads in THREADS:
        for batch in BATCHES:
            median, least, work = seconds_per_chunk(arguments.model, threads, batch, arguments.seconds)
            rates = {f"step_{step:g}": round(step / median) for step in STEPS_SECONDS}
            rows.append({"threads": threads, "batch": batch, "milliseconds_per_chunk": round(1000 * median, 2),
                         "least_milliseconds": round(1000 * least, 2), "cpu_milliseconds": round(1000 * work, 2), **rates})
            print(f"{threads} thread(s)  batch {batch:2}  {1000 * median:6.2f} ms a chunk ({1000 * least:.2f} at best, {1000 * work:.2f} of CPU time)  "
                  + "  ".join(f"{key.replace('_', ' ')} s: {rate} x real time" for key, rate in rates.items()), flush=True)
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps({"processor": processor(), "onnxruntime": onnxruntime.__version__,
                                                "rows": rows}, indent=1) + "\n", encoding="utf-8")
