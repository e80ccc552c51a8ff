"""Reads what our writers wrote with other people's readers.

Reads JSON on standard input: a list of cases, each an object from format to text. Writes a list of
objects from format to what was read: rows of `[start, end, label]`, or for the formats with tiers
an object from tier to such rows, times in seconds.
"""

import csv
import html
import io
import json
import os
import sys
import tempfile

import pympi
import srt
import webvtt
from praatio import textgrid


def stored(reader):
    """For readers that take a path."""

    def read(text):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "file")
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            return reader(path)

    return read


def read_csv(text):
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["start", "end", "duration", "speaker"], rows[0]
    for start, end, duration, _ in rows[1:]:
        assert abs(float(end) - float(start) - float(duration)) < 1e-9
    return [[float(start), float(end), label] for start, end, _, label in rows[1:]]


def read_audacity(text):
    rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    return [[float(start), float(end), label] for start, end, label in rows]


def read_textgrid(path):
    grid = textgrid.openTextgrid(path, includeEmptyIntervals=True)
    tiers = {}
    for tier in grid.tiers:
        covered = 0.0
        for start, end, _ in tier.entries:
            assert start == covered < end, (tier.name, start, covered, end)
            covered = end
        assert covered == grid.maxTimestamp
        tiers[tier.name] = [[start, end, label] for start, end, label in tier.entries if label]
    return tiers


def read_eaf(path):
    document = pympi.Elan.Eaf(path)
    return {
        tier: [
            [start / 1000, end / 1000, label]
            for start, end, label in sorted(document.get_annotation_data_for_tier(tier))
        ]
        for tier in document.get_tier_names()
    }


def read_srt(text):
    cues = list(srt.parse(text))
    assert [cue.index for cue in cues] == list(range(1, len(cues) + 1))
    return [[cue.start.total_seconds(), cue.end.total_seconds(), cue.content] for cue in cues]


def read_webvtt(text):
    def seconds(stamp):
        return stamp.hours * 3600 + stamp.minutes * 60 + stamp.seconds + stamp.milliseconds / 1000

    captions = webvtt.from_buffer(io.StringIO(text)).captions
    # The reader takes tags away and leaves entities as they are.
    said = [(c, html.unescape(c.text)) for c in captions]
    return [[seconds(c.start_time), seconds(c.end_time), text] for c, text in said]


READERS = {
    "csv": read_csv,
    "audacity": read_audacity,
    "textgrid": stored(read_textgrid),
    "eaf": stored(read_eaf),
    "srt": read_srt,
    "webvtt": read_webvtt,
}


def main():
    cases = json.load(sys.stdin)
    json.dump([{name: READERS[name](text) for name, text in case.items()} for case in cases], sys.stdout)


if __name__ == "__main__":
    main()
