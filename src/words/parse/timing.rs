//! From what a document says to words in order, each with its time.

use super::json;
use super::{MAX_WORDS, TranscriptError};
use crate::domain::{Segment, Transcript, Word};

/// Times beyond this many seconds (over three years) are taken for a mistake.
const MAX_SECONDS: f64 = 1e8;

/// A word, or a segment without timed words, lasts no longer than this, in seconds. It bounds how
/// many turns are compared with one word.
const MAX_DURATION: f64 = 3600.0;

/// Words that belong together.
#[derive(Debug)]
pub(super) struct Passage {
    /// When the whole passage starts and ends, where that is said.
    pub(super) bounds: [Option<f64>; 2],
    /// What is said.
    pub(super) words: Vec<json::Word>,
}

/// The passages' words, each checked and with a time.
pub(super) fn timed(passages: Vec<Passage>) -> Result<Transcript, TranscriptError> {
    let given = passages.iter().map(|passage| passage.words.len()).sum();
    if given > MAX_WORDS {
        return Err(TranscriptError::TooManyWords { given });
    }
    // Whisper writes the space between words in front of them; elsewhere words come bare.
    let all = passages.iter().flat_map(|passage| &passage.words);
    let spaces_written = all.clone().any(|word| word.text.starts_with(' '));
    let mut words: Vec<Word> = Vec::with_capacity(given);
    let mut number = 0;
    for passage in passages {
        let segments = times(&passage, number)?;
        for (word, segment) in passage.words.into_iter().zip(segments) {
            number += 1;
            check(number, segment)?;
            let text = word.text.trim();
            if text.is_empty() {
                continue;
            }
            let before = words.last().and_then(|word| word.text.chars().next_back());
            words.push(Word {
                segment,
                speaker: None,
                confidence: word.confidence.filter(|confidence| confidence.is_finite()),
                spaced: if spaces_written {
                    word.text.starts_with(char::is_whitespace)
                } else {
                    !(before.is_some_and(unspaced) && text.starts_with(unspaced))
                },
                text: text.to_owned(),
            });
        }
    }
    Ok(words.into_iter().collect())
}

/// When each word of the passage takes place; `before` words came before it.
///
/// Words without times share what lies between the nearest times known before and after them.
fn times(passage: &Passage, before: usize) -> Result<Vec<Segment>, TranscriptError> {
    let words = &passage.words;
    let [mut known, last] = passage.bounds;
    let mut segments = Vec::with_capacity(words.len());
    let mut index = 0;
    while index < words.len() {
        if let Some(start) = words[index].start {
            let next = || words.get(index + 1)?.start;
            let end = words[index].end.or_else(next).or(last);
            let end = end.unwrap_or(start);
            segments.push(Segment::new(start, end));
            known = Some(end);
            index += 1;
            continue;
        }
        let untimed = words[index..]
            .iter()
            .take_while(|word| word.start.is_none());
        let count = untimed.count();
        let next = words.get(index + count).and_then(|word| word.start);
        let (from, to) = match (known, next.or(last)) {
            (Some(from), Some(to)) => (from, to.max(from)),
            (Some(time), None) | (None, Some(time)) => (time, time),
            (None, None) => {
                return Err(TranscriptError::NoTimes {
                    word: before + index + 1,
                });
            }
        };
        let share = (to - from) / count as f64;
        segments.extend((0..count).map(|place| {
            let start = from + place as f64 * share;
            Segment::new(start, (start + share).min(to))
        }));
        index += count;
    }
    Ok(segments)
}

/// Refuses a time that cannot be.
fn check(word: usize, segment: Segment) -> Result<(), TranscriptError> {
    let duration = segment.end - segment.start;
    let checks = [
        ("the start", segment.start, 0.0, MAX_SECONDS),
        (
            "the end",
            segment.end,
            segment.start,
            MAX_SECONDS + MAX_DURATION,
        ),
        ("the duration", duration, 0.0, MAX_DURATION),
    ];
    for (what, given, least, most) in checks {
        // Not a number lies between nothing.
        if !(least..=most).contains(&given) {
            let limit = format!("between {least} and {most} seconds");
            return Err(TranscriptError::Time {
                what,
                word,
                limit,
                given,
            });
        }
    }
    Ok(())
}

/// Whether `character` is of a script that is written without spaces between words: Chinese,
/// Japanese, Thai, Lao, Burmese, Khmer.
fn unspaced(character: char) -> bool {
    matches!(character,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3001}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}
