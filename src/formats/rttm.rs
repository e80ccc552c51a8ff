//! RTTM, the Rich Transcription Time Marked format (NIST RT-09 evaluation plan, appendix A).
//!
//! One line a turn, ten fields: `SPEAKER <file> <channel> <start> <duration> <NA> <NA> <speaker>
//! <NA> <NA>`, times in seconds.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::lines::{ParseError, excerpt, fields, seconds};
use crate::domain::{Annotation, Diarization, Segment, SpeakerLabel, Turn};

/// Writes the turns of one recording, times to the millisecond.
///
/// RTTM has no way to quote: white space within `file` and speakers becomes `_`.
pub fn write(file: &str, annotation: &Annotation) -> String {
    write_channels(file, annotation, |speaker| (None, speaker.as_str()))
}

/// Writes a result, each turn with the channel of its speaker (1, where channels were not told apart)
/// and the speaker's name, where `names` has one for its label.
pub fn write_result<'a>(
    file: &str,
    diarization: &Diarization,
    names: impl Fn(&str) -> Option<&'a str>,
) -> String {
    write_channels(file, &diarization.annotation, |speaker| {
        let name = names(speaker.as_str()).unwrap_or(speaker.as_str());
        (diarization.channel_of(speaker), name)
    })
}

fn write_channels<'a>(
    file: &str,
    annotation: &'a Annotation,
    describe: impl Fn(&'a SpeakerLabel) -> (Option<u16>, &'a str),
) -> String {
    let file = name(file);
    let mut rttm = String::new();
    for turn in annotation.turns() {
        // Rounded ends, not rounded durations, so that turns that touch still do in the file.
        let start = milliseconds(turn.segment.start);
        let duration = milliseconds(turn.segment.end) - start;
        let (start, duration) = (start / 1000.0, duration / 1000.0);
        let (channel, speaker) = describe(&turn.speaker);
        let (channel, speaker) = (channel.unwrap_or(1), name(speaker));
        // Writing to a string cannot fail.
        let _ = writeln!(
            rttm,
            "SPEAKER {file} {channel} {start:.3} {duration:.3} <NA> <NA> {speaker} <NA> <NA>"
        );
    }
    rttm
}

fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round()
}

/// `text` as one field: never empty, no white space.
pub(crate) fn name(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    if words.is_empty() {
        "unknown".to_owned()
    } else {
        words.join("_")
    }
}

/// Reads the turns of every file that `text` tells of.
///
/// Line types other than `SPEAKER` are skipped, fields after the speaker may be missing, turns
/// without duration are dropped.
///
/// # Errors
/// The first line that is neither a `SPEAKER` line nor of another known type, or whose times are
/// not.
pub fn parse(text: &str) -> Result<BTreeMap<String, Annotation>, ParseError> {
    let mut turns: BTreeMap<String, Vec<Turn>> = BTreeMap::new();
    for (line, fields) in fields(text) {
        match fields[0] {
            "SPEAKER" => {
                let (file, turn) = turn(line, &fields)?;
                turns.entry(file.to_owned()).or_default().push(turn);
            }
            "SPKR-INFO" | "NOSCORE" | "NON-SPEECH" | "NON-LEX" | "LEXEME" | "SEGMENT"
            | "NO_RT_METADATA" | "IP" | "FILLER" | "EDIT" | "SU" | "CB" | "A/P" => {}
            other => {
                let reason = format!("expected SPEAKER; found: {}", excerpt(other));
                return Err(ParseError { line, reason });
            }
        }
    }
    let files = turns.into_iter();
    Ok(files
        .map(|(file, turns)| (file, turns.into_iter().collect()))
        .collect())
}

fn turn<'a>(line: usize, fields: &[&'a str]) -> Result<(&'a str, Turn), ParseError> {
    let start = seconds(line, fields, 3, "the start (field 4)")?;
    let duration = seconds(line, fields, 4, "the duration (field 5)")?;
    let speaker = fields.get(7).ok_or_else(|| {
        let count = fields.len();
        let reason = format!("the speaker (field 8) is missing: the line has {count} fields");
        ParseError { line, reason }
    })?;
    let turn = Turn {
        segment: Segment::new(start, start + duration),
        speaker: SpeakerLabel::named(*speaker),
        confidence: None,
    };
    Ok((fields[1], turn))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let turn = |start, end, name: &str| Turn {
            segment: Segment::new(start, end),
            speaker: SpeakerLabel::named(name),
            confidence: None,
        };
        let annotation: Annotation = [turn(0.0004, 1.2346, "SPEAKER_00"), turn(1.2346, 2.0, "b c")]
            .into_iter()
            .collect();
        let rttm = write("my talk", &annotation);
        assert_eq!(
            rttm,
            "SPEAKER my_talk 1 0.000 1.235 <NA> <NA> SPEAKER_00 <NA> <NA>\n\
             SPEAKER my_talk 1 1.235 0.765 <NA> <NA> b_c <NA> <NA>\n"
        );
        assert_eq!(write("my_talk", &parse(&rttm).unwrap()["my_talk"]), rttm);
    }

    #[test]
    fn readers_of_other_peoples_files_are_tolerant() {
        let rttm = "\u{feff};; a comment\r\n\nSPKR-INFO a 1 <NA> <NA> <NA> unknown x <NA>\n\
                    SPEAKER\ta  1 0.5   1 <NA> <NA> x\r\nSPEAKER b 1 0 0 <NA> <NA> y <NA> <NA>";
        let files = parse(rttm).unwrap();
        assert_eq!(
            files["a"].turns()[0].segment,
            crate::domain::Segment::new(0.5, 1.5)
        );
        assert!(files["b"].is_empty());
    }

    #[test]
    fn wrong_lines_are_named() {
        let message = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(
            message("SPEAKER a 1 0 1 <NA> <NA> x\nhello world"),
            "line 2: expected SPEAKER; found: \"hello\""
        );
        assert_eq!(
            message("SPEAKER a 1 -3 1 <NA> <NA> x"),
            "line 1: the start (field 4) must be between 0 and 100000000 seconds; given: \"-3\""
        );
        assert!(message("SPEAKER a 1 NaN 1 <NA> <NA> x").contains("must be between"));
        assert!(message("SPEAKER a 1 0 x <NA> <NA> x").contains("a number of seconds"));
        assert!(message("SPEAKER a 1 0").ends_with("is missing: the line has 4 fields"));
        assert!(message("SPEAKER a 1 0 1 <NA>").contains("speaker (field 8) is missing"));
        assert!(message(&"é".repeat(1000)).len() < 200);
    }
}
