//! Scoring a hypothesis against a reference.
//!
//! [`score`] gives the diarization error rate and the Jaccard error rate with their components.
//! Both follow pyannote.metrics (H. Bredin, "pyannote.metrics: a toolkit for reproducible
//! evaluation, diagnostic, and error analysis of speaker diarization systems", Interspeech 2017)
//! to the last rule, its collar included: [`ScoreOptions::collar`] is the *total* width that goes
//! unscored around each boundary of the reference. NIST's md-eval counts from the boundary to
//! each side, so its `-c 0.25` is a collar of 0.5 here.
//!
//! Where one speaker has two turns at once, the reference asks for two speakers and a hypothesis
//! has to give two: turns are counted, not names.

mod mapping;
mod rates;
mod region;
mod sweep;

pub use mapping::optimal_mapping;
use thiserror::Error;

use crate::domain::{Annotation, Score, ScoreOptions, Timeline};

/// More speakers than this on one side are refused: the optimal mapping takes time that grows
/// with the cube of their number.
pub const MAX_SPEAKERS: usize = 2000;

/// Why a pair cannot be scored.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum EvaluationError {
    /// A collar below zero or not a number.
    #[error("collar must be between 0 and 3600 seconds; given: {0}")]
    Collar(f64),
    /// Too many names to map.
    #[error("the {side} must have at most {MAX_SPEAKERS} speakers; given: {given}")]
    TooManySpeakers {
        /// `reference` or `hypothesis`.
        side: &'static str,
        /// How many there are.
        given: usize,
    },
}

/// Scores `hypothesis` against `reference` within `uem`, or, without one, within the stretch
/// from the first start to the last end of either.
///
/// # Errors
/// An impossible collar, or more than [`MAX_SPEAKERS`] speakers.
pub fn score(
    reference: &Annotation,
    hypothesis: &Annotation,
    uem: Option<&Timeline>,
    options: ScoreOptions,
) -> Result<Score, EvaluationError> {
    if !(0.0..=3600.0).contains(&options.collar) {
        return Err(EvaluationError::Collar(options.collar));
    }
    let sides = [("reference", reference), ("hypothesis", hypothesis)];
    for (side, annotation) in sides {
        let given = annotation.speakers().len();
        if given > MAX_SPEAKERS {
            return Err(EvaluationError::TooManySpeakers { side, given });
        }
    }
    let region = region::scored(reference, hypothesis, uem, options);
    let (reference, hypothesis) = (reference.crop(&region), hypothesis.crop(&region));
    Ok(rates::of(&reference, &hypothesis))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DiarizationErrorRate, Segment, SpeakerLabel, Turn};

    fn annotation(turns: &[(f64, f64, &str)]) -> Annotation {
        let turn = |&(start, end, name): &(f64, f64, &str)| Turn {
            segment: Segment::new(start, end),
            speaker: SpeakerLabel::named(name),
            confidence: None,
        };
        turns.iter().map(turn).collect()
    }

    #[test]
    fn names_do_not_matter_but_who_is_who_does() {
        let reference = annotation(&[(0.0, 4.0, "ann"), (4.0, 6.0, "bob")]);
        let renamed = annotation(&[(0.0, 4.0, "1"), (4.0, 6.0, "0")]);
        let merged = annotation(&[(0.0, 6.0, "0")]);
        let whole = ScoreOptions::default();
        let perfect = score(&reference, &renamed, None, whole).unwrap();
        assert_eq!((perfect.der.rate(), perfect.jer.rate()), (0.0, 0.0));
        let merged = score(&reference, &merged, None, whole).unwrap();
        let expected = DiarizationErrorRate {
            total: 6.0,
            confusion: 2.0,
            ..Default::default()
        };
        assert_eq!(merged.der, expected);
        // ann: 2 s too many of 6; bob: nobody.
        assert!((merged.jer.rate() - 0.5 * (2.0 / 6.0 + 1.0)).abs() < 1e-12);
    }

    #[test]
    fn a_uem_a_collar_and_skipped_overlap_shrink_what_is_scored() {
        let reference = annotation(&[(1.0, 5.0, "a"), (4.0, 8.0, "b")]);
        let nothing = Annotation::default();
        let total = |uem: Option<&Timeline>, collar, skip_overlap| {
            let options = ScoreOptions {
                collar,
                skip_overlap,
            };
            score(&reference, &nothing, uem, options).unwrap().der.total
        };
        let uem = [Segment::new(0.0, 4.5)].into_iter().collect();
        assert!((total(None, 0.0, false) - 8.0).abs() < 1e-12);
        assert!((total(Some(&uem), 0.0, false) - 4.0).abs() < 1e-12);
        // Half a second goes at 1 and at 8, a whole second of single speech at 4 and at 5 as
        // half of each lies in the overlap, which counts twice.
        assert!((total(None, 1.0, false) - (8.0 - 0.5 - 0.5 - 1.5 - 1.5)).abs() < 1e-12);
        assert!((total(None, 0.0, true) - 6.0).abs() < 1e-12);
    }

    #[test]
    fn silence_on_either_side_has_a_defined_score() {
        let (silence, speech) = (Annotation::default(), annotation(&[(0.0, 1.0, "a")]));
        let rates = |reference, hypothesis| {
            let score = score(reference, hypothesis, None, ScoreOptions::default()).unwrap();
            (score.der.rate(), score.jer.rate())
        };
        assert_eq!(rates(&silence, &silence), (0.0, 1.0));
        assert_eq!(rates(&silence, &speech), (1.0, 1.0));
        assert_eq!(rates(&speech, &silence), (1.0, 1.0));
    }

    #[test]
    fn what_cannot_be_scored_says_why() {
        let crowd: Annotation = (0..=MAX_SPEAKERS)
            .map(|index| Turn {
                segment: Segment::new(0.0, 1.0),
                speaker: SpeakerLabel::nth(index),
                confidence: None,
            })
            .collect();
        let error = score(&crowd, &crowd, None, ScoreOptions::default()).unwrap_err();
        assert!(error.to_string().ends_with("2000 speakers; given: 2001"));
        let options = ScoreOptions {
            collar: f64::NAN,
            skip_overlap: false,
        };
        let silence = Annotation::default();
        assert!(score(&silence, &silence, None, options).is_err());
    }
}
