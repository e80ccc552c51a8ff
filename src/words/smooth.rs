//! One speaker a sentence.

use std::collections::HashMap;

use crate::domain::{SpeakerLabel, Transcript, Word};

/// A sentence of more words than this is left as it is: where a transcriber writes no full stops,
/// a whole recording would be one.
const MAX_WORDS: usize = 50;

/// Gives every sentence to the speaker who has more than half of its words; one that nobody has
/// most of stays divided.
///
/// A sentence ends at a word that ends in `.`, `?`, `!`, `…` or their wide forms. Recognised words
/// are a little early or late, and so the last word of a question is often given to whoever
/// answers.
pub fn smooth(transcript: &mut Transcript) {
    let sentences = transcript
        .words_mut()
        .chunk_by_mut(|word, _| !ends_sentence(&word.text));
    for sentence in sentences {
        if sentence.len() <= MAX_WORDS
            && let Some(speaker) = majority(sentence)
        {
            for word in sentence {
                word.speaker = Some(speaker.clone());
            }
        }
    }
}

/// Whether a sentence ends with this word; quotes and brackets may follow the full stop.
pub(super) fn ends_sentence(text: &str) -> bool {
    text.trim_end_matches(['"', '\'', ')', ']', '”', '’', '»', '」', '』', '）'])
        .ends_with(['.', '?', '!', '…', '。', '？', '！', '؟', '।'])
}

fn majority(sentence: &[Word]) -> Option<SpeakerLabel> {
    let mut counts: HashMap<&SpeakerLabel, usize> = HashMap::new();
    for speaker in sentence.iter().filter_map(|word| word.speaker.as_ref()) {
        *counts.entry(speaker).or_default() += 1;
    }
    let mut counts = counts.into_iter();
    let (speaker, _) = counts.find(|(_, count)| 2 * count > sentence.len())?;
    Some(speaker.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Segment;

    fn smoothed(words: &[(&str, Option<usize>)]) -> Vec<Option<usize>> {
        let words = words
            .iter()
            .enumerate()
            .map(|(index, (text, speaker))| Word {
                text: (*text).to_owned(),
                segment: Segment::new(index as f64, index as f64 + 1.0),
                speaker: speaker.map(SpeakerLabel::nth),
                confidence: None,
                spaced: true,
            });
        let mut transcript: Transcript = words.collect();
        smooth(&mut transcript);
        let number = |label: &SpeakerLabel| label.as_str()[8..].parse().unwrap();
        let words = transcript.words().iter();
        words
            .map(|word| word.speaker.as_ref().map(number))
            .collect()
    }

    #[test]
    fn a_sentence_goes_to_whoever_has_most_of_it() {
        let words = [
            ("how", Some(0)),
            ("are", None),
            ("you", Some(0)),
            ("doing", Some(0)),
            ("(today?)", Some(1)),
            ("fine", Some(1)),
            ("thanks", Some(0)),
        ];
        assert_eq!(
            smoothed(&words),
            [
                Some(0),
                Some(0),
                Some(0),
                Some(0),
                Some(0),
                Some(1),
                Some(0)
            ]
        );
        let words = [
            ("how", Some(0)),
            ("is", Some(0)),
            ("it?\"", Some(1)),
            ("good.", Some(1)),
        ];
        assert_eq!(smoothed(&words), [Some(0), Some(0), Some(0), Some(1)]);
    }

    #[test]
    fn long_stretches_without_punctuation_stay_as_they_are() {
        let words: Vec<_> = (0..60)
            .map(|index| ("x", Some(usize::from(index > 50))))
            .collect();
        assert_eq!(
            smoothed(&words)
                .iter()
                .filter(|who| **who == Some(1))
                .count(),
            9
        );
    }
}
