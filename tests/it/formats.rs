//! What we write is read by other people's readers as we meant it.

use std::collections::BTreeMap;

use diarist::domain::{Annotation, Segment, SpeakerLabel, Turn};
use diarist::formats::{audacity, csv, eaf, srt, textgrid, webvtt};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::oracle::ask;

/// A row as the readers give it: start and end in milliseconds, and what it says.
type Row = (i64, i64, String);

/// Names as nasty as they come: quotes, separators, markup, line breaks, control characters,
/// non-characters.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just("SPEAKER_00".to_owned()),
        1 => Just("Ann Lee".to_owned()),
        3 => "[a-c \"'<>&,;=\t\r\n\\\\-äß中\u{1}\u{7f}\u{85}\u{2028}\u{fffe}]{0,12}",
    ]
}

fn annotation() -> impl Strategy<Value = Annotation> {
    let turn = (0..60_000_u32, 1..8_000_u32, 0_usize..4);
    let turns = prop::collection::vec(turn, 0..12);
    (turns, prop::collection::vec(name(), 4)).prop_map(|(turns, names)| {
        let turns = turns.into_iter().map(|(start, length, who)| Turn {
            segment: Segment::new(
                f64::from(start) / 1000.0,
                f64::from(start + length) / 1000.0,
            ),
            speaker: SpeakerLabel::named(&names[who]),
            confidence: None,
        });
        turns.collect()
    })
}

fn cases(count: usize) -> Vec<Annotation> {
    // The same cases every time.
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[11; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), seed);
    let case = |_| annotation().new_tree(&mut runner).unwrap().current();
    (0..count).map(case).collect()
}

/// The name that a format of lines can hold.
fn on_a_line(name: &str) -> String {
    let words: Vec<_> = name
        .split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() {
        "unknown".to_owned()
    } else {
        words.join(" ")
    }
}

fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

fn rows(annotation: &Annotation, label: impl Fn(&str) -> String) -> Vec<Row> {
    let turns = annotation.turns().iter();
    turns
        .map(|turn| {
            let [start, end] = [turn.segment.start, turn.segment.end].map(milliseconds);
            (start, end, label(turn.speaker.as_str()))
        })
        .collect()
}

/// What each speaker's tier holds: their turns, those that overlap as one.
fn tiers(annotation: &Annotation) -> BTreeMap<String, Vec<Row>> {
    let mut tiers: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in rows(annotation, on_a_line) {
        let tier = tiers.entry(row.2.clone()).or_default();
        match tier.last_mut() {
            Some(last) if row.0 < last.1 => last.1 = last.1.max(row.1),
            _ => tier.push(row),
        }
    }
    tiers
}

fn read(rows: &Value) -> Vec<Row> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        let [start, end] = [&row[0], &row[1]].map(|time| milliseconds(time.as_f64().unwrap()));
        (start, end, row[2].as_str().unwrap().to_owned())
    })
    .collect()
}

fn read_tiers(tiers: &Value) -> BTreeMap<String, Vec<Row>> {
    let tiers = tiers.as_object().unwrap().iter();
    tiers
        .map(|(name, rows)| (name.clone(), read(rows)))
        .collect()
}

#[test]
fn other_peoples_readers_find_what_was_written() {
    let cases = cases(120);
    let written: Vec<_> = cases
        .iter()
        .map(|annotation| {
            json!({
                "csv": csv::write(annotation).unwrap(),
                "audacity": audacity::write(annotation),
                "textgrid": textgrid::write(annotation, 30.0),
                "eaf": eaf::write(annotation, "2026-01-31T12:00:00Z").unwrap(),
                "srt": srt::write(annotation),
                "webvtt": webvtt::write(annotation),
            })
        })
        .collect();
    let Some(oracle) = ask("formats.py", &written) else {
        return;
    };
    let replaced = |name: &str| on_a_line(name).replace('\u{fffe}', "\u{fffd}");
    for (annotation, oracle) in cases.iter().zip(oracle.as_array().unwrap()) {
        assert_eq!(read(&oracle["csv"]), rows(annotation, str::to_owned), "csv");
        let lines = rows(annotation, on_a_line);
        assert_eq!(read(&oracle["audacity"]), lines, "audacity");
        assert_eq!(read(&oracle["webvtt"]), lines, "webvtt");
        let bracketed = rows(annotation, |name| format!("[{}]", on_a_line(name)));
        assert_eq!(read(&oracle["srt"]), bracketed, "srt");

        let tiers = tiers(annotation);
        let mut grid = read_tiers(&oracle["textgrid"]);
        if tiers.is_empty() {
            assert_eq!(grid.remove("speech"), Some(Vec::new()));
        }
        assert_eq!(grid, tiers, "textgrid");
        let named: BTreeMap<_, _> = tiers
            .into_iter()
            .map(|(name, rows)| {
                let rows = rows.into_iter();
                let rows = rows.map(|(start, end, name)| (start, end, replaced(&name)));
                (replaced(&name), rows.collect::<Vec<_>>())
            })
            .collect();
        assert_eq!(read_tiers(&oracle["eaf"]), named, "eaf");
    }
}

proptest! {
    #[test]
    fn a_tier_is_never_empty_and_never_overlaps_itself(annotation in annotation()) {
        let grid = textgrid::write(&annotation, 0.0);
        let number = |line: &str, key: &str| -> Option<f64> {
            line.trim().strip_prefix(key)?.parse().ok()
        };
        let lines: Vec<_> = grid.lines().filter(|line| line.starts_with("            ")).collect();
        for interval in lines.chunks(3) {
            let start = number(interval[0], "xmin = ").unwrap();
            let end = number(interval[1], "xmax = ").unwrap();
            prop_assert!(start < end, "{grid}");
        }
    }

    #[test]
    fn a_turn_is_a_line_whatever_the_name(annotation in annotation()) {
        let turns = annotation.turns().len();
        prop_assert_eq!(audacity::write(&annotation).lines().count(), turns);
        prop_assert_eq!(srt::write(&annotation).lines().count(), 4 * turns);
        prop_assert_eq!(webvtt::write(&annotation).lines().count(), 2 + 3 * turns);
    }
}
