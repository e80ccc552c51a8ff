"""Tables and plots of verification results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from .metrics import DetCurve

if TYPE_CHECKING:
    from .verify import Result

_TICKS = np.array([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4])
_POINTS = 200  # kept of every curve: enough for a plot, small enough to commit


def markdown(results: Sequence["Result"]) -> str:
    """A Markdown table, one row per result; EER in percent with its 95% interval."""
    lines = ["| set | corpus | length | system | EER % | 95% interval | minDCF 0.05 | minDCF 0.01 "
             "| threshold | targets | non-targets | too short |",
             "|---|---|---|---|---:|---|---:|---:|---:|---:|---:|---:|"]
    for row in results:
        length = row.length if row.length == "full" else f"{row.length} s"
        lines.append(
            f"| {row.set} | {row.corpus} | {length} | {row.system} | {100 * row.eer:.2f} "
            f"| {100 * row.eer_low:.1f} to {100 * row.eer_high:.1f} | {row.min_dcf_05:.3f} "
            f"| {row.min_dcf_01:.3f} | {row.threshold:.3f} | {row.targets} | {row.nontargets} "
            f"| {row.too_short} |")
    return "\n".join(lines) + "\n"


def thin(curve: DetCurve) -> DetCurve:
    """At most ``_POINTS`` points of a curve, spread evenly along both deviate axes."""
    path = norm.ppf(np.clip(curve.miss, 1e-6, 1 - 1e-6)) - norm.ppf(
        np.clip(curve.false_alarm, 1e-6, 1 - 1e-6))
    marks = np.linspace(path[0], path[-1], _POINTS)
    chosen = np.unique(np.clip(np.searchsorted(path, marks), 0, len(path) - 1))
    return DetCurve(curve.threshold[chosen], curve.miss[chosen], curve.false_alarm[chosen])


def write_det(path: Path, curves: Mapping[tuple[str, str, str], DetCurve]) -> None:
    """Write the curves' points as a table: set, length, system, threshold, miss, false alarm."""
    with open(path, "w", encoding="utf-8") as handle:
        handle.write("set\tlength\tsystem\tthreshold\tmiss\tfalse_alarm\n")
        for labels, curve in curves.items():
            small = thin(curve)
            for point in zip(small.threshold, small.miss, small.false_alarm):
                handle.write("\t".join([*labels, *(f"{value:.6g}" for value in point)]) + "\n")


def plot_det(path: Path, curves: Mapping[tuple[str, str, str], DetCurve]) -> None:
    """Draw DET curves on normal-deviate axes, one panel per set."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(labels[0] for labels in curves))
    figure, axes = pyplot.subplots(1, len(names), figsize=(6 * len(names), 6), squeeze=False)
    for axis, name in zip(axes[0], names):
        for (set_name, length, system), curve in curves.items():
            if set_name == name:
                small = thin(curve)
                axis.plot(norm.ppf(small.false_alarm.clip(1e-5, 1 - 1e-5)),
                          norm.ppf(small.miss.clip(1e-5, 1 - 1e-5)), label=f"{system}, {length}")
        ticks, labels = norm.ppf(_TICKS), [f"{100 * tick:g}" for tick in _TICKS]
        axis.set(title=name, xlabel="false alarm (%)", ylabel="miss (%)", xlim=(ticks[0], ticks[-1]),
                 ylim=(ticks[0], ticks[-1]), xticks=ticks, xticklabels=labels, yticks=ticks,
                 yticklabels=labels)
        axis.plot(ticks, ticks, color="0.8", linewidth=0.8, zorder=0)
        axis.grid(color="0.92")
        axis.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
