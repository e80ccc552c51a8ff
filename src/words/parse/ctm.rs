//! CTM, the time-marked conversation format (NIST SCTK): `<file> <channel> <start> <duration>
//! <word> [<confidence>]`, times in seconds.

use std::collections::BTreeMap;

use super::json::Word;
use super::timing::Passage;
use super::{MAX_WORDS, TranscriptError};
use crate::formats::{
    ParseError,
    lines::{fields, seconds},
    recordings,
};

/// Some tools add a type and a speaker to the fields above; what has more is another format, such
/// as RTTM.
const MAX_FIELDS: usize = 8;

/// The words of recording `name`, or of the one recording that `text` is about.
///
/// Of alternatives (`<ALT_BEGIN> ... <ALT> ... <ALT_END>`) the first one counts.
pub(super) fn parse(text: &str, name: &str) -> Result<Vec<Passage>, TranscriptError> {
    let mut recordings: BTreeMap<String, Vec<Word>> = BTreeMap::new();
    let mut in_other_alternative = false;
    let mut count = 0;
    for (line, fields) in fields(text) {
        match fields.get(4).copied() {
            Some("<ALT_BEGIN>" | "<ALT_END>") => in_other_alternative = false,
            Some("<ALT>") => in_other_alternative = true,
            _ if in_other_alternative => {}
            _ => {
                count += 1;
                if count > MAX_WORDS {
                    return Err(TranscriptError::TooManyWords { given: count });
                }
                let word = word(line, &fields).map_err(TranscriptError::Ctm)?;
                recordings
                    .entry(fields[0].to_owned())
                    .or_default()
                    .push(word);
            }
        }
    }
    let words = recordings::pick(recordings, name)?;
    let bounds = [None, None];
    Ok(vec![Passage { bounds, words }])
}

fn word(line: usize, fields: &[&str]) -> Result<Word, ParseError> {
    if fields.len() > MAX_FIELDS {
        let count = fields.len();
        let reason = format!("a line must have at most {MAX_FIELDS} fields; given: {count}");
        return Err(ParseError { line, reason });
    }
    let start = seconds(line, fields, 2, "the start (field 3)")?;
    let duration = seconds(line, fields, 3, "the duration (field 4)")?;
    let Some(text) = fields.get(4) else {
        let count = fields.len();
        let reason = format!("the word (field 5) is missing: the line has {count} fields");
        return Err(ParseError { line, reason });
    };
    Ok(Word {
        text: (*text).into(),
        start: Some(start),
        end: Some(start + duration),
        confidence: fields.get(5).and_then(|field| field.parse().ok()),
    })
}
