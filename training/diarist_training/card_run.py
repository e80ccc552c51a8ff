"""What a model's card says about the training run and its data, read from the run's folder."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import torch

from .manifest import read_manifest


def summarise_data(manifest: Path) -> list[dict[str, object]]:
    """Speakers, clips and hours per split and corpus, as the manifest states them."""
    groups: dict[tuple[str, str], list] = defaultdict(list)
    for item in read_manifest(manifest):
        groups[item.split, item.corpus].append(item)
    return [{"split": split, "corpus": corpus, "speakers": len({item.speaker for item in items}),
             "clips": len(items), "hours": round(sum(item.seconds or 0.0 for item in items) / 3600, 2)}
            for (split, corpus), items in sorted(groups.items())]


def summarise_run(folder: Path, figure: Path) -> dict[str, object]:
    """Budget, outcome, recipe and validation curve of a finished run; draws its curves."""
    final = torch.load(folder / "final.pt", map_location="cpu", weights_only=True, mmap=True)
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    validation = [{key: entry[key] for key in ("step", "seconds", "eer_average") if key in entry}
                  for entry in log if entry["kind"] == "validate"]
    draw(log, figure)
    return {"seconds": round(final["seconds"]), "steps": final["step"], "crops": final["crops"],
            "chosen": final["chosen"], "validation_eer": final["eer"], "recipe": final["recipe"],
            "manifest_sha256": final["manifest_sha256"], "validation": validation}


def draw(log: list[dict], figure: Path) -> None:
    """Losses and the EER on the verify split over the minutes of the run."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    train = [entry for entry in log if entry["kind"] == "train"]
    validation = [entry for entry in log if entry["kind"] == "validate"]
    known = {"kind", "step", "seconds", "rate", "gradient", "progress", "crop_seconds"}
    drawing, (losses, errors) = pyplot.subplots(1, 2, figsize=(9, 3.2), dpi=80, constrained_layout=True)
    for name in sorted({key for entry in train for key in entry} - known):
        points = [(entry["seconds"] / 60, entry[name]) for entry in train if name in entry]
        losses.plot(*zip(*points), label=name, linewidth=1)
    losses.set(xlabel="minutes", ylabel="loss", yscale="log")
    losses.legend(fontsize=7)
    errors.plot([entry["seconds"] / 60 for entry in validation],
                [100 * entry["eer_average"] for entry in validation], linewidth=1, marker=".")
    errors.set(xlabel="minutes", ylabel="EER % on validation trials", yscale="log")
    errors.grid(which="both", linewidth=0.3)
    figure.parent.mkdir(parents=True, exist_ok=True)
    drawing.savefig(figure)
    pyplot.close(drawing)
