//! A voice as text.

use std::fmt;
use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use thiserror::Error;

use crate::domain::EmbeddingSpace;

/// What every voiceprint begins with: its format and the version of that.
const MAGIC: &[u8; 4] = b"DVP1";

/// Bytes before the values.
const HEADER: usize = MAGIC.len() + EmbeddingSpace::BYTES;

/// How far from 1 the norm of what was read may be: single precision leaves less.
const NORM_TOLERANCE: f32 = 1e-3;

/// A voice: a unit vector in the space of one model.
///
/// As text it is base64 (RFC 4648, section 4) of `DVP1`, 16 bytes that name the space, and the
/// values as little-endian IEEE 754 single precision: 2,760 characters for 512 values.
#[derive(Debug, Clone, PartialEq)]
pub struct Voiceprint {
    space: EmbeddingSpace,
    values: Vec<f32>,
}

/// Text that is no voiceprint.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VoiceprintError {
    /// More text than any voiceprint has.
    #[error("must have at most {limit} characters; given: {0}", limit = Voiceprint::MAX_CHARACTERS)]
    TooLong(usize),
    /// Not base64.
    #[error("must be base64 (RFC 4648, section 4): {0}")]
    Encoding(String),
    /// Base64 of something else.
    #[error("must be a voiceprint made by this service; given: something else, {0} bytes of it")]
    Foreign(usize),
    /// One that was cut or changed.
    #[error("must be a voiceprint as this service made it; given: one that was cut or changed")]
    Damaged,
    /// More values than fit.
    #[error(
        "a voiceprint holds at most {limit} values; the model's embeddings have {0}",
        limit = Voiceprint::MAX_VALUES
    )]
    TooManyValues(usize),
}

impl Voiceprint {
    /// Characters that a voiceprint has at most, pyannoteAI's limit.
    pub const MAX_CHARACTERS: usize = 20_000;

    /// Values that fit in so many characters.
    const MAX_VALUES: usize = (Self::MAX_CHARACTERS / 4 * 3 - HEADER) / size_of::<f32>();

    /// The voiceprint of a unit vector in `space`.
    ///
    /// # Errors
    /// [`VoiceprintError::TooManyValues`].
    pub fn new(space: EmbeddingSpace, values: Vec<f32>) -> Result<Self, VoiceprintError> {
        if values.len() > Self::MAX_VALUES {
            return Err(VoiceprintError::TooManyValues(values.len()));
        }
        Ok(Self { space, values })
    }

    /// The space that it lies in: only voices in the same one can be compared.
    pub fn space(&self) -> EmbeddingSpace {
        self.space
    }

    /// The unit vector.
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}

impl fmt::Display for Voiceprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(self.space.as_bytes());
        bytes.extend(self.values.iter().flat_map(|value| value.to_le_bytes()));
        f.write_str(&STANDARD.encode(bytes))
    }
}

impl FromStr for Voiceprint {
    type Err = VoiceprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > Self::MAX_CHARACTERS {
            return Err(VoiceprintError::TooLong(text.len()));
        }
        let bytes = STANDARD.decode(text);
        let bytes = bytes.map_err(|error| VoiceprintError::Encoding(error.to_string()))?;
        let foreign = VoiceprintError::Foreign(bytes.len());
        let rest = bytes.strip_prefix(MAGIC.as_slice()).ok_or(foreign)?;
        let (space, values) = rest.split_first_chunk().ok_or(VoiceprintError::Damaged)?;
        let (values, []) = values.as_chunks() else {
            return Err(VoiceprintError::Damaged);
        };
        let values: Vec<f32> = values.iter().map(|v| f32::from_le_bytes(*v)).collect();
        let norm = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        // Written so that what is not a number fails.
        if (norm - 1.0).abs() <= NORM_TOLERANCE {
            let space = EmbeddingSpace::from_bytes(*space);
            Ok(Self { space, values })
        } else {
            Err(VoiceprintError::Damaged)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn voiceprint() -> Voiceprint {
        let space = EmbeddingSpace::from_bytes([7; 16]);
        Voiceprint::new(space, vec![0.6, 0.0, -0.8]).unwrap()
    }

    #[test]
    fn it_survives_text() {
        let text = voiceprint().to_string();
        assert_eq!(text, "RFZQMQcHBwcHBwcHBwcHBwcHBweamRk/AAAAAM3MTL8=");
        assert_eq!(text.parse(), Ok(voiceprint()));
    }

    #[test]
    fn what_is_none_is_told_apart() {
        let parse = |text: &str| text.parse::<Voiceprint>().unwrap_err();
        assert_eq!(parse(&"A".repeat(20_001)), VoiceprintError::TooLong(20_001));
        assert!(matches!(parse("not base64!"), VoiceprintError::Encoding(_)));
        assert_eq!(parse("aGVsbG8="), VoiceprintError::Foreign(5));
        assert_eq!(parse("RFZQMQ=="), VoiceprintError::Damaged);
        let text = voiceprint().to_string();
        let cut = STANDARD.decode(text).unwrap();
        for end in 4..cut.len() {
            let cut = STANDARD.encode(&cut[..end]);
            assert_eq!(parse(&cut), VoiceprintError::Damaged, "{end}");
        }
        let mut changed = cut.clone();
        changed[20..24].copy_from_slice(&f32::NAN.to_le_bytes());
        assert_eq!(parse(&STANDARD.encode(changed)), VoiceprintError::Damaged);
    }

    #[test]
    fn the_largest_fits_and_the_next_is_refused() {
        let new = |count| {
            let mut values = vec![0.0; count];
            values[0] = 1.0;
            Voiceprint::new(EmbeddingSpace::from_bytes([0; 16]), values)
        };
        let largest = new(Voiceprint::MAX_VALUES).unwrap();
        assert!(largest.to_string().len() <= Voiceprint::MAX_CHARACTERS);
        assert_eq!(largest.to_string().parse(), Ok(largest));
        let more = Voiceprint::MAX_VALUES + 1;
        assert_eq!(new(more), Err(VoiceprintError::TooManyValues(more)));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,80}") {
            let _ = text.parse::<Voiceprint>();
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = STANDARD.encode([MAGIC.as_slice(), &bytes].concat()).parse::<Voiceprint>();
        }
    }
}
