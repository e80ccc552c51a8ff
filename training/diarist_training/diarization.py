"""Diarization error of a folder of conversations, by number of speakers.

DER and JER are pyannote.metrics', overlap scored, totals as ratios of sums. Its collar is
the whole width taken out around a boundary: 0.25 means 0.125 s to each side, half of what
md-eval and dscore call 0.25.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import soundfile
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate

from .rttm import read_rttm, read_uem


@dataclass(frozen=True)
class Conversation:
    """An audio file with its reference and what of it is scored."""

    audio: Path
    reference: Annotation
    scored: Timeline

    @property
    def speakers(self) -> int:
        """Speakers in the reference."""
        return len(self.reference.labels())


@dataclass(frozen=True)
class Row:
    """Errors of a group of conversations. Rates are shares of the reference's speech time.

    ``speakers`` is the reference's count or ``all``; ``count_right`` the share of files whose
    number of speakers was found, ``count_error`` the mean absolute difference.
    """

    speakers: str
    files: int
    collar: float
    der: float
    miss: float
    false_alarm: float
    confusion: float
    jer: float
    count_right: float
    count_error: float


def read_annotation(path: Path) -> Annotation:
    """An RTTM file with one recording as pyannote's annotation."""
    annotation = Annotation()
    for index, turn in enumerate(read_rttm(path)):
        annotation[Segment(turn.start, turn.end), index] = turn.speaker
    return annotation


def read_conversations(folder: Path) -> list[Conversation]:
    """Every audio file of ``folder`` that has an RTTM of the same name, sorted by name."""
    found = []
    for audio in sorted(path for kind in ("flac", "wav") for path in folder.glob(f"*.{kind}")):
        reference, uem = audio.with_suffix(".rttm"), audio.with_suffix(".uem")
        if not reference.exists():
            continue
        scored = (Timeline([Segment(start, end) for _, start, end in read_uem(uem)]) if uem.exists()
                  else Timeline([Segment(0.0, soundfile.info(audio).duration)]))
        found.append(Conversation(audio, read_annotation(reference), scored))
    if not found:
        raise FileNotFoundError(f"no audio with an RTTM beside it in {folder}")
    return found


def score(pairs: Iterable[tuple[Conversation, Annotation]], collars: Iterable[float]) -> list[Row]:
    """Errors over all conversations and by the reference's number of speakers."""
    groups: dict[str, list[tuple[Conversation, Annotation]]] = defaultdict(list)
    for conversation, hypothesis in pairs:
        groups["all"].append((conversation, hypothesis))
        groups[str(conversation.speakers)].append((conversation, hypothesis))
    names = ["all", *sorted((name for name in groups if name != "all"), key=int)]
    return [_row(name, groups[name], collar) for collar in collars for name in names]


def _row(name: str, members: list[tuple[Conversation, Annotation]], collar: float) -> Row:
    der = DiarizationErrorRate(collar=collar, skip_overlap=False)
    jer = JaccardErrorRate(collar=collar, skip_overlap=False)
    parts: dict[str, float] = defaultdict(float)
    for conversation, hypothesis in members:
        for part, seconds in der(conversation.reference, hypothesis, uem=conversation.scored, detailed=True).items():
            parts[part] += seconds
        jer(conversation.reference, hypothesis, uem=conversation.scored)
    off = [abs(conversation.speakers - len(hypothesis.labels())) for conversation, hypothesis in members]
    total = parts["total"] or 1.0
    return Row(name, len(members), collar, abs(der), parts["missed detection"] / total,
               parts["false alarm"] / total, parts["confusion"] / total, abs(jer),
               sum(error == 0 for error in off) / len(off), sum(off) / len(off))


def markdown(rows: list[Row]) -> str:
    """A Markdown table of ``rows``, rates in percent."""
    lines = ["| speakers | files | collar s | DER % | miss | false alarm | confusion | JER % | count right "
             "| count error |", "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"]
    for row in rows:
        values = asdict(row)
        rates = " | ".join(f"{100 * values[name]:.2f}" for name in
                           ("der", "miss", "false_alarm", "confusion", "jer"))
        lines.append(f"| {row.speakers} | {row.files} | {row.collar:g} | {rates} | {100 * row.count_right:.0f}% "
                     f"| {row.count_error:.2f} |")
    return "\n".join(lines) + "\n"
