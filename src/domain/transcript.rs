//! What was said, and by whom where that is known.

use super::{Segment, SpeakerLabel};

/// The smallest piece of a transcript that has times of its own: a word or, where the transcriber
/// timed nothing finer, a whole sentence or so.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// What was said, without white space around it; never empty.
    pub text: String,
    /// When. It may have no length.
    pub segment: Segment,
    /// Who said it, if somebody was near.
    pub speaker: Option<SpeakerLabel>,
    /// How sure the transcriber is, 0 to 1, where it says so.
    pub confidence: Option<f32>,
    /// Whether white space parts it from the word before.
    pub spaced: bool,
}

/// The words of one recording, in order of start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Transcript {
    words: Vec<Word>,
}

/// Consecutive words of one speaker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Utterance<'a> {
    /// Who speaks, if that is known.
    pub speaker: Option<&'a SpeakerLabel>,
    /// What they say: at least one word.
    pub words: &'a [Word],
}

impl Transcript {
    /// The words in order.
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// The words, to be given their speakers. Times are not to be changed.
    pub fn words_mut(&mut self) -> &mut [Word] {
        &mut self.words
    }

    /// Everything that was said.
    pub fn text(&self) -> String {
        text(&self.words)
    }

    /// The words by speaker: a new utterance wherever the speaker changes.
    pub fn utterances(&self) -> impl Iterator<Item = Utterance<'_>> {
        let runs = self.words.chunk_by(|a, b| a.speaker == b.speaker);
        runs.map(|words| Utterance {
            speaker: words[0].speaker.as_ref(),
            words,
        })
    }
}

impl Utterance<'_> {
    /// From the start of the first word to the end of the one that ends last.
    pub fn segment(&self) -> Segment {
        let start = self.words[0].segment.start;
        let ends = self.words.iter().map(|word| word.segment.end);
        Segment::new(start, ends.fold(start, f64::max))
    }

    /// What is said.
    pub fn text(&self) -> String {
        text(self.words)
    }
}

/// Words as running text.
fn text(words: &[Word]) -> String {
    let mut text = String::new();
    for word in words {
        if word.spaced && !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&word.text);
    }
    text
}

impl FromIterator<Word> for Transcript {
    /// Words that start at once stay in the order in which they come.
    fn from_iter<I: IntoIterator<Item = Word>>(words: I) -> Self {
        let mut words: Vec<_> = words.into_iter().collect();
        words.sort_by(|a, b| a.segment.start.total_cmp(&b.segment.start));
        Self { words }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_in_order_and_utterances_end_where_the_speaker_changes() {
        let word = |start: f64, text: &str, speaker: Option<usize>, spaced| Word {
            text: text.to_owned(),
            segment: Segment::new(start, start + 0.4),
            speaker: speaker.map(SpeakerLabel::nth),
            confidence: None,
            spaced,
        };
        let transcript: Transcript = [
            word(2.0, "no", Some(1), true),
            word(0.0, "well", Some(0), true),
            word(0.5, ",", Some(0), false),
            word(3.0, "hm", None, true),
        ]
        .into_iter()
        .collect();
        assert_eq!(transcript.text(), "well, no hm");
        let utterances: Vec<_> = transcript
            .utterances()
            .map(|utterance| (utterance.text(), utterance.speaker.is_some()))
            .collect();
        let expected = [("well,", true), ("no", true), ("hm", false)];
        assert_eq!(
            utterances,
            expected.map(|(text, known)| (text.to_owned(), known))
        );
        assert_eq!(
            transcript.utterances().next().unwrap().segment(),
            Segment::new(0.0, 0.9)
        );
    }
}
