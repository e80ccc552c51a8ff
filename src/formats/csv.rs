//! Comma-separated values (RFC 4180) for spreadsheets and data frames: a header, then one row a
//! turn, times in seconds.

use ::csv::{Terminator, WriterBuilder};

use super::plain::{milliseconds, seconds};
use crate::domain::Annotation;

/// Writes `start,end,duration,speaker` and one row for every turn.
pub fn write(annotation: &Annotation) -> Result<String, ::csv::Error> {
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(Vec::new());
    writer.write_record(["start", "end", "duration", "speaker"])?;
    for turn in annotation.turns() {
        let [start, end] = [turn.segment.start, turn.segment.end].map(milliseconds);
        let times = [start, end, end - start].map(seconds);
        let fields = times.iter().map(String::as_str);
        writer.write_record(fields.chain([turn.speaker.as_str()]))?;
    }
    let bytes = writer
        .into_inner()
        .map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use crate::domain::{Segment, SpeakerLabel, Turn};

    #[test]
    fn names_with_commas_and_quotes_are_quoted() {
        let turn = |start, end, name: &str| Turn {
            segment: Segment::new(start, end),
            speaker: SpeakerLabel::named(name),
            confidence: None,
        };
        let turns = [
            turn(0.5, 1.2346, "SPEAKER_00"),
            turn(2.0, 3.0, "Lee, \"A\""),
        ];
        assert_eq!(
            super::write(&turns.into_iter().collect()).unwrap(),
            "start,end,duration,speaker\r\n0.500,1.235,0.735,SPEAKER_00\r\n\
             2.000,3.000,1.000,\"Lee, \"\"A\"\"\"\r\n"
        );
    }
}
