//! What transcribers' JSON documents have in common; everything else in them is skipped unread.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};

use super::MAX_WORDS;

/// A transcript of any of the kinds that are JSON.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    #[serde(
        default,
        deserialize_with = "bounded",
        alias = "wordLevelTranscription"
    )]
    pub(super) words: Option<Vec<Word>>,
    #[serde(default, deserialize_with = "bounded")]
    pub(super) segments: Option<Vec<Segment>>,
    pub(super) results: Option<Results>,
}

/// A stretch of a transcript, of a sentence or so.
#[derive(Debug, Deserialize)]
pub(super) struct Segment {
    pub(super) start: Option<f64>,
    pub(super) end: Option<f64>,
    pub(super) text: Option<Box<str>>,
    #[serde(default, deserialize_with = "bounded")]
    pub(super) words: Option<Vec<Word>>,
}

/// A word, as small as can be: a body of a few bytes a word must not grow a hundredfold.
#[derive(Debug, Deserialize)]
#[serde(try_from = "RawWord")]
pub(super) struct Word {
    pub(super) text: Box<str>,
    pub(super) start: Option<f64>,
    pub(super) end: Option<f64>,
    pub(super) confidence: Option<f32>,
}

#[derive(Deserialize)]
struct RawWord {
    word: Option<Box<str>>,
    punctuated_word: Option<Box<str>>,
    text: Option<Box<str>>,
    start: Option<f64>,
    end: Option<f64>,
    /// Deepgram.
    confidence: Option<f32>,
    /// Whisper.
    probability: Option<f32>,
    /// `WhisperX`.
    score: Option<f32>,
}

impl TryFrom<RawWord> for Word {
    type Error = &'static str;

    fn try_from(raw: RawWord) -> Result<Self, Self::Error> {
        let text = raw.punctuated_word.or(raw.word).or(raw.text);
        Ok(Self {
            text: text.ok_or("a word has neither `word` nor `text`")?,
            start: raw.start,
            end: raw.end,
            confidence: raw.confidence.or(raw.probability).or(raw.score),
        })
    }
}

/// Deepgram's results.
#[derive(Debug, Deserialize)]
pub(super) struct Results {
    #[serde(default, deserialize_with = "bounded")]
    pub(super) channels: Option<Vec<Channel>>,
}

/// One channel of Deepgram's results.
#[derive(Debug, Deserialize)]
pub(super) struct Channel {
    #[serde(default, deserialize_with = "bounded")]
    pub(super) alternatives: Option<Vec<Alternative>>,
}

/// One reading of a channel, the best one first.
#[derive(Debug, Deserialize)]
pub(super) struct Alternative {
    #[serde(default, deserialize_with = "bounded")]
    pub(super) words: Option<Vec<Word>>,
}

/// An array of at most [`MAX_WORDS`] elements, or null.
fn bounded<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    deserializer.deserialize_option(Bounded(PhantomData))
}

struct Bounded<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
    type Value = Option<Vec<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of at most {MAX_WORDS} elements")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element()? {
            if elements.len() == MAX_WORDS {
                return Err(A::Error::custom(format_args!(
                    "a transcript must have at most {MAX_WORDS} words; given: more than that"
                )));
            }
            elements.push(element);
        }
        Ok(Some(elements))
    }
}
