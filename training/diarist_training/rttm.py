"""RTTM and UEM files, the two text formats of diarization references.

RTTM: ten fields, of which a ``SPEAKER`` line uses file, onset, duration and speaker.
UEM: file, channel, onset and offset of what is scored. Source: NIST RT-09 plan.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SpeakerTurn:
    """One ``SPEAKER`` line: who speaks in which file, in seconds."""

    file: str
    start: float
    duration: float
    speaker: str

    @property
    def end(self) -> float:
        """Where the turn ends, in seconds."""
        return self.start + self.duration


def read_rttm(path: Path) -> list[SpeakerTurn]:
    """Turns of an RTTM file in file order; other line types and comments are passed over."""
    turns = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        if len(fields) < 8:
            raise ValueError(f"{path}:{number}: a SPEAKER line needs at least 8 fields, has {len(fields)}")
        try:
            start, duration = float(fields[3]), float(fields[4])
        except ValueError:
            raise ValueError(f"{path}:{number}: onset and duration must be numbers, "
                             f"are {fields[3]!r} and {fields[4]!r}") from None
        if not (start >= 0 and 0 <= duration < float("inf")):
            raise ValueError(f"{path}:{number}: onset and duration must be at least 0, are {start} and {duration}")
        turns.append(SpeakerTurn(fields[1], start, duration, fields[7]))
    return turns


def write_rttm(path: Path, turns: Iterable[SpeakerTurn]) -> None:
    """Write turns as ``SPEAKER`` lines, times to the millisecond."""
    path.write_text("".join(f"SPEAKER {turn.file} 1 {turn.start:.3f} {turn.duration:.3f} <NA> <NA> "
                            f"{turn.speaker} <NA> <NA>\n" for turn in turns), encoding="utf-8")


def read_uem(path: Path) -> list[tuple[str, float, float]]:
    """Scored regions of a UEM file: (file, start, end) in seconds."""
    regions = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields = line.split()
        if not fields or fields[0].startswith(";"):
            continue
        try:
            regions.append((fields[0], float(fields[2]), float(fields[3])))
        except (IndexError, ValueError):
            raise ValueError(f"{path}:{number}: want `file channel start end`, got {line!r}") from None
    return regions
