"""The tables of a model's card. Each takes the model's folder and gives Markdown."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import onnx

from .onnx_forms import metadata

LICENCES = {"commonvoice": "CC0", "commonvoice-fa": "CC0", "speechocean762": "CC BY 4.0",
            "librispeech": "CC BY 4.0", "fsdd": "CC BY-SA 4.0"}


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def read(folder: Path, name: str) -> dict:
    return json.loads((folder / "measurements" / name).read_text(encoding="utf-8"))


def percent(rate: float) -> str:
    return f"{100 * rate:.2f}"


def files(folder: Path) -> str:
    """The committed files, their sizes and hashes."""
    return table(("file", "MB", "SHA-256"),
                  ((path.name, f"{path.stat().st_size / 1e6:.1f}", f"`{hashlib.sha256(path.read_bytes()).hexdigest()}`")
                   for path in sorted(folder.glob("*int8.onnx"))))


def description(folder: Path) -> str:
    """The metadata that the weights-int8 file carries."""
    path = folder / f"{folder.name}.weights-int8.onnx"
    return table(("key", "value"), ((key, f"`{value}`" if value else "") for key, value in
                                     sorted(metadata(onnx.load(path)).items())))


def data(folder: Path) -> str:
    """Speakers, clips and hours by split and corpus, with licences."""
    rows = read(folder, "data.json")
    listed = [(row["split"], row["corpus"], LICENCES.get(row["corpus"], ""), row["speakers"], row["clips"], row["hours"])
              for row in rows]
    total = ("all", "", "", *(round(sum(row[key] for row in rows), 2) for key in ("speakers", "clips", "hours")))
    return table(("split", "corpus", "licence", "speakers", "clips", "hours"), [*listed, total])


def training(folder: Path) -> str:
    """Budget and outcome of the run, and its recipe."""
    run = read(folder, "training.json")
    outcome = [("wall time", f"{run['seconds'] / 60:.0f} minutes"), ("optimiser steps", run["steps"]),
               ("crops seen", run["crops"]), ("weights chosen", run["chosen"]),
               *((f"validation EER, {name}", f"{percent(rate)}%") for name, rate in run["validation_eer"].items())]
    recipe = "".join(f"{key}: {_value(value)}\n" for key, value in run["recipe"].items())
    return table(("", ""), outcome) + f"\n```yaml\n{recipe}```\n"


def _value(value: object) -> str:
    """A recipe's value; of a list of speakers, how many."""
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return f"{len(value)} speakers"
    return json.dumps(value)


def verification(folder: Path) -> str:
    """EER and minDCF of every system on every set and length."""
    rows = read(folder, "verification/verification.json")["results"]
    return table(("set", "corpus", "length", "system", "EER %", "95% interval", "minDCF 0.05", "minDCF 0.01",
                   "threshold", "targets", "non-targets"),
                  ((row["set"], row["corpus"], _length(row), row["system"], percent(row["eer"]),
                    f"{100 * row['eer_low']:.1f} to {100 * row['eer_high']:.1f}", f"{row['min_dcf_05']:.3f}",
                    f"{row['min_dcf_01']:.3f}", f"{row['threshold']:.3f}", row["targets"], row["nontargets"])
                   for row in rows))


def _length(row: dict) -> str:
    return row["length"] if row["length"] == "full" else f"{row['length']} s"


def eer_change(folder: Path) -> str:
    """EER in points against fp32 for every stored form, all corpora together."""
    rows = _all_corpora(folder)
    exact = {(row["set"], row["length"]): row["eer"] for row in rows if row["system"] == "fp32"}
    return table(("set", "length", "form", "EER %", "fp32's", "points"),
                  ((row["set"], _length(row), row["system"], percent(row["eer"]), percent(reference),
                    f"{100 * (row['eer'] - reference):+.2f}") for row in rows if row["system"] not in ("fp32", "resemblyzer")
                   for reference in [exact[row["set"], row["length"]]]))


def against_resemblyzer(folder: Path) -> str:
    """Share of Resemblyzer's EER that every form reaches on the same trials, all corpora together."""
    rows = _all_corpora(folder)
    baseline = {(row["set"], row["length"]): row["eer"] for row in rows if row["system"] == "resemblyzer"}
    return table(("set", "length", "form", "EER %", "Resemblyzer's", "ratio"),
                  ((row["set"], _length(row), row["system"], percent(row["eer"]), percent(reference),
                    f"{row['eer'] / reference:.2f}") for row in rows if row["system"] != "resemblyzer"
                   for reference in [baseline[row["set"], row["length"]]]))


def _all_corpora(folder: Path) -> list[dict]:
    results = read(folder, "verification/verification.json")["results"]
    # A set of one corpus has no rows of its own for it.
    return [row for row in results if row["corpus"] == "all"]


def diarization(folder: Path) -> str:
    """DER and JER of the whole pipeline over all conversations of a set, per report."""
    rows = ((name, row["files"], f"{row['collar']:g}",
             *(percent(row[part]) for part in ("der", "miss", "false_alarm", "confusion", "jer")),
             f"{100 * row['count_right']:.0f}%", f"{row['count_error']:.2f}")
            for name, report in _diarizations(folder).items() for row in report if row["speakers"] == "all")
    return table(("report", "files", "collar s", "DER %", "miss", "false alarm", "confusion", "JER %",
                   "count right", "count error"), rows)


def diarization_by_speakers(folder: Path) -> str:
    """DER and JER by the reference's number of speakers, simulated conversations, collar 0."""
    chosen = {name: {row["speakers"]: row for row in report if row["collar"] == 0}
              for name, report in _diarizations(folder).items() if name.startswith("simulated")}
    counts = sorted({count for report in chosen.values() for count in report if count != "all"}, key=int)
    return table(("speakers", *chosen),
                  ((count, *(f"{percent(report[count]['der'])} / {percent(report[count]['jer'])}"
                             for report in chosen.values())) for count in counts))


def _diarizations(folder: Path) -> dict[str, list[dict]]:
    """Rows of every report in ``measurements/diarization/``, by the report's name."""
    reports = sorted((folder / "measurements" / "diarization").glob("*.json"))
    if not reports:
        raise FileNotFoundError(errno.ENOENT, "no report", str(folder / "measurements" / "diarization"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8"))["rows"] for path in reports}


def speed(folder: Path) -> str:
    """Window audio per second of computing, by form, threads and batch size."""
    report = read(folder, "speed.json")
    batches = sorted({row["batch"] for row in report["rows"]})
    rates = {(row["model"], row["threads"], row["batch"]): row["audio_seconds_per_second"] for row in report["rows"]}
    rows = [(model, threads, *(f"{rates[model, threads, batch]:.0f}" for batch in batches))
            for model, threads in dict.fromkeys((row["model"], row["threads"]) for row in report["rows"])]
    return (f"{report['processor']}, ONNX Runtime {report['onnxruntime']}, windows of {report['window_seconds']} s; "
            "seconds of window audio per second:\n\n"
            + table(("file", "threads", *(f"batch {batch}" for batch in batches)), rows))


TABLES: dict[str, Callable[[Path], str]] = {
    "files": files, "description": description, "data": data, "training": training,
    "verification": verification, "eer-change": eer_change,
    "against-resemblyzer": against_resemblyzer, "diarization": diarization,
    "diarization-by-speakers": diarization_by_speakers, "speed": speed,
}
