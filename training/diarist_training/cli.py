"""One entry point for every training command: ``python -m diarist_training.cli NAME ...``.

A command is a module with two functions: ``add_arguments(parser)`` declares its
flags and ``run(args)`` does the work and returns the exit status (``None`` is
success). Modules are imported only when their command is called, so that one
command's heavy or optional dependencies never slow down or break another.
"""

from __future__ import annotations

import argparse
import importlib
import sys

#: Command name -> (module inside this package, one-line description).
COMMANDS: dict[str, tuple[str, str]] = {
    "card": ("card", "put measured tables into a model's card"),
    "diarize-score": ("diarize_score", "run diarist over conversations and score it"),
    "download": ("download", "fetch public corpora whose licence lets a script do it"),
    "pitch": ("pitch", "median fundamental frequency per speaker, to tell likely children"),
    "export": ("export", "write a trained network as ONNX files that describe themselves"),
    "golden": ("golden", "write the arrays that other implementations of the front end are tested on"),
    "prepare": ("prepare", "bring a corpus, as its archive unpacks, into the one manifest format"),
    "quantize": ("quantize", "make the int8 and weights-int8 forms of an exported file"),
    "rebuild": ("rebuild", "make the fp32 and fp16 forms out of the weights-int8 file"),
    "segment-export": ("segmentation.export", "write a trained segmentation network as an ONNX file"),
    "segment-measure": ("segmentation.measure", "score an exported segmentation network chunk by chunk"),
    "segment-speed": ("segmentation.speed", "measure how much audio per second ONNX Runtime segments"),
    "segment-train": ("segmentation.train", "train the segmentation network by a recipe; goes on where it stopped"),
    "segment-voiceprints": ("segmentation.voiceprints", "embed the training speakers, for the segmentation network to learn from"),
    "simulate": ("simulate", "write conversations with exact RTTM from held-out speakers"),
    "speed": ("speed", "measure how much audio per second ONNX Runtime embeds"),
    "pack": ("pack", "decode a manifest's clips and the noise once, into one file"),
    "train": ("train", "train a network by a recipe; goes on where it stopped"),
    "teacher": ("teacher", "embed whole utterances with Resemblyzer, to distil from"),
    "tutorial-diarize": ("tutorial", "diarize with Resemblyzer and spectralcluster, as most tutorials do"),
    "voice-calibration": ("voice_calibration", "fit what a cosine of two voices says"),
    "verify": ("verify", "score speaker encoders on the verification trials"),
}


def main(argv: list[str] | None = None) -> int:
    """Run the command that ``argv`` names; returns the process's exit status."""
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ("-h", "--help"):
        width = max(map(len, COMMANDS))
        lines = [f"  {name:<{width}}  {text}" for name, (_, text) in sorted(COMMANDS.items())]
        print("usage: python -m diarist_training.cli COMMAND ...\n\ncommands:\n" + "\n".join(lines))
        return 0
    name, rest = argv[0], argv[1:]
    if name not in COMMANDS:
        print(f"unknown command {name!r}; known: {', '.join(sorted(COMMANDS))}", file=sys.stderr)
        return 2
    module = importlib.import_module(f"{__package__}.{COMMANDS[name][0]}")
    parser = argparse.ArgumentParser(prog=f"diarist-training {name}", description=COMMANDS[name][1])
    module.add_arguments(parser)
    return module.run(parser.parse_args(rest)) or 0


if __name__ == "__main__":
    sys.exit(main())
