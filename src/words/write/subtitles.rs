//! Cues that can be read while they are shown.

use crate::domain::{Segment, Transcript, Utterance, Word};
use crate::words::smooth::ends_sentence;

/// Characters a cue has at most: two lines of 42, the common limit of subtitling guides.
const MAX_CHARACTERS: usize = 84;

/// Seconds a cue is shown at most.
const MAX_SECONDS: f64 = 7.0;

/// A pause of so many seconds ends a cue.
const PAUSE: f64 = 1.0;

/// Each utterance in pieces short enough for a screen. A cue ends with a sentence, before a pause,
/// and before the word that would make it too long; a single word is never divided.
pub(super) fn cues(transcript: &Transcript) -> impl Iterator<Item = Utterance<'_>> {
    transcript.utterances().flat_map(|utterance| {
        pieces(utterance.words).map(move |words| Utterance { words, ..utterance })
    })
}

fn pieces(words: &[Word]) -> impl Iterator<Item = &[Word]> {
    let mut rest = words;
    std::iter::from_fn(move || {
        let start = rest.first()?.segment.start;
        let mut characters = 0;
        let mut end = start;
        let fitting = rest
            .iter()
            .zip([None].into_iter().chain(rest.iter().map(Some)));
        let fitting = fitting.take_while(|(word, before)| {
            characters += word.text.chars().count() + usize::from(word.spaced);
            let pause = word.segment.start - end;
            end = end.max(word.segment.end);
            before.is_none_or(|before| {
                characters <= MAX_CHARACTERS
                    && end - start <= MAX_SECONDS
                    && pause < PAUSE
                    && !ends_sentence(&before.text)
            })
        });
        let (piece, after) = rest.split_at(fitting.count());
        rest = after;
        Some(piece)
    })
}

/// When a cue is shown: players drop cues without length, so one that has none lasts a tenth of a
/// second.
pub(super) fn shown(cue: &Utterance<'_>) -> Segment {
    let segment = cue.segment();
    Segment::new(segment.start, segment.end.max(segment.start + 0.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Segment;

    #[test]
    fn cues_end_with_sentences_pauses_and_the_screen() {
        let word = |start: f64, text: &str| Word {
            text: text.to_owned(),
            segment: Segment::new(start, start + 0.4),
            speaker: None,
            confidence: None,
            spaced: true,
        };
        let mut words = vec![word(0.0, "Yes."), word(0.5, "Well"), word(2.5, "so")];
        words.extend((0..30).map(|index| word(3.0 + 0.2 * f64::from(index), "word")));
        words.push(word(20.0, &"x".repeat(200)));
        let transcript: Transcript = words.into_iter().collect();
        let cues: Vec<_> = cues(&transcript).map(|cue| cue.text()).collect();
        assert_eq!(cues[..2], ["Yes.", "Well"]);
        assert!(cues[2].starts_with("so word") && cues[2].chars().count() <= MAX_CHARACTERS);
        assert_eq!(cues.last().unwrap().len(), 200);
        assert_eq!(cues.join(" "), transcript.text());
    }
}
