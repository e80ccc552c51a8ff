//! The JSON of `OpenAI`'s API (`verbose_json`), Whisper and `WhisperX`.

use super::json::{Document, Segment, Word};
use super::timing::Passage;

/// The document's words; those of segments stay together. Absent if the document has neither.
pub(super) fn passages(document: Document) -> Option<Vec<Passage>> {
    match (document.words, document.segments) {
        (None, None) => None,
        // A list of words may be there and empty where only segments were asked for.
        (Some(words), segments) if !words.is_empty() || segments.is_none() => {
            let bounds = [None, None];
            Some(vec![Passage { bounds, words }])
        }
        (_, segments) => Some(segments.into_iter().flatten().map(passage).collect()),
    }
}

/// A segment's words; if none were timed, all its text as one.
fn passage(segment: Segment) -> Passage {
    let bounds = [segment.start, segment.end];
    let words = segment.words.filter(|words| !words.is_empty());
    let words = words.unwrap_or_else(|| {
        let whole = segment.text.map(|text| Word {
            text,
            start: segment.start,
            end: segment.end,
            confidence: None,
        });
        whole.into_iter().collect()
    });
    Passage { bounds, words }
}
