"""Command ``diarize-score``: run the pipeline over a folder of conversations and score it.

The program under test is the real one, ``diarist diarize``. With ``--embeddings`` it
clusters another encoder's embedding of every window in place of its own model's, and
everything else stays as it is: with ``resemblyzer``, that is the baseline the card
compares with. ``--sweep`` repeats it for several values of one setting.
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
from .diarization import Conversation, Row, markdown, read_annotation, read_conversations, score
from .embedders import load_embedder

WINDOW, STEP = SAMPLE_RATE * 3 // 2, SAMPLE_RATE * 3 // 4


def windows(wave: np.ndarray) -> list[np.ndarray]:
    """The pipeline's sliding windows of a recording: 1.5 s every 0.75 s, the last padded with zeros."""
    if len(wave) == 0:
        return []
    count = -(-max(0, len(wave) - WINDOW) // STEP) + 1
    padded = np.pad(wave, (0, (count - 1) * STEP + WINDOW - len(wave)))
    return [padded[index * STEP : index * STEP + WINDOW] for index in range(count)]


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
    parser.add_argument("--embeddings", metavar="SPEC",
                        help="cluster these instead of the model's own: resemblyzer, an ONNX file or a checkpoint")
    parser.add_argument("--oracle-count", action="store_true", help="tell it the number of speakers")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="environment for the program, such as DIARIST_..., repeatable")
    parser.add_argument("--sweep", metavar="NAME=V1,V2,...", help="run once per value of this environment variable")
    parser.add_argument("--collar", type=float, nargs="+", default=[0.0, 0.25])


def run(args: argparse.Namespace) -> None:
    """Write one RTTM per recording, ``diarization.json`` and ``diarization.md``; per value when sweeping."""
    conversations = read_conversations(args.audio)
    args.output.mkdir(parents=True, exist_ok=True)
    given = _embed_windows(args, conversations) if args.pipeline and args.embeddings else {}
    if not args.sweep:
        print(markdown(_measure(args, conversations, given, args.output, args.set)))
        return
    name, _, values = args.sweep.partition("=")
    best = {}
    for value in values.split(","):
        rows = _measure(args, conversations, given, args.output / value, [*args.set, f"{name}={value}"])
        whole = next(row for row in rows if row.speakers == "all")
        best[value] = whole.der
        print(f"{name}={value}: DER {100 * whole.der:.2f}% JER {100 * whole.jer:.2f}% "
              f"count right {100 * whole.count_right:.0f}% (collar {whole.collar:g})", flush=True)
    print(f"lowest DER: {name}={min(best, key=best.get)}")


def _embed_windows(args: argparse.Namespace, conversations: list[Conversation]) -> dict[Path, Path]:
    """Per recording, a .npy of every window's embedding; made again when the audio is newer."""
    encoder, made = load_embedder(args.embeddings), {}
    for item in tqdm(conversations, desc="embed windows", unit="file", disable=None):
        path = args.output / f"{item.audio.stem}.windows.npy"
        if not path.exists() or path.stat().st_mtime < item.audio.stat().st_mtime:
            np.save(path, encoder(windows(read_mono(item.audio))))
        made[item.audio] = path
    return made


def _measure(args: argparse.Namespace, conversations: list[Conversation], given: dict[Path, Path],
             folder: Path, settings: list[str]) -> list[Row]:
    """Run the program over all recordings into ``folder``, score, and write the report there."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = dict(text.split("=", 1) for text in settings)
    started = time.monotonic()
    for item in tqdm(conversations if args.pipeline else [], desc="diarize", unit="file", disable=None):
        options = ["--num-speakers", str(item.speakers)] if args.oracle_count else []
        if item.audio in given:
            options += ["--window-embeddings", str(given[item.audio])]
        elif args.model:
            options += ["--model", str(args.model)]
        diarize(args.pipeline, item, folder, options, environment)
    seconds = time.monotonic() - started
    rows = score([(item, read_annotation(folder / f"{item.audio.stem}.rttm")) for item in conversations],
                 args.collar)
    report = {"audio": args.audio.name, "model": args.model and args.model.name,
              "embeddings": args.embeddings and Path(args.embeddings).name,
              "oracle_count": args.oracle_count, "settings": settings, "wall_seconds": round(seconds, 1),
              "collar_convention": "total width around a boundary, as in pyannote.metrics",
              "rows": [asdict(row) for row in rows]}
    (folder / "diarization.json").write_text(json.dumps(report, indent=1) + "\n")
    (folder / "diarization.md").write_text(markdown(rows))
    return rows
