"""What ``prepare`` does: read the layout, validate, split, write manifest and report."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..manifest import ManifestError, Utterance, write_manifest
from .layouts import LAYOUTS, LayoutError, commonvoice, speechocean762_children
from .validate import Limits, Verdict, validate
from .voxconverse import cut


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("corpus", choices=[*LAYOUTS, "voxconverse"])
    parser.add_argument("--root", type=Path, required=True, help="folder in which the archives were unpacked")
    parser.add_argument("--output", type=Path, required=True,
                        help="manifest to write; its folder also gets dropped.tsv, and cut or converted audio")
    parser.add_argument("--verify-speakers", type=int, default=0, metavar="N",
                        help="hold out N further speakers of split train as split verify, by a hash of their ids")
    parser.add_argument("--shortest", type=float, default=Limits.shortest, metavar="SECONDS")
    parser.add_argument("--longest", type=float, default=Limits.longest, metavar="SECONDS")
    parser.add_argument("--table", default="validated.tsv", help="Common Voice: which table to read")
    parser.add_argument("--convert", type=Path, metavar="FOLDER", help="VoxCeleb2: FLAC made of AAC goes there")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)


def run(args: argparse.Namespace) -> int:
    """Write the manifest; prints what was kept and what was dropped for which reason."""
    folder = args.output.parent
    try:
        root, utterances = _read_layout(args, folder)
    except (LayoutError, ManifestError) as error:
        print(error, file=sys.stderr)
        return 1
    verdicts = list(validate(root, utterances, Limits(args.shortest, args.longest),
                             workers=args.workers, convert=args.convert))
    kept = [_relocated(verdict.utterance, root, folder) for verdict in verdicts if not verdict.reason]
    kept = hold_out(kept, args.verify_speakers)
    write_manifest(args.output, kept)
    dropped = [verdict for verdict in verdicts if verdict.reason]
    _write_dropped(folder / "dropped.tsv", dropped)
    if args.corpus == "speechocean762":
        children = set(speechocean762_children(args.root)) & {item.speaker for item in kept}
        (folder / "children.txt").write_text("".join(f"{speaker}\n" for speaker in sorted(children)))
    print(report(kept, dropped))
    return 0 if kept else 1


def _read_layout(args: argparse.Namespace, folder: Path) -> tuple[Path, list[Utterance]]:
    """The folder that paths are relative to, and the utterances."""
    if args.corpus == "voxconverse":
        return folder, list(cut(args.root, folder, args.workers))
    if args.corpus == "commonvoice":
        return args.root, list(commonvoice(args.root, args.table))
    return args.root, list(LAYOUTS[args.corpus](args.root))


def _relocated(utterance: Utterance, root: Path, folder: Path) -> Utterance:
    path = os.path.relpath(root.resolve() / utterance.path, folder.resolve())
    return replace(utterance, path=path)


def hold_out(utterances: Sequence[Utterance], count: int) -> list[Utterance]:
    """Move ``count`` speakers from ``train`` to ``verify``, the same ones every time."""
    names = {item.speaker for item in utterances if item.split == "train"}
    chosen = set(sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())[:count])
    return [replace(item, split="verify") if item.speaker in chosen else item for item in utterances]


def _write_dropped(path: Path, dropped: Sequence[Verdict]) -> None:
    rows = [f"{verdict.utterance.path}\t{verdict.reason}\n" for verdict in dropped]
    path.write_text("path\treason\n" + "".join(rows), encoding="utf-8")


def report(kept: Sequence[Utterance], dropped: Sequence[Verdict]) -> str:
    """Counts by split and by reason, as lines of text."""
    lines = []
    for split in sorted({item.split for item in kept}):
        members = [item for item in kept if item.split == split]
        hours = sum(item.seconds or 0.0 for item in members) / 3600
        speakers = len({item.speaker for item in members})
        lines.append(f"{split}: {len(members)} utterances, {speakers} speakers, {hours:.2f} hours")
    lines.append(f"dropped: {len(dropped)}")
    reasons = Counter(verdict.reason for verdict in dropped)
    lines += [f"  {count} {reason}" for reason, count in reasons.most_common()]
    return "\n".join(lines)
