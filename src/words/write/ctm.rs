//! CTM, the time-marked conversation format (NIST SCTK): `<file> <channel> <start> <duration>
//! <word> [<confidence>]`. It has no speakers.

use std::fmt::Write as _;

use crate::domain::{Segment, Transcript, Word};
use crate::formats::plain::{milliseconds, seconds};
use crate::formats::rttm;

/// Writes a line for every word of recording `file`.
///
/// A field cannot hold a space: words that were timed together share their time in proportion to
/// their letters.
pub fn write(file: &str, transcript: &Transcript) -> String {
    let file = rttm::name(file);
    let mut ctm = String::new();
    for word in transcript.words() {
        for (text, segment) in single(word) {
            let [start, end] = [segment.start, segment.end].map(milliseconds);
            let [start, duration] = [start, end - start].map(seconds);
            // Writing to a string cannot fail.
            let _ = match word.confidence {
                Some(confidence) => {
                    writeln!(ctm, "{file} 1 {start} {duration} {text} {confidence:.3}")
                }
                None => writeln!(ctm, "{file} 1 {start} {duration} {text}"),
            };
        }
    }
    ctm
}

/// The words that are timed as one, each with its share of the time.
fn single(word: &Word) -> impl Iterator<Item = (&str, Segment)> {
    let texts = || word.text.split_whitespace();
    let letters = |text: &str| text.chars().count() as f64;
    let all: f64 = texts().map(letters).sum();
    let Segment { start, end } = word.segment;
    let second = (end - start) / all;
    let mut before = 0.0;
    texts().map(move |text| {
        let from = start + before * second;
        before += letters(text);
        let to = (start + before * second).min(end);
        (text, Segment::new(from, to))
    })
}
