//! DER and JER against pyannote.metrics, and what must hold for every pair of annotations.

use diarist::domain::{Annotation, Score, ScoreOptions, Segment, SpeakerLabel, Timeline, Turn};
use diarist::evaluation;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::oracle::ask;

/// A turn: start, duration, speaker.
type Spoken = (f64, f64, usize);

/// Two annotations and how to score them.
#[derive(Debug, Clone)]
struct Case {
    reference: Vec<Spoken>,
    hypothesis: Vec<Spoken>,
    uem: Option<Vec<(f64, f64)>>,
    options: ScoreOptions,
}

/// Turns of up to five speakers in a minute, overlapping each other and themselves; sometimes
/// none, sometimes exact copies and turns that touch.
fn turns() -> impl Strategy<Value = Vec<Spoken>> {
    let fine = (0.0..60.0_f64, 0.05..8.0_f64, 0_usize..5);
    // Boundaries on a grid, so that turns touch and repeat; an uneven one, as equal durations
    // would leave the optimal mapping a choice that the rates are not indifferent to.
    let grid = |index: usize| index as f64 + 0.4 * (index as f64 * 1.7).sin();
    let coarse = (0_usize..60, 1_usize..6, 0_usize..3).prop_map(move |(start, length, speaker)| {
        (grid(start), grid(start + length) - grid(start), speaker)
    });
    prop_oneof![
        1 => Just(Vec::new()),
        8 => prop::collection::vec(fine, 1..20),
        3 => prop::collection::vec(coarse, 1..15),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let uem = prop::collection::vec((0.0..60.0_f64, 0.1..25.0_f64), 1..5);
    let uem = uem.prop_map(|parts| {
        let parts = parts.into_iter();
        parts
            .map(|(start, duration)| (start, start + duration))
            .collect()
    });
    let options = (
        prop::sample::select(vec![0.0, 0.25, 0.5, 2.0]),
        any::<bool>(),
    );
    let options = options.prop_map(|(collar, skip_overlap)| ScoreOptions {
        collar,
        skip_overlap,
    });
    (turns(), turns(), prop::option::of(uem), options).prop_map(
        |(reference, hypothesis, uem, options)| Case {
            reference,
            hypothesis,
            uem,
            options,
        },
    )
}

fn annotation(turns: &[Spoken]) -> Annotation {
    let turn = |&(start, duration, speaker): &Spoken| Turn {
        segment: Segment::new(start, start + duration),
        speaker: SpeakerLabel::nth(speaker),
        confidence: None,
    };
    turns.iter().map(turn).collect()
}

fn timeline(parts: &[(f64, f64)]) -> Timeline {
    let parts = parts.iter();
    parts
        .map(|&(start, end)| Segment::new(start, end))
        .collect()
}

impl Case {
    fn score(&self) -> Score {
        let uem = self.uem.as_deref().map(timeline);
        let [reference, hypothesis] = [&self.reference, &self.hypothesis].map(|t| annotation(t));
        evaluation::score(&reference, &hypothesis, uem.as_ref(), self.options).unwrap()
    }

    fn json(&self) -> Value {
        let turns = |turns: &[Spoken]| -> Vec<Value> {
            let turns = turns.iter();
            turns
                .map(|&(start, duration, who)| json!([start, start + duration, format!("s{who}")]))
                .collect()
        };
        json!({
            "reference": turns(&self.reference),
            "hypothesis": turns(&self.hypothesis),
            "uem": self.uem,
            "collar": self.options.collar,
            "skip_overlap": self.options.skip_overlap,
        })
    }
}

fn numbers(score: &Score) -> [f64; 8] {
    let (der, jer) = (score.der, score.jer);
    [
        der.total,
        der.missed,
        der.false_alarm,
        der.confusion,
        der.rate(),
        jer.speaker_error,
        jer.speakers,
        jer.rate(),
    ]
}

#[test]
fn rates_and_components_equal_pyannote_metrics() {
    // The same cases every time.
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), seed);
    let cases: Vec<_> = (0..320)
        .map(|_| case().new_tree(&mut runner).unwrap().current())
        .collect();
    let input: Vec<_> = cases.iter().map(Case::json).collect();
    let Some(oracle) = ask("score.py", &input) else {
        return;
    };

    let theirs = oracle["scores"].as_array().unwrap();
    assert_eq!(theirs.len(), cases.len());
    let scored = cases
        .iter()
        .zip(theirs)
        .filter(|(_, theirs)| !theirs.is_null());
    assert!(scored.clone().count() > 250);
    for (case, theirs) in scored.clone() {
        let ours = numbers(&case.score());
        for (index, (ours, theirs)) in ours.iter().zip(theirs.as_array().unwrap()).enumerate() {
            let theirs = theirs.as_f64().unwrap();
            assert!(
                (ours - theirs).abs() < 1e-6,
                "number {index}: {ours}, pyannote.metrics has {theirs}\n{case:#?}"
            );
        }
    }

    for corpus in oracle["corpora"].as_array().unwrap() {
        let of_corpus = |(case, _): &(&Case, _)| {
            corpus[0] == json!(case.options.collar) && corpus[1] == json!(case.options.skip_overlap)
        };
        let cases = scored.clone().filter(of_corpus);
        let total: Score = cases.map(|(case, _)| case.score()).sum();
        let rates = [total.der.rate(), total.jer.rate()];
        for (ours, theirs) in rates.iter().zip([&corpus[2], &corpus[3]]) {
            let theirs = theirs.as_f64().unwrap();
            assert!((ours - theirs).abs() < 1e-6, "{corpus}: {ours}");
        }
    }
}

proptest! {
    #[test]
    fn a_perfect_hypothesis_has_no_errors_whatever_the_names(case in case(), shift in 1_usize..9) {
        let renamed: Vec<_> = case
            .reference
            .iter()
            .map(|&(start, duration, speaker)| (start, duration, (speaker + shift) % 11))
            .collect();
        let case = Case { hypothesis: renamed, ..case };
        let score = case.score();
        prop_assert!(score.der.missed.abs() < 1e-9);
        prop_assert!(score.der.false_alarm.abs() < 1e-9);
        prop_assert!(score.der.confusion.abs() < 1e-5);
    }

    #[test]
    fn rates_stay_within_their_bounds(case in case()) {
        let score = case.score();
        let der = score.der;
        prop_assert!(der.missed <= der.total + 1e-9);
        prop_assert!(der.missed + der.confusion <= der.total + 1e-9);
        prop_assert!([der.missed, der.false_alarm, der.confusion].iter().all(|s| *s >= 0.0));
        prop_assert!((0.0..=1.0 + 1e-9).contains(&score.jer.rate()));
    }

    #[test]
    fn missed_and_false_alarm_change_places_with_the_sides(case in case()) {
        let options = ScoreOptions::default();
        let there = Case { options, ..case };
        let back = Case {
            reference: there.hypothesis.clone(),
            hypothesis: there.reference.clone(),
            ..there.clone()
        };
        let (there, back) = (there.score().der, back.score().der);
        prop_assert!((there.missed - back.false_alarm).abs() < 1e-6);
        prop_assert!((there.false_alarm - back.missed).abs() < 1e-6);
    }

    #[test]
    fn timelines_tile(parts in prop::collection::vec((0.0..60.0_f64, 0.0..60.0_f64), 0..12)) {
        let parts: Vec<_> = parts.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect();
        let extent = Segment::new(10.0, 50.0);
        let support = timeline(&parts).support(0.0);
        let whole: Timeline = [extent].into_iter().collect();
        let covered = support.crop(&whole).duration() + support.gaps(extent).duration();
        prop_assert!((covered - extent.duration()).abs() < 1e-4);
        prop_assert_eq!(support.support(0.0), support.clone());
        prop_assert!(whole.without(&support).crop(&support).is_empty());
    }

    #[test]
    fn rttm_written_reads_back_and_is_written_alike(case in case()) {
        let annotation = annotation(&case.reference);
        let text = diarist::formats::rttm::write("a b", &annotation);
        let back = diarist::formats::rttm::parse(&text).unwrap();
        let again = back.get("a_b").map(|turns| diarist::formats::rttm::write("a_b", turns));
        // Turns that begin within a millisecond of each other may change places.
        let lines = |text: &str| {
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort_unstable();
            lines
        };
        prop_assert_eq!(lines(&again.unwrap_or_default()), lines(&text));
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC{0,80}", line in "SPEAKER( [-.0-9a-z<>]{0,8}){0,10}") {
        for text in [text, line] {
            let _ = diarist::formats::rttm::parse(&text);
            let _ = diarist::formats::uem::parse(&text);
        }
    }
}
