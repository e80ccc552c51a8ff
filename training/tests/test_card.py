"""Cards: blocks are replaced by tables made from measurements, and committed cards are current."""

import json
from pathlib import Path

import pytest

from diarist_training.card import BLOCK, CardError, render

CARDS = sorted((Path(__file__).resolve().parents[2] / "models").glob("*/card.md"))
SPEED = {"processor": "some CPU", "onnxruntime": "1.2.3", "window_seconds": 1.5, "rows": [
    {"model": "a.onnx", "threads": 1, "batch": 1, "audio_seconds_per_second": 12.4},
    {"model": "a.onnx", "threads": 1, "batch": 8, "audio_seconds_per_second": 99.6}]}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "measurements").mkdir()
    (tmp_path / "measurements" / "speed.json").write_text(json.dumps(SPEED))
    return tmp_path


def test_a_block_is_replaced_and_the_words_around_it_stay(folder):
    text = render("before\n<!-- speed -->\nold\n<!-- /speed -->\nafter\n", folder)
    assert "old" not in text
    assert "| a.onnx | 1 | 12 | 100 |" in text
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    assert render(text, folder) == text


def test_rates_are_compared_on_the_same_trials(folder):
    row = {"set": "verify", "corpus": "all", "length": "1.5"}
    results = [row | {"system": "fp32", "eer": 0.050}, row | {"system": "int8", "eer": 0.052},
               row | {"system": "resemblyzer", "eer": 0.1}]
    target = folder / "measurements" / "verification"
    target.mkdir()
    (target / "verification.json").write_text(json.dumps({"results": results}))
    text = render("<!-- eer-change -->\n<!-- /eer-change -->\n<!-- against-resemblyzer -->\n<!-- /against-resemblyzer -->\n", folder)
    change, _, against = text.partition("against-resemblyzer")
    assert "| verify | 1.5 s | int8 | 5.20 | 5.00 | +0.20 |" in change
    assert "resemblyzer" not in change
    assert "| verify | 1.5 s | int8 | 5.20 | 10.00 | 0.52 |" in against
    assert "| verify | 1.5 s | fp32 | 5.00 | 10.00 | 0.50 |" in against


def test_diarization_by_speakers_takes_simulated_reports_without_collar(folder):
    target = folder / "measurements" / "diarization"
    target.mkdir()
    rates = {"files": 5, "miss": 0.01, "false_alarm": 0.02, "confusion": 0.03, "count_right": 0.4, "count_error": 0.6}
    rows = [rates | {"speakers": count, "collar": collar, "der": der, "jer": 2 * der}
            for count, collar, der in (("all", 0.0, 0.10), ("2", 0.0, 0.08), ("10", 0.0, 0.12), ("2", 0.25, 0.05))]
    for name in ("simulated-int8", "real-int8"):
        (target / f"{name}.json").write_text(json.dumps({"rows": rows}))
    text = render("<!-- diarization-by-speakers -->\n<!-- /diarization-by-speakers -->\n", folder)
    assert text.splitlines()[1:-1] == ["| speakers | simulated-int8 |", "|---|---|", "| 2 | 8.00 / 16.00 |", "| 10 | 12.00 / 24.00 |"]
    text = render("<!-- diarization -->\n<!-- /diarization -->\n", folder)
    assert "| real-int8 | 5 | 0 | 10.00 | 1.00 | 2.00 | 3.00 | 20.00 | 40% | 0.60 |" in text


def test_an_unknown_table_is_named(folder):
    with pytest.raises(CardError, match="'sped'"):
        render("<!-- sped -->\n<!-- /sped -->\n", folder)


def test_a_missing_measurement_is_named(folder):
    with pytest.raises(CardError, match="training.json"):
        render("<!-- training -->\n<!-- /training -->\n", folder)


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.parent.name)
def test_committed_card_is_current(path):
    text = path.read_text(encoding="utf-8")
    assert BLOCK.search(text)
    assert render(text, path.parent) == text
