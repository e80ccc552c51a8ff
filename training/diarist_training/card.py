"""Command ``card``: puts measured tables into a model's card.

The card's words are written by hand; each table stands between ``<!-- NAME -->`` and
``<!-- /NAME -->`` and is made here, out of the JSON that the measuring commands left in
``measurements/`` beside the card, and out of the model files themselves. A test renders
the committed card again and compares.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from . import card_tables
from .card_run import summarise_data, summarise_run
from .manifest import shared_data
from .segmentation.tables import TABLES as SEGMENTATION_TABLES

TABLES = card_tables.TABLES | SEGMENTATION_TABLES
BLOCK = re.compile(r"<!-- (?P<name>[a-z-]+) -->\n(?P<body>.*?)<!-- /(?P=name) -->", re.DOTALL)


class CardError(ValueError):
    """A card that names a table which does not exist, or lacks a measurement."""


def render(card: str, folder: Path) -> str:
    """The card's text with every block made anew from ``folder``."""

    def block(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in TABLES:
            raise CardError(f"no table {name!r}; known: {', '.join(sorted(TABLES))}")
        try:
            body = TABLES[name](folder)
        except FileNotFoundError as error:
            raise CardError(f"table {name!r} needs {error.filename}") from error
        return f"<!-- {name} -->\n{body}<!-- /{name} -->"

    return BLOCK.sub(block, card)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("folder", type=Path, help="models/NAME, with card.md in it")
    parser.add_argument("--run", type=Path, dest="training_run",
                        help="a run's folder: summarise its log into measurements/training.json and training.png")
    parser.add_argument("--manifest", type=Path, default=shared_data() / "manifest.tsv",
                        help="with --run: the manifest trained on, for speakers and hours")


def run(args: argparse.Namespace) -> None:
    """Render the card in place."""
    if args.training_run:
        measurements = args.folder / "measurements"
        measurements.mkdir(parents=True, exist_ok=True)
        write_json(measurements / "data.json", summarise_data(args.manifest))
        write_json(measurements / "training.json",
                   summarise_run(args.training_run, measurements / "training.png"))
    path = args.folder / "card.md"
    path.write_text(render(path.read_text(encoding="utf-8"), args.folder), encoding="utf-8")
    print(f"{path}: {', '.join(match['name'] for match in BLOCK.finditer(path.read_text(encoding='utf-8')))}")


def write_json(path: Path, content: object) -> None:
    """One indented JSON document, ended by a newline."""
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
