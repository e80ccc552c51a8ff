//! Scoring a result against a reference in RTTM.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::{
    domain::{Annotation, ScoreOptions},
    evaluation::{self, EvaluationError},
    formats::{OtherRecordings, ParseError, recordings, rttm, score::ScoreJson, uem},
};

/// Why a reference cannot be used.
#[derive(Debug, Error)]
pub enum ScoringError {
    /// It is no RTTM.
    #[error("the reference is no RTTM: {0}")]
    Rttm(ParseError),
    /// The UEM is none.
    #[error("the UEM cannot be read: {0}")]
    Uem(ParseError),
    /// It is about several recordings, and none of them is this one.
    #[error("{what} {others}")]
    OtherRecordings {
        /// `the reference` or `the UEM`.
        what: &'static str,
        /// What it is about.
        others: OtherRecordings,
    },
    /// It can be read but not scored.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
}

/// The turns that `text` has for the recording `name`: those under its name, or, if it is about
/// one recording only, those, whatever it is called.
pub fn reference(text: &str, name: &str) -> Result<Annotation, ScoringError> {
    let files = rttm::parse(text).map_err(ScoringError::Rttm)?;
    pick("the reference", files, name)
}

/// Scores `hypothesis`, the result for recording `name`.
pub fn score(
    rttm: &str,
    name: &str,
    hypothesis: &Annotation,
    uem: Option<&str>,
    options: ScoreOptions,
) -> Result<ScoreJson, ScoringError> {
    let reference = reference(rttm, name)?;
    let uem = match uem {
        Some(text) => {
            let files = uem::parse(text).map_err(ScoringError::Uem)?;
            Some(pick("the UEM", files, name)?)
        }
        None => None,
    };
    let score = evaluation::score(&reference, hypothesis, uem.as_ref(), options)?;
    Ok(ScoreJson::new(&score, options))
}

fn pick<T: Default>(
    what: &'static str,
    files: BTreeMap<String, T>,
    name: &str,
) -> Result<T, ScoringError> {
    recordings::pick(files, name).map_err(|others| ScoringError::OtherRecordings { what, others })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "SPEAKER talk 1 0.0 2.0 <NA> <NA> ann <NA> <NA>\n";
    const TWO: &str = "SPEAKER talk 1 0.0 2.0 <NA> <NA> ann <NA> <NA>\n\
                       SPEAKER other 1 0.0 1.0 <NA> <NA> bob <NA> <NA>\n";

    #[test]
    fn a_lone_recording_may_be_called_anything() {
        assert_eq!(reference(ONE, "upload").unwrap().turns().len(), 1);
        assert_eq!(reference(TWO, "other").unwrap().turns().len(), 1);
        let error = reference(TWO, "upload").unwrap_err().to_string();
        assert!(
            error.contains("2 recordings") && error.contains("\"upload\""),
            "{error}"
        );
    }

    #[test]
    fn a_uem_bounds_what_is_scored() {
        let hypothesis = reference(ONE, "talk").unwrap();
        let options = ScoreOptions::default();
        let whole = score(ONE, "talk", &hypothesis, None, options).unwrap();
        let half = score(ONE, "talk", &hypothesis, Some("talk 1 0 1"), options).unwrap();
        assert!((whole.rates.total - 2.0).abs() < 1e-9 && (half.rates.total - 1.0).abs() < 1e-9);
        assert!(score(ONE, "talk", &hypothesis, Some("talk 1 x"), options).is_err());
    }
}
