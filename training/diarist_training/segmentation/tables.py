"""Tables of the segmentation model's card. Each takes the model's folder and gives Markdown."""

import hashlib
from pathlib import Path

import onnx

from ..card_tables import percent, read, table
from ..onnx_forms import metadata


def model(folder: Path) -> str:
    """The file, its size and hash, and the metadata that it carries."""
    path = folder / f"{folder.name}.onnx"
    listed = table(("file", "MB", "SHA-256"), [(path.name, f"{path.stat().st_size / 1e6:.2f}",
                                                 f"`{hashlib.sha256(path.read_bytes()).hexdigest()}`")])
    return listed + "\n" + table(("key", "value"), ((key, f"`{value}`" if value else "")
                                                     for key, value in sorted(metadata(onnx.load(path)).items())))


def curve(folder: Path) -> str:
    """Errors on the validation chunks as the run went on, about ten lines of it."""
    run = read(folder, "training.json")
    lines = run["validation"]
    kept = [line for index, line in enumerate(lines) if index in {round(i * (len(lines) - 1) / 9) for i in range(10)}]
    recipe = "".join(f"{key}: {value}\n" for key, value in run["recipe"].items())
    return table(("chunks", "minutes", "local DER %", "missed", "false", "confused", "overlap precision", "overlap recall"),
                 ((line["step"] * run["recipe"]["batch_size"], round(line["seconds"] / 60),
                   *(percent(line[key]) for key in ("local_der", "missed", "false", "confused",
                                                     "overlap_precision", "overlap_recall"))) for line in kept)) \
        + f"\n```yaml\n{recipe}```\n"


def errors(folder: Path) -> str:
    """Every set, by how many people speak in a chunk."""
    return table(("set", "speakers in the chunk", "chunks", "overlap %", "local DER %", "missed", "false", "confused",
                  "overlap precision", "overlap recall"),
                 ((row["set"], row["speakers"], row["chunks"],
                   *(percent(row[key]) for key in ("overlap", "local_der", "missed", "false", "confused",
                                                    "overlap_precision", "overlap_recall")))
                  for row in read(folder, "errors.json") if row["system"] == "network"))


def speech(folder: Path) -> str:
    """Speech activity beside WebRTC's detector: shares of speech missed and of silence called speech."""
    return table(("set", "system", "speech missed %", "silence called speech %"),
                 ((row["set"], row["system"], percent(row["speech_missed"]), percent(row["speech_false"]))
                  for row in read(folder, "errors.json") if row["speakers"] == "all"))


def speed(folder: Path) -> str:
    """Time for a chunk, and recorded audio per second at the chunk steps."""
    report = read(folder, "speed.json")
    steps = [key for key in report["rows"][0] if key.startswith("step_")]
    rows = table(("threads", "batch", "ms a chunk, median", "at best", "CPU ms",
                  *(f"step {key.removeprefix('step_')} s" for key in steps)),
                 ((row["threads"], row["batch"], row["milliseconds_per_chunk"], row["least_milliseconds"],
                   row["cpu_milliseconds"],
                   *(row[key] for key in steps)) for row in report["rows"]))
    return f"{report['processor']}, ONNX Runtime {report['onnxruntime']}:\n\n{rows}"


TABLES = {"segmentation-model": model, "segmentation-curve": curve, "segmentation-errors": errors,
          "segmentation-speech": speech, "segmentation-speed": speed}
