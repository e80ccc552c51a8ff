//! Scores as a table for people and as JSON for programs.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::domain::{Score, ScoreOptions};

/// A score and how it came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScoreJson {
    /// The rates and their components.
    #[serde(flatten)]
    pub rates: RatesJson,
    /// What was left out.
    pub options: OptionsJson,
}

/// The scores of several files, and of all of them as one corpus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportJson {
    /// One entry a file.
    pub files: Vec<FileJson>,
    /// Ratios of sums over the files.
    pub total: RatesJson,
    /// What was left out.
    pub options: OptionsJson,
}

/// One file's score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileJson {
    /// The file's name in the RTTM.
    pub file: String,
    /// The rates and their components.
    #[serde(flatten)]
    pub rates: RatesJson,
}

/// Rates as fractions of 1 and their components in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RatesJson {
    /// Diarization error rate.
    pub der: f64,
    /// Jaccard error rate.
    pub jer: f64,
    /// Seconds of speech in the reference; where two speak at once, both count.
    pub total: f64,
    /// Seconds missed.
    pub missed: f64,
    /// Seconds of false alarm.
    pub false_alarm: f64,
    /// Seconds given to the wrong speaker.
    pub confusion: f64,
    /// Speakers in the scored part of the reference.
    pub speakers: f64,
}

/// What was left out, and by which convention.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OptionsJson {
    /// Total seconds left out around each boundary of the reference.
    pub collar: f64,
    /// The collar in words, since tools differ by a factor of two.
    pub collar_convention: String,
    /// Whether overlapping speech was left out.
    pub skip_overlap: bool,
}

impl OptionsJson {
    /// The options in words and numbers.
    pub fn new(options: ScoreOptions) -> Self {
        Self {
            collar: options.collar,
            collar_convention: convention(options),
            skip_overlap: options.skip_overlap,
        }
    }
}

impl ScoreJson {
    /// A score and how it came about.
    pub fn new(score: &Score, options: ScoreOptions) -> Self {
        Self {
            rates: score.into(),
            options: OptionsJson::new(options),
        }
    }
}

impl ReportJson {
    /// The scores of files by name, and their sum.
    pub fn new(rows: &[(String, Score)], options: ScoreOptions) -> Self {
        let total: Score = rows.iter().map(|(_, score)| *score).sum();
        let files = rows.iter().map(|(file, score)| FileJson {
            file: file.clone(),
            rates: score.into(),
        });
        Self {
            files: files.collect(),
            total: (&total).into(),
            options: OptionsJson::new(options),
        }
    }
}

impl From<&Score> for RatesJson {
    fn from(score: &Score) -> Self {
        Self {
            der: score.der.rate(),
            jer: score.jer.rate(),
            total: score.der.total,
            missed: score.der.missed,
            false_alarm: score.der.false_alarm,
            confusion: score.der.confusion,
            speakers: score.jer.speakers,
        }
    }
}

/// The collar as pyannote.metrics and as md-eval count it.
pub fn convention(options: ScoreOptions) -> String {
    let collar = options.collar;
    if collar > 0.0 {
        let half = collar / 2.0;
        format!(
            "{collar} s in total around each reference boundary, {half} s on each side \
             (pyannote.metrics collar={collar}, md-eval -c {half})"
        )
    } else {
        "none".to_owned()
    }
}

/// A row for every file, one for all of them, and what the columns mean. Rates and their
/// components are percentages of the reference's speech.
pub fn table(rows: &[(String, Score)], options: ScoreOptions) -> String {
    const TOTAL: &str = "TOTAL";
    let total: Score = rows.iter().map(|(_, score)| *score).sum();
    let files = rows.iter().map(|(file, _)| file.as_str());
    let width = files.chain([TOTAL, "file"]).map(str::len).max();
    let width = width.unwrap_or_default();
    let mut table = format!(
        "{:width$}  {:>7}  {:>7}  {:>7}  {:>7}  {:>7}  {:>10}\n",
        "file", "DER %", "miss %", "FA %", "conf %", "JER %", "speech s"
    );
    let rows = rows.iter().map(|(file, score)| (file.as_str(), score));
    for (file, score) in rows.chain([(TOTAL, &total)]) {
        let der = score.der;
        let percent = |seconds: f64| match der.total {
            0.0 => f64::NAN,
            total => 100.0 * seconds / total,
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "{file:width$}  {:7.2}  {:7.2}  {:7.2}  {:7.2}  {:7.2}  {:10.3}",
            100.0 * der.rate(),
            percent(der.missed),
            percent(der.false_alarm),
            percent(der.confusion),
            100.0 * score.jer.rate(),
            der.total,
        );
    }
    let overlap = if options.skip_overlap {
        "not scored"
    } else {
        "scored"
    };
    let _ = writeln!(
        table,
        "collar: {}; overlap: {overlap}; TOTAL: ratio of sums",
        convention(options)
    );
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DiarizationErrorRate, JaccardErrorRate};

    #[test]
    fn the_total_is_the_ratio_of_sums() {
        let score = |total, missed| Score {
            der: DiarizationErrorRate {
                total,
                missed,
                ..Default::default()
            },
            jer: JaccardErrorRate {
                speaker_error: 0.5,
                speakers: 1.0,
            },
        };
        let rows = [
            ("a".to_owned(), score(10.0, 5.0)),
            ("b".to_owned(), score(90.0, 0.0)),
        ];
        let options = ScoreOptions {
            collar: 0.5,
            skip_overlap: true,
        };
        let table = table(&rows, options);
        let lines: Vec<_> = table.lines().collect();
        let fields: Vec<_> = lines[3].split_whitespace().collect();
        assert_eq!(
            fields,
            ["TOTAL", "5.00", "5.00", "0.00", "0.00", "50.00", "100.000"]
        );
        assert!(lines[4].contains("md-eval -c 0.25"));
        assert!(lines[4].contains("overlap: not scored"));
    }
}
