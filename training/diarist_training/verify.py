"""Command ``verify``: score speaker encoders on the verification trials.

Every system gets the same samples: silence trimmed off both ends of an utterance, then
one crop per length at a place that depends on seed and path alone. Utterances shorter
than a length are left out of it for every system, and counted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from .audio import read_mono, trim_silence
from .embedders import Embedder, load_embedder
from .manifest import Utterance, read_manifest, read_speakers, shared_data
from .metrics import DetCurve, det_curve, eer_interval, equal_error_rate, min_dcf
from .trials import Trials, all_pairs, crop
from .verify_report import markdown, plot_det, write_det

FULL = "full"
CHUNK = 256  # utterances per call of an embedder, for the progress bar


@dataclass(frozen=True)
class Result:
    """One row of the report: a system on one set of trials at one length. Rates are 0 to 1."""

    set: str
    corpus: str
    length: str
    system: str
    speakers: int
    utterances: int
    too_short: int
    targets: int
    nontargets: int
    eer: float
    eer_low: float
    eer_high: float
    threshold: float
    min_dcf_05: float
    min_dcf_01: float


def read_waves(root: Path, utterances: Sequence[Utterance]) -> list[np.ndarray]:
    """Decode utterances, silence trimmed off both ends."""
    with ThreadPoolExecutor() as pool:
        read = pool.map(lambda item: trim_silence(read_mono(root / item.path)), utterances)
        return list(tqdm(read, total=len(utterances), desc="decode", unit="clip", disable=None))


def cut(waves: Sequence[np.ndarray], utterances: Sequence[Utterance], length: str,
        seed: int) -> list[np.ndarray | None]:
    """The piece of every utterance that trials of ``length`` (seconds, or ``full``) compare."""
    if length == FULL:
        return list(waves)
    return [crop(wave, float(length), item.path, seed) for wave, item in zip(waves, utterances)]


def embed(embedder: Embedder, pieces: Sequence[np.ndarray], label: str) -> np.ndarray:
    """Embed pieces in order, with a progress bar."""
    blocks = [embedder(pieces[first : first + CHUNK])
              for first in tqdm(range(0, len(pieces), CHUNK), desc=label, unit="chunk", disable=None)]
    return np.concatenate(blocks)


def score(trials: Trials, embeddings: np.ndarray, utterances: Sequence[Utterance], kept: np.ndarray,
          labels: dict[str, str], rounds: int) -> tuple[Result, DetCurve]:
    """Error rates of ``embeddings`` on the trials among ``kept`` utterances."""
    chosen = trials.among(kept)
    scores = chosen.scores(embeddings)
    speakers = np.unique([item.speaker for item in utterances], return_inverse=True)[1]
    curve = det_curve(scores, chosen.target)
    rate, threshold = equal_error_rate(curve)
    sides = np.stack([speakers[chosen.left], speakers[chosen.right]], axis=1)
    low, high = eer_interval(scores, chosen.target, sides, rounds=rounds)
    return Result(**labels, speakers=len(np.unique(speakers[kept])), utterances=int(kept.sum()),
                  too_short=0, targets=int(chosen.target.sum()),
                  nontargets=int((~chosen.target).sum()), eer=rate, eer_low=low, eer_high=high,
                  threshold=threshold, min_dcf_05=min_dcf(curve, 0.05),
                  min_dcf_01=min_dcf(curve, 0.01)), curve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("--manifest", type=Path, default=shared_data() / "manifest.tsv")
    parser.add_argument("--split", default="verify")
    parser.add_argument("--hard-set", action="append", default=[], metavar="NAME=FILE",
                        help="a further set: all utterances of the speakers listed in FILE")
    parser.add_argument("--system", action="append", required=True, metavar="NAME=SPEC",
                        help="repeatable; SPEC: resemblyzer, an ONNX file or a checkpoint")
    parser.add_argument("--lengths", nargs="+", default=["1.5", "3", FULL], metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=0, help="decides where crops lie")
    parser.add_argument("--rounds", type=int, default=200, help="bootstrap rounds for intervals")
    parser.add_argument("--output", type=Path, required=True, help="folder for the report")


def run(args: argparse.Namespace) -> None:
    """Write ``verification.json``, ``.md``, ``det.tsv`` and ``det.png`` into the output folder."""
    systems = {name: load_embedder(spec) for name, _, spec in
               (text.partition("=") for text in args.system)}
    sets = {args.split: read_manifest(args.manifest, {args.split})}
    for text in args.hard_set:
        name, _, path = text.partition("=")
        listed = read_speakers(Path(path))
        sets[name] = [item for item in read_manifest(args.manifest) if item.speaker in listed]
    results: list[Result] = []
    curves: dict[tuple[str, str, str], DetCurve] = {}
    for set_name, utterances in sets.items():
        measured = _measure(set_name, utterances, systems, args)
        results += [result for result, _ in measured]
        curves |= {(result.set, result.length, result.system): curve
                   for result, curve in measured if result.corpus == "all"}
    args.output.mkdir(parents=True, exist_ok=True)
    report = {"systems": args.system, "seed": args.seed, "bootstrap_rounds": args.rounds,
              "results": [asdict(result) for result in results]}
    (args.output / "verification.json").write_text(json.dumps(report, indent=1) + "\n")
    (args.output / "verification.md").write_text(markdown(results))
    write_det(args.output / "det.tsv", curves)
    plot_det(args.output / "det.png", curves)
    print(markdown(results))


def _measure(set_name: str, utterances: list[Utterance], systems: dict[str, Embedder],
             args: argparse.Namespace) -> list[tuple[Result, DetCurve]]:
    waves = read_waves(args.manifest.parent, utterances)
    trials = all_pairs(utterances)
    corpus = np.array([item.corpus for item in utterances])
    groups = {"all": np.ones(len(utterances), bool)}
    if len(set(corpus)) > 1:
        groups |= {name: corpus == name for name in sorted(set(corpus))}
    measured = []
    for length in args.lengths:
        pieces = cut(waves, utterances, length, args.seed)
        usable = np.array([piece is not None for piece in pieces])
        for name, embedder in systems.items():
            vectors = embed(embedder, [piece for piece in pieces if piece is not None],
                            f"{set_name} {length} {name}")
            embeddings = np.zeros((len(pieces), vectors.shape[1]), np.float32)
            embeddings[usable] = vectors
            for group, members in groups.items():
                labels = {"set": set_name, "corpus": group, "length": length, "system": name}
                result, curve = score(trials, embeddings, utterances, usable & members, labels,
                                      args.rounds)
                result = Result(**{**asdict(result), "too_short": int((members & ~usable).sum())})
                measured.append((result, curve))
    return measured
