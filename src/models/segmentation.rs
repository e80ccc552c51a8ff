//! Models that say who of a few local speakers is active, frame by frame.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::Array2;

use super::onnx::SegmentationSession;
use super::runner::sha256;
use super::{MetadataError, ModelError, Settings};
use crate::domain::SAMPLE_RATE;

/// The metadata of a segmentation model, under the keys of the sherpa-onnx convention for exports of
/// pyannote's segmentation-3.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentationMetadata {
    /// `window_size`: samples in a chunk.
    pub window: usize,
    /// `receptive_field_size`: samples that the first frame is about.
    pub field: usize,
    /// `receptive_field_shift`: samples from one frame to the next.
    pub shift: usize,
    /// `num_speakers`: speakers that a chunk may have.
    pub speakers: usize,
    /// `powerset_max_classes`: speakers that may be active at once.
    pub at_once: usize,
    /// `num_classes`: sets of so many speakers, the empty one among them.
    pub classes: usize,
}

impl SegmentationMetadata {
    /// Speakers accepted: chunks are short.
    const MAX_SPEAKERS: usize = 8;

    /// The longest chunk accepted, in samples: a minute.
    const MAX_WINDOW: usize = 60 * SAMPLE_RATE as usize;

    /// Reads the metadata through `lookup`, which gives the value of a key if the file has it.
    ///
    /// # Errors
    /// The first key that is missing or holds what is not supported.
    pub fn parse(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, MetadataError> {
        let number = |key: &'static str, least: usize, most: usize| {
            let expected = if least == most {
                least.to_string()
            } else {
                format!("a whole number from {least} to {most}")
            };
            let Some(given) = lookup(key) else {
                return Err(MetadataError::Missing { key, expected });
            };
            match given.trim().parse() {
                Ok(number) if (least..=most).contains(&number) => Ok(number),
                _ => Err(MetadataError::Wrong {
                    key,
                    expected,
                    given,
                }),
            }
        };
        let rate = SAMPLE_RATE as usize;
        number("sample_rate", rate, rate)?;
        let window = number("window_size", rate, Self::MAX_WINDOW)?;
        let speakers = number("num_speakers", 1, Self::MAX_SPEAKERS)?;
        let at_once = number("powerset_max_classes", 1, speakers)?;
        let classes = (0..=at_once).map(|size| choose(speakers, size)).sum();
        Ok(Self {
            window,
            field: number("receptive_field_size", 1, window)?,
            shift: number("receptive_field_shift", 16, window)?,
            speakers,
            at_once,
            classes: number("num_classes", classes, classes)?,
        })
    }
}

/// Sets of `size` out of `count`.
fn choose(count: usize, size: usize) -> usize {
    (0..size).fold(1, |sets, taken| sets * (count - taken) / (taken + 1))
}

/// A running segmentation model, shared by those who hold it. Chunks are computed one by one, in one
/// shape: what a chunk gives does not depend on what else is computed.
#[derive(Clone)]
pub struct Segmenter {
    session: Arc<Mutex<SegmentationSession>>,
    metadata: SegmentationMetadata,
    frames: usize,
    path: PathBuf,
    sha256: String,
}

impl fmt::Debug for Segmenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segmenter")
            .field("path", &self.path)
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}

impl Segmenter {
    /// Loads the model that `settings` name, or the shipped one, and checks it.
    ///
    /// # Errors
    /// [`ModelError`] if ONNX Runtime or the model is missing or the model breaks its contract.
    pub fn start(settings: &Settings) -> Result<Self, ModelError> {
        let session = SegmentationSession::load(settings)?;
        let path = session.path.clone();
        let sha256 = sha256(&path).map_err(|source| ModelError::Read {
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            metadata: session.metadata,
            frames: session.frames,
            path,
            sha256: hex::encode(sha256),
            session: Arc::new(Mutex::new(session)),
        })
    }

    /// What the model's file says about itself.
    pub fn metadata(&self) -> &SegmentationMetadata {
        &self.metadata
    }

    /// Frames in a chunk.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// The file's SHA-256 in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Log-probabilities of the classes, `(frames, classes)`, for a chunk of
    /// [`SegmentationMetadata::window`] samples in `[-1, 1]`.
    ///
    /// # Errors
    /// [`ModelError`] if the run fails or gives what is no number.
    pub fn run(&self, samples: &[f32]) -> Result<Array2<f32>, ModelError> {
        if samples.len() != self.metadata.window {
            return Err(ModelError::Features {
                what: "the number of samples",
                expected: self.metadata.window.to_string(),
                given: samples.len(),
            });
        }
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let classes = session.run(samples)?;
        if classes.iter().any(|value| value.is_nan()) {
            return Err(ModelError::Run {
                reason: "it gave probabilities that are no numbers".to_owned(),
            });
        }
        Ok(classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 7] = [
        ("sample_rate", "16000"),
        ("window_size", "160000"),
        ("receptive_field_size", "991"),
        ("receptive_field_shift", "270"),
        ("num_speakers", "3"),
        ("powerset_max_classes", "2"),
        ("num_classes", "7"),
    ];

    fn parse(changed: &str, value: Option<&str>) -> Result<SegmentationMetadata, String> {
        SegmentationMetadata::parse(|key| {
            if key == changed {
                return value.map(str::to_owned);
            }
            let found = COMPLETE.iter().find(|(known, _)| *known == key);
            found.map(|(_, value)| (*value).to_owned())
        })
        .map_err(|error| error.to_string())
    }

    #[test]
    fn an_export_of_pyannotes_is_read() {
        let metadata = parse("", None).unwrap();
        assert_eq!(
            (metadata.window, metadata.field, metadata.shift),
            (160_000, 991, 270)
        );
        assert_eq!(
            (metadata.speakers, metadata.at_once, metadata.classes),
            (3, 2, 7)
        );
    }

    #[test]
    fn what_is_missing_or_contradicts_is_named() {
        for (key, _) in COMPLETE {
            let missing = parse(key, None).unwrap_err();
            assert!(
                missing.contains(&format!("`{key}` is missing")),
                "{missing}"
            );
        }
        for (key, value) in [
            ("sample_rate", "8000"),
            ("window_size", "100000000"),
            ("receptive_field_shift", "0"),
            ("num_speakers", "9"),
            ("powerset_max_classes", "4"),
            ("num_classes", "8"),
            ("num_classes", "many"),
        ] {
            let wrong = parse(key, Some(value)).unwrap_err();
            assert!(wrong.contains(&format!("`{key}` must be")), "{wrong}");
            assert!(wrong.ends_with(&format!("given: {value}")), "{wrong}");
        }
    }
}
