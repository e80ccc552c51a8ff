"""VoxConverse: single-speaker segments cut out of its recordings by RTTM.

Recordings lie anywhere below the root as ``NAME.wav``, references as ``NAME.rttm``.
Only stretches in which nobody else speaks are cut. A speaker's label holds within one
recording, so ``voxconverse/NAME_LABEL`` is the speaker; a person who appears in two
recordings counts as two people, which a few of this corpus do.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import soundfile
from tqdm import tqdm

from ..manifest import Utterance
from ..rttm import SpeakerTurn, read_rttm
from .layouts import LayoutError

MIN_SECONDS, MAX_SECONDS = 2.0, 15.0


def alone(turns: list[SpeakerTurn]) -> list[tuple[float, float, str]]:
    """Maximal stretches in which exactly one speaker is active: (start, end, speaker)."""
    edges = sorted({edge for turn in turns for edge in (turn.start, turn.end)})
    found: list[tuple[float, float, str]] = []
    for start, end in zip(edges, edges[1:]):
        active = {turn.speaker for turn in turns if turn.start <= start and turn.end >= end}
        if len(active) != 1:
            continue
        speaker = active.pop()
        if found and found[-1][1] == start and found[-1][2] == speaker:
            found[-1] = (found[-1][0], end, speaker)
        else:
            found.append((start, end, speaker))
    return found


def cut(root: Path, output: Path, workers: int) -> Iterator[Utterance]:
    """Write segments as FLAC below ``output`` and yield them, paths relative to ``output``."""
    references = {path.stem: path for path in sorted(root.glob("**/*.rttm"))}
    pairs = [(path, references[path.stem]) for path in sorted(root.glob("**/*.wav")) if path.stem in references]
    if not pairs:
        raise LayoutError(f"no NAME.wav with a NAME.rttm below {root}")
    with ThreadPoolExecutor(workers) as pool:
        made = pool.map(lambda pair: _cut_one(*pair, output), pairs)
        for utterances in tqdm(made, total=len(pairs), desc="cut", unit="recording", disable=None):
            yield from utterances


def _cut_one(audio: Path, reference: Path, output: Path) -> list[Utterance]:
    turns = read_rttm(reference)
    utterances = []
    with soundfile.SoundFile(audio) as handle:
        rate = handle.samplerate
        for start, end, speaker in alone(turns):
            while end - start >= MIN_SECONDS:
                stop = min(end, start + MAX_SECONDS)
                first = round(start * rate)
                if first >= handle.frames:
                    break
                handle.seek(first)
                samples = handle.read(round((stop - start) * rate), dtype="int16")
                name = f"{audio.stem}_{speaker}"
                path = Path("segments") / name / f"{name}_{round(start * 1000):08d}.flac"
                (output / path).parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(output / path, samples, rate, subtype="PCM_16")
                utterances.append(Utterance(str(path), f"voxconverse/{name}", "train", "voxconverse"))
                start = stop
    return utterances
