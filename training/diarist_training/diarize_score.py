"""Command ``diarize-score``: run the pipeline over a folder of conversations and score it.

The program under test is the real one, ``diarist diarize``. With ``--embeddings
resemblyzer`` it clusters Resemblyzer's embedding of every window in place of its own
model's, and everything else stays as it is: that is the baseline the card compares with.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from .audio import SAMPLE_RATE, read_mono
from .diarization import Conversation, markdown, read_annotation, read_conversations, score

WINDOW, STEP = SAMPLE_RATE * 3 // 2, SAMPLE_RATE * 3 // 4


def windows(wave: np.ndarray) -> list[np.ndarray]:
    """The pipeline's sliding windows of a recording: 1.5 s every 0.75 s, the last one cut short."""
    if len(wave) == 0:
        return []
    count = -(-max(0, len(wave) - WINDOW) // STEP) + 1
    return [wave[index * STEP : index * STEP + WINDOW] for index in range(count)]


def diarize(program: Path, conversation: Conversation, output: Path, options: list[str],
            environment: dict[str, str]) -> None:
    """Write ``output/<name>.rttm`` for one recording; raises with the program's own words."""
    command = [str(program), "diarize", str(conversation.audio), "--output-dir", str(output), *options]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed with {done.returncode}:\n{done.stderr.strip()}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("--audio", type=Path, required=True, help="folder of FLAC or WAV with RTTM beside")
    parser.add_argument("--output", type=Path, required=True, help="folder for hypotheses and the report")
    parser.add_argument("--pipeline", type=Path, help="the diarist program; without it, score what is in output")
    parser.add_argument("--model", type=Path, help="ONNX file; default: the shipped model")
    parser.add_argument("--embeddings", choices=("model", "resemblyzer"), default="model")
    parser.add_argument("--oracle-count", action="store_true", help="tell it the number of speakers")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="environment for the program, such as DIARIST_..., repeatable")
    parser.add_argument("--collar", type=float, nargs="+", default=[0.0, 0.25])


def run(args: argparse.Namespace) -> None:
    """Write one RTTM per recording, ``diarization.json`` and ``diarization.md``."""
    conversations = read_conversations(args.audio)
    args.output.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    if args.pipeline:
        _run_pipeline(args, conversations)
    seconds = time.monotonic() - started
    rows = score([(item, read_annotation(args.output / f"{item.audio.stem}.rttm")) for item in conversations],
                 args.collar)
    report = {"audio": args.audio.name, "model": args.model and args.model.name, "embeddings": args.embeddings,
              "oracle_count": args.oracle_count, "settings": args.set, "wall_seconds": round(seconds, 1),
              "collar_convention": "total width around a boundary, as in pyannote.metrics",
              "rows": [asdict(row) for row in rows]}
    (args.output / "diarization.json").write_text(json.dumps(report, indent=1) + "\n")
    (args.output / "diarization.md").write_text(markdown(rows))
    print(markdown(rows))


def _run_pipeline(args: argparse.Namespace, conversations: list[Conversation]) -> None:
    environment = dict(text.split("=", 1) for text in args.set)
    encoder = None
    if args.embeddings == "resemblyzer":
        from .resemblyzer_encoder import ResemblyzerEncoder

        encoder = ResemblyzerEncoder()
    for item in tqdm(conversations, desc="diarize", unit="file", disable=None):
        options = ["--model", str(args.model)] if args.model else []
        if args.oracle_count:
            options += ["--num-speakers", str(item.speakers)]
        if encoder:
            path = args.output / f"{item.audio.stem}.windows.npy"
            if not path.exists() or path.stat().st_mtime < item.audio.stat().st_mtime:
                np.save(path, encoder(windows(read_mono(item.audio))))
            options += ["--window-embeddings", str(path)]
        diarize(args.pipeline, item, args.output, options, environment)
