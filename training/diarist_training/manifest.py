"""The one manifest format that every corpus is brought into.

A manifest is a tab-separated text file with a header. ``path`` (relative to the
manifest's folder), ``speaker`` and ``split`` must be there; ``corpus``,
``language``, ``gender`` and ``seconds`` are optional, and other columns are ignored.
"""

from __future__ import annotations

import csv
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

COLUMNS = ("path", "corpus", "speaker", "language", "gender", "seconds", "split")
REQUIRED = ("path", "speaker", "split")


class ManifestError(ValueError):
    """A manifest that cannot be used; the message names the file, line and column."""


@dataclass(frozen=True)
class Utterance:
    """One audio file of one speaker."""

    path: str
    speaker: str
    split: str
    corpus: str = ""
    language: str = ""
    gender: str = ""
    seconds: float | None = None


def shared_data() -> Path:
    """The shared corpora's folder: ``$DIARIST_SHARED/data``, by default beside the checkout."""
    root = Path(__file__).resolve().parents[2]
    return Path(os.environ.get("DIARIST_SHARED", root.parent / "shared")) / "data"


def read_manifest(path: Path, splits: set[str] | None = None) -> list[Utterance]:
    """Read the utterances of ``splits`` (all by default), in file order."""
    utterances = []
    with open(path, newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
        missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
        if missing:
            raise ManifestError(f"{path}: header lacks the column(s) {', '.join(missing)}")
        for row in reader:
            for name in REQUIRED:
                if not row[name]:
                    raise ManifestError(f"{path}:{reader.line_num}: column {name} is empty")
            if splits is not None and row["split"] not in splits:
                continue
            utterances.append(_utterance(row, path, reader.line_num))
    return utterances


def read_speakers(path: Path) -> set[str]:
    """Speaker ids of a list file: one per line, ``#`` starts a comment line."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {line for line in lines if line and not line.startswith("#")}


def _utterance(row: dict[str, str | None], path: Path, line: int) -> Utterance:
    seconds = row.get("seconds") or None
    try:
        length = None if seconds is None else float(seconds)
    except ValueError:
        raise ManifestError(f"{path}:{line}: seconds is no number: {seconds!r}") from None
    text = {name: row.get(name) or "" for name in COLUMNS if name != "seconds"}
    return Utterance(seconds=length, **text)


def write_manifest(path: Path, utterances: list[Utterance]) -> None:
    """Write a manifest atomically, rows in the order given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with open(part, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE,
                            quotechar=None)
        writer.writerow(COLUMNS)
        for item in utterances:
            seconds = "" if item.seconds is None else f"{item.seconds:.2f}"
            writer.writerow([seconds if name == "seconds" else getattr(item, name) for name in COLUMNS])
    os.replace(part, path)


def manifest_hash(path: Path) -> str:
    """SHA-256 of a manifest file: names the training data in checkpoints and model metadata."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
