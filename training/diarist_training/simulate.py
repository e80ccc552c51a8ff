"""Command ``simulate``: conversations with exact RTTM, from speakers never trained on.

A conversation is a function of the seed, its number and the material, to the last byte.
Speakers with at least a minute of material carry the talk; those with less say what
they have once. See ``training/docs/simulated-conversations.md`` for what that limits.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from .audio import SAMPLE_RATE, read_mono
from .conversation import OVERLAP_CHANCES, Plan, plan_conversation
from .manifest import Utterance, read_manifest, shared_data
from .render import Scene, draw_scene, render
from .voices import voice

SPEAKERS = range(2, 9)
LONG_SECONDS = 60.0
_SPARE = 1.4  # long voices together must hold this much more than the conversation
_ATTEMPTS = 50


@dataclass(frozen=True)
class Material:
    """Utterances of the speakers to choose from, parted by how much they have."""

    root: Path
    by_speaker: dict[str, list[Utterance]]
    long: list[str]
    short: list[str]
    decoded: dict[str, list[np.ndarray]] = field(default_factory=dict)

    @classmethod
    def read(cls, manifest: Path, split: str) -> "Material":
        """Group the utterances of ``split``; needs the manifest's ``seconds``."""
        by_speaker: dict[str, list[Utterance]] = defaultdict(list)
        for item in read_manifest(manifest, {split}):
            by_speaker[item.speaker].append(item)
        total = {name: sum(item.seconds or 0.0 for item in items) for name, items in by_speaker.items()}
        names = sorted(by_speaker)
        return cls(manifest.parent, dict(by_speaker), [name for name in names if total[name] >= LONG_SECONDS],
                   [name for name in names if total[name] < LONG_SECONDS])

    def clips(self, name: str) -> list[np.ndarray]:
        """All that ``name`` says, decoded once."""
        if name not in self.decoded:
            self.decoded[name] = [read_mono(self.root / item.path) for item in self.by_speaker[name]]
        return self.decoded[name]

    def seconds(self, names: list[str]) -> float:
        """Length of all that ``names`` say."""
        return sum(item.seconds or 0.0 for name in names for item in self.by_speaker[name])

    def cast(self, count: int, minutes: float, rng: np.random.Generator) -> list[str]:
        """Draw ``count`` speakers: about half of them, and two at least, with long material."""
        long_count = min(len(self.long), max(2, (count + 1) // 2, count - len(self.short)))
        if long_count < 2 or long_count + len(self.short) < count:
            raise ValueError(f"{count} speakers need at least two with {LONG_SECONDS:g} s of material; "
                             f"given: {len(self.long)} with that much, {len(self.short)} with less")
        for _ in range(_ATTEMPTS):
            chosen = [self.long[i] for i in rng.choice(len(self.long), long_count, replace=False)]
            if self.seconds(chosen) >= _SPARE * 60 * minutes:
                rest = rng.choice(len(self.short), count - long_count, replace=False) if count > long_count else []
                return chosen + [self.short[i] for i in rest]
        raise ValueError(f"no {long_count} speakers hold {_SPARE * minutes:g} minutes of speech, which "
                         f"conversations of {minutes:g} minutes need to repeat nothing")


def conversation(material: Material, index: int, *, minutes: float, seed: int,
                 noise: Path) -> tuple[list[str], Plan, Scene, np.ndarray]:
    """Conversation ``index``: its speakers, plan, scene and int16 samples at 16 kHz."""
    rng = np.random.default_rng([seed, index])
    count = SPEAKERS[index % len(SPEAKERS)]
    # Shifted by one every cycle, so that each speaker count meets each kind of talk.
    chance = OVERLAP_CHANCES[(index + index // len(SPEAKERS)) % len(OVERLAP_CHANCES)]
    for _ in range(_ATTEMPTS):
        names = material.cast(count, minutes, rng)
        voices = [voice(name, material.clips(name), rng) for name in names]
        plan = plan_conversation(voices, round(minutes * 60 * SAMPLE_RATE), chance, rng)
        if {turn.speaker for turn in plan.turns} == set(range(count)):
            scene = draw_scene(count, noise, rng)
            return names, plan, scene, render(plan, scene, rng)
    raise ValueError(f"{minutes:g} minutes are too short for {count} speakers to have a turn each")


def write_rttm(path: Path, name: str, plan: Plan, speakers: list[str]) -> None:
    """Write the exact reference; samples lie on a grid of 10 ms, so three decimals are enough."""
    with open(path, "w", encoding="utf-8") as handle:
        for start, end, speaker in plan.segments():
            label = speakers[speaker].replace("/", "_")
            handle.write(f"SPEAKER {name} 1 {start / SAMPLE_RATE:.3f} {(end - start) / SAMPLE_RATE:.3f} "
                         f"<NA> <NA> {label} <NA> <NA>\n")


def speech_ratios(plan: Plan) -> tuple[float, float]:
    """Share of time in which anybody speaks, and share of that in which two or more do."""
    steps = np.zeros(plan.samples + 1, np.int32)
    for start, end, _ in plan.segments():
        steps[start] += 1
        steps[end] -= 1
    active = np.cumsum(steps[:-1])
    speech = np.count_nonzero(active)
    return speech / plan.samples, np.count_nonzero(active > 1) / max(speech, 1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("--output", type=Path, required=True, help="folder for audio, RTTM and list")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=5.0, help="length of each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", default="simulate")
    parser.add_argument("--format", choices=("flac", "wav"), default="flac")
    parser.add_argument("--manifest", type=Path, default=shared_data() / "manifest.tsv")
    parser.add_argument("--noise", type=Path, default=shared_data() / "noise")


def run(args: argparse.Namespace) -> None:
    """Write ``sim_NN.flac``, ``sim_NN.rttm`` and ``conversations.tsv``."""
    material = Material.read(args.manifest, args.split)
    args.output.mkdir(parents=True, exist_ok=True)
    rows = ["name\tseconds\tspeakers\tspeech_ratio\toverlap_ratio\tsnr_db\trt60_seconds\tnames"]
    for index in tqdm(range(args.count), desc="simulate", unit="conversation", disable=None):
        names, plan, scene, samples = conversation(material, index, minutes=args.minutes,
                                                   seed=args.seed, noise=args.noise)
        name = f"sim_{index:0{len(str(max(args.count - 1, 10)))}d}"
        soundfile.write(args.output / f"{name}.{args.format}", samples, SAMPLE_RATE, subtype="PCM_16")
        write_rttm(args.output / f"{name}.rttm", name, plan, names)
        speech, overlap = speech_ratios(plan)
        rows.append(f"{name}\t{len(samples) / SAMPLE_RATE:.2f}\t{len(names)}\t{speech:.3f}\t{overlap:.3f}"
                    f"\t{scene.snr_db:.1f}\t{scene.room.rt60:.2f}\t{','.join(names)}")
    (args.output / "conversations.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
