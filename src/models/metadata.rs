//! What an embedding model says about itself.

use std::fmt;

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::domain::{EmbeddingSpace, SAMPLE_RATE};

/// The family of exports a file belongs to; both are fed alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framework {
    /// WeSpeaker, and everything that exports like it.
    WeSpeaker,
    /// 3D-Speaker.
    ThreeDSpeaker,
}

/// The metadata of an embedding model, under the keys of the sherpa-onnx convention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// `framework`.
    pub framework: Framework,
    /// `output_dim`: values in an embedding.
    pub dim: usize,
    /// `normalize_samples`: whether the model takes samples in `[-1, 1]`; otherwise it takes them
    /// times 32768.
    pub normalize_samples: bool,
    /// `feature_normalize_type`: whether each window's mean over time is subtracted.
    pub global_mean: bool,
    /// `language`, as the file words it.
    pub language: String,
    /// `model`: the name, where the file has one.
    pub name: Option<String>,
    /// The space that its embeddings lie in, where the file tells which training made it.
    pub space: Option<EmbeddingSpace>,
}

/// A file without the metadata, or whose metadata says something that is not supported.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MetadataError {
    /// A required key is not there.
    #[error("the metadata key `{key}` is missing; it must be {expected}")]
    Missing {
        /// The key.
        key: &'static str,
        /// What it must hold.
        expected: String,
    },
    /// A key holds something else than it may.
    #[error("the metadata key `{key}` must be {expected}; given: {given}")]
    Wrong {
        /// The key.
        key: &'static str,
        /// What it must hold.
        expected: String,
        /// What it holds.
        given: String,
    },
}

/// Keys by which an export may describe its front end, with what ours does. They are optional;
/// a file that has them and disagrees was trained on other features.
const FRONT_END: [(&str, &str); 13] = [
    ("feature_type", "fbank"),
    ("num_mel_bins", "80"),
    ("frame_length_ms", "25"),
    ("frame_shift_ms", "10"),
    ("fft_size", "512"),
    ("window_type", "povey"),
    ("low_freq", "20"),
    ("high_freq", "7600"),
    ("preemphasis", "0.97"),
    ("dither", "0"),
    ("remove_dc_offset", "1"),
    ("snip_edges", "0"),
    ("log_floor", "1.1920929e-07"),
];

/// Keys that together name one run of our training: exports of it in other number formats have the
/// same values.
const ORIGIN: [&str; 4] = [
    "model",
    "recipe_sha256",
    "training_data_sha256",
    "training_steps",
];

/// The space named by the run that a file comes from, if it tells of it.
fn space(lookup: impl Fn(&str) -> Option<String>) -> Option<EmbeddingSpace> {
    let mut hasher = Sha256::new();
    for key in ORIGIN {
        let value = lookup(key)?;
        hasher.update((value.len() as u64).to_le_bytes());
        hasher.update(value);
    }
    let digest = hasher.finalize();
    let name = digest.first_chunk();
    name.copied().map(EmbeddingSpace::from_bytes)
}

impl Metadata {
    /// Largest dimension accepted.
    const MAX_DIM: usize = 8192;

    /// Reads the metadata through `lookup`, which gives the value of a key if the file has it.
    ///
    /// # Errors
    /// The first key that is missing or holds what is not supported.
    pub fn parse(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, MetadataError> {
        let required = |key: &'static str, expected: &str| {
            lookup(key).ok_or_else(|| MetadataError::Missing {
                key,
                expected: expected.to_owned(),
            })
        };
        let known = "`wespeaker` or `3d-speaker`";
        let framework = match required("framework", known)?.as_str() {
            "wespeaker" => Framework::WeSpeaker,
            "3d-speaker" => Framework::ThreeDSpeaker,
            other => return Err(wrong("framework", known, other)),
        };
        let dims = format!("a whole number from 1 to {}", Self::MAX_DIM);
        let given = required("output_dim", &dims)?;
        let dim = given
            .trim()
            .parse()
            .ok()
            .filter(|dim| (1..=Self::MAX_DIM).contains(dim))
            .ok_or_else(|| wrong("output_dim", &dims, &given))?;
        let rate = SAMPLE_RATE.to_string();
        let given = required("sample_rate", &rate)?;
        if given.trim() != rate {
            return Err(wrong("sample_rate", &rate, &given));
        }
        let normalize_samples = match required("normalize_samples", "0 or 1")?.trim() {
            "0" => false,
            "1" => true,
            other => return Err(wrong("normalize_samples", "0 or 1", other)),
        };
        let language = required("language", "a language")?;
        if language.trim().is_empty() {
            return Err(wrong("language", "a language", "nothing"));
        }
        let global_mean = match lookup("feature_normalize_type").as_deref() {
            None | Some("") => false,
            Some("global-mean") => true,
            Some(other) => {
                let expected = "empty or `global-mean`";
                return Err(wrong("feature_normalize_type", expected, other));
            }
        };
        for (key, ours) in FRONT_END {
            match lookup(key) {
                Some(given) if !agree(&given, ours) => return Err(wrong(key, ours, &given)),
                _ => {}
            }
        }
        Ok(Self {
            framework,
            dim,
            normalize_samples,
            global_mean,
            language,
            name: lookup("model").filter(|name| !name.trim().is_empty()),
            space: space(lookup),
        })
    }

    /// What samples in `[-1, 1]` are multiplied by before the filterbank.
    pub fn sample_scale(&self) -> f32 {
        if self.normalize_samples {
            1.0
        } else {
            32_768.0
        }
    }
}

fn wrong(key: &'static str, expected: &str, given: &str) -> MetadataError {
    MetadataError::Wrong {
        key,
        expected: expected.to_owned(),
        given: given.to_owned(),
    }
}

/// Whether two values are the same number, give or take its last printed digits, or else the same
/// text.
fn agree(given: &str, ours: &str) -> bool {
    match (given.trim().parse::<f64>(), ours.parse::<f64>()) {
        (Ok(given), Ok(ours)) => (given - ours).abs() <= 1e-4 * ours.abs(),
        _ => given.trim() == ours,
    }
}

impl fmt::Display for Framework {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WeSpeaker => "wespeaker",
            Self::ThreeDSpeaker => "3d-speaker",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const COMPLETE: [(&str, &str); 5] = [
        ("framework", "wespeaker"),
        ("output_dim", "256"),
        ("sample_rate", "16000"),
        ("normalize_samples", "0"),
        ("language", "English"),
    ];

    fn parse(changes: &[(&'static str, &str)]) -> Result<Metadata, MetadataError> {
        let mut keys: HashMap<&str, &str> = COMPLETE.into_iter().collect();
        keys.extend(changes.iter().copied());
        Metadata::parse(|key| keys.get(key).map(|value| (*value).to_owned()))
    }

    #[test]
    fn a_wespeaker_export_without_extras_is_read() {
        let metadata = parse(&[]).unwrap();
        assert_eq!((metadata.dim, metadata.sample_scale()), (256, 32_768.0));
        assert!(!metadata.global_mean);
        let metadata = parse(&[
            ("framework", "3d-speaker"),
            ("normalize_samples", "1"),
            ("feature_normalize_type", "global-mean"),
            ("log_floor", "1.19209e-7"),
            ("model", "campplus"),
        ]);
        let metadata = metadata.unwrap();
        assert_eq!(metadata.framework, Framework::ThreeDSpeaker);
        assert!(metadata.normalize_samples);
        assert!(metadata.global_mean);
        assert_eq!(metadata.name.as_deref(), Some("campplus"));
    }

    #[test]
    fn exports_of_one_training_share_a_space() {
        let origin = [
            ("model", "ours"),
            ("recipe_sha256", "a"),
            ("training_data_sha256", "b"),
            ("training_steps", "7"),
        ];
        let space = |changes: &[_]| {
            let all = [&origin[..], changes].concat();
            parse(&all).unwrap().space
        };
        let first = space(&[]);
        assert!(first.is_some());
        assert_eq!(space(&[("precision", "int8")]), first);
        for (key, _) in origin {
            assert_ne!(space(&[(key, "other")]), first, "{key}");
        }
        assert_eq!(parse(&origin[1..]).unwrap().space, None);
    }

    #[test]
    fn every_required_key_is_named_when_it_is_missing() {
        for (missing, _) in COMPLETE {
            let lookup = |key: &str| {
                let found = COMPLETE.iter().find(|(k, _)| *k == key && key != missing);
                found.map(|(_, value)| (*value).to_owned())
            };
            let message = Metadata::parse(lookup).unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("the metadata key `{missing}` is missing")),
                "{message}"
            );
        }
    }

    #[test]
    fn what_contradicts_the_contract_is_named_with_its_value() {
        for (key, value) in [
            ("framework", "nemo"),
            ("output_dim", "0"),
            ("output_dim", "many"),
            ("output_dim", "100000000000000000000"),
            ("sample_rate", "8000"),
            ("normalize_samples", "2"),
            ("language", " "),
            ("feature_normalize_type", "per_feature"),
            ("num_mel_bins", "64"),
            ("window_type", "hamming"),
            ("frame_shift_ms", "12.5"),
            ("preemphasis", "0"),
            ("dither", "1"),
            ("log_floor", "1e-10"),
        ] {
            let message = parse(&[(key, value)]).unwrap_err().to_string();
            assert!(message.contains(&format!("`{key}` must be")), "{message}");
            let value = if value == " " { "nothing" } else { value };
            assert!(message.ends_with(&format!("given: {value}")), "{message}");
        }
    }
}
