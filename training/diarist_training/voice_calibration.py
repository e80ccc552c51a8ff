"""Command ``voice-calibration``: what a cosine of two voices says, and where to draw the line.

A voice is what the service makes a voiceprint of: the L2-normalised mean of the embeddings
of windows of 1.5 s every 0.75 s, here over utterances of one speaker that last ``--seconds``
together. The probability is fitted by logistic regression on all trials, both answers weighing
the same (N. Bruemmer and J. du Preez, "Application-independent evaluation of speaker
detection", Computer Speech & Language 20, 2006); thresholds are read off the DET curve.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from .manifest import Utterance, read_manifest, shared_data
from .metrics import det_curve, equal_error_rate
from .trials import all_pairs

#: False alarms among impostors at which ``strict`` lies, misses among targets for ``lenient``.
STRICT_FALSE_ALARM, LENIENT_MISS = 0.001, 0.01


@dataclass(frozen=True)
class Calibration:
    """``1 / (1 + exp(-slope * (cosine - midpoint)))``, thresholds as cosines, and what it cost."""

    slope: float
    midpoint: float
    lenient: float
    balanced: float
    strict: float
    equal_error_rate: float
    cross_entropy_bits: float
    targets: int
    non_targets: int


def sides(utterances: Iterable[Utterance], seconds: float) -> list[list[Utterance]]:
    """Groups of utterances of one speaker, in order, each as soon as it lasts ``seconds``."""
    open_groups: dict[str, list[Utterance]] = defaultdict(list)
    groups = []
    for item in utterances:
        group = open_groups[item.speaker]
        group.append(item)
        if sum(own.seconds or 0.0 for own in group) >= seconds:
            groups.append(open_groups.pop(item.speaker))
    return groups


def fit(scores: np.ndarray, targets: np.ndarray, steps: int = 50) -> tuple[float, float]:
    """Slope and midpoint of the logistic curve with the least cross-entropy at even odds (Newton)."""
    weights = np.where(targets, 0.5 / targets.sum(), 0.5 / (~targets).sum())
    design = np.stack([scores, np.ones_like(scores)], 1)
    beta = np.zeros(2)
    for _ in range(steps):
        probability = 1.0 / (1.0 + np.exp(-np.clip(design @ beta, -500, 500)))
        gradient = design.T @ (weights * (probability - targets))
        curvature = weights * probability * (1.0 - probability)
        hessian = design.T @ (design * curvature[:, None]) + 1e-12 * np.eye(2)
        beta = beta - np.linalg.solve(hessian, gradient)
    return float(beta[0]), float(-beta[1] / beta[0])


def calibrate(scores: np.ndarray, targets: np.ndarray) -> Calibration:
    """Fit everything on trials ``scores [n]`` with ``targets [n]`` (bool)."""
    slope, midpoint = fit(scores, targets)
    curve = det_curve(scores, targets)
    rate, balanced = equal_error_rate(curve)
    # The lowest threshold that lets so few impostors pass; the highest that turns so few away.
    strict = curve.threshold[np.argmax(curve.false_alarm <= STRICT_FALSE_ALARM)]
    lenient = curve.threshold[np.flatnonzero(curve.miss <= LENIENT_MISS)[-1]]
    margin = slope * (scores - midpoint)
    bits = np.logaddexp(0.0, np.where(targets, -margin, margin)) / np.log(2.0)
    return Calibration(slope, midpoint, float(min(lenient, balanced)), balanced, float(max(strict, balanced)),
                       rate, float(0.5 * bits[targets].mean() + 0.5 * bits[~targets].mean()),
                       int(targets.sum()), int((~targets).sum()))


def embed(program: Path, model: Path, root: Path, items: list[Utterance]) -> list[np.ndarray]:
    """The embeddings ``[windows, dim]`` of each utterance, by the program itself."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for start in tqdm(range(0, len(items), 200), desc="embed", disable=None):
            links = Path(folder) / f"part{start}"
            links.mkdir()
            names = []
            for index, item in enumerate(items[start:start + 200]):
                # Stems must differ, and those of different corpora need not.
                name = links / f"{index:04d}{Path(item.path).suffix}"
                name.symlink_to((root / item.path).resolve())
                names.append(name)
            subprocess.run([program, "embed", *names, "--model", model, "--window", "1.5", "--step", "0.75",
                            "--output-dir", links], check=True)
            found += [np.load(name.with_suffix(".npy")) for name in names]
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("--pipeline", type=Path, required=True, help="the diarist program")
    parser.add_argument("--model", type=Path, required=True, nargs="+", help="ONNX files of one network")
    parser.add_argument("--manifest", type=Path, default=shared_data() / "manifest.tsv")
    parser.add_argument("--split", default="verify")
    parser.add_argument("--seconds", type=float, default=10.0, help="least length of what one voice is made of")
    parser.add_argument("--output", type=Path, required=True, help="JSON file for the calibration of every file")


def run(args: argparse.Namespace) -> None:
    """Write ``{name of the ONNX file: calibration}``, and one over the trials of all files."""
    groups = sides(read_manifest(args.manifest, {args.split}), args.seconds)
    trials = all_pairs([group[0] for group in groups])
    items = [item for group in groups for item in group]
    owner = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    reports, scores = {}, []
    for model in args.model:
        voices = np.zeros((len(groups), 0))
        for group, rows in zip(owner, embed(args.pipeline, model, args.manifest.parent, items)):
            voices = np.zeros((len(groups), rows.shape[1])) if voices.shape[1] == 0 else voices
            voices[group] += rows.sum(0)
        voices /= np.linalg.norm(voices, axis=1, keepdims=True)
        scores.append(trials.scores(voices))
        reports[model.stem] = asdict(calibrate(scores[-1], trials.target))
    together = calibrate(np.concatenate(scores), np.tile(trials.target, len(scores)))
    together = replace(together, targets=int(trials.target.sum()), non_targets=int((~trials.target).sum()))
    report = {"split": args.split, "seconds": args.seconds, "voices": len(groups),
              "together": asdict(together), **reports}
    args.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2))
