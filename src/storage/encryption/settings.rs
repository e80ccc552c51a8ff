//! Section `[storage]` of the settings.

use std::{fmt, path::PathBuf};

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use thiserror::Error;

use super::keys::{KeyError, Keys};

/// How audio is kept.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The key that audio is encrypted with from now on; empty: it is not encrypted.
    encryption_key: String,
    /// Keys that audio was encrypted with before.
    #[serde(deserialize_with = "several")]
    previous_keys: Vec<String>,
    /// A file with the key in its first line and earlier ones below, instead of the two above; empty:
    /// none.
    encryption_key_file: PathBuf,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings(..)")
    }
}

/// A setting that is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("storage.{key} must {wanted}")]
pub struct SettingsError {
    key: &'static str,
    wanted: String,
}

impl Settings {
    /// Audio is encrypted with `key` from now on; `previous` are what it was encrypted with before.
    pub fn with_keys(key: &str, previous: &[&str]) -> Self {
        Self {
            encryption_key: key.to_owned(),
            previous_keys: previous.iter().map(|&key| key.to_owned()).collect(),
            encryption_key_file: PathBuf::new(),
        }
    }

    /// Checks every value; what is wrong is told without the value, which is secret.
    ///
    /// # Errors
    /// The first one that is no key, or stands beside what excludes it.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let in_file = !self.encryption_key_file.as_os_str().is_empty();
        if in_file && !(self.encryption_key.is_empty() && self.previous_keys.is_empty()) {
            return Err(SettingsError {
                key: "encryption_key_file",
                wanted: "hold all keys; given: others in encryption_key or previous_keys too"
                    .to_owned(),
            });
        }
        let wrong = |key| {
            move |error: super::keys::NoKey| SettingsError {
                key,
                wanted: error.to_string(),
            }
        };
        Keys::parse(self.key(), []).map_err(wrong("encryption_key"))?;
        Keys::parse(None, self.previous()).map_err(wrong("previous_keys"))?;
        Ok(())
    }

    /// The keys that are set, or those in the file.
    ///
    /// # Errors
    /// [`KeyError`] if the file cannot be read, or what stands there is no key.
    pub fn keys(&self) -> Result<Keys, KeyError> {
        let path = &self.encryption_key_file;
        if path.as_os_str().is_empty() {
            // They were checked at start.
            return Ok(Keys::parse(self.key(), self.previous()).unwrap_or_default());
        }
        let text = std::fs::read_to_string(path).map_err(|source| KeyError::File {
            path: path.clone(),
            source,
        })?;
        let lines = text.lines().zip(1..);
        let lines: Vec<_> = lines.filter(|(text, _)| !text.trim().is_empty()).collect();
        for &(text, line) in &lines {
            Keys::parse(Some(text), []).map_err(|error| KeyError::Line {
                path: path.clone(),
                line,
                problem: error.to_string(),
            })?;
        }
        let mut keys = lines.into_iter().map(|(text, _)| text);
        let current = keys.next().ok_or_else(|| KeyError::Empty(path.clone()))?;
        Ok(Keys::parse(Some(current), keys).unwrap_or_default())
    }

    fn key(&self) -> Option<&str> {
        (!self.encryption_key.is_empty()).then_some(&*self.encryption_key)
    }

    fn previous(&self) -> impl Iterator<Item = &str> {
        self.previous_keys.iter().map(String::as_str)
    }
}

/// A list, or text with commas between: an environment variable may hold either, and must not be quoted in
/// an error for want of brackets.
fn several<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct Several;

    impl<'de> Visitor<'de> for Several {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of keys")
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            let keys = text.split(',').map(str::trim);
            Ok(keys
                .filter(|key| !key.is_empty())
                .map(str::to_owned)
                .collect())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut keys = Vec::new();
            while let Some(key) = list.next_element()? {
                keys.push(key);
            }
            Ok(keys)
        }
    }

    from.deserialize_any(Several)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "4141414141414141414141414141414141414141414141414141414141414141";
    const B: &str = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=";

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        Settings::default().validate().unwrap();
        Settings::with_keys(A, &[B]).validate().unwrap();
        let wrong = [
            (
                Settings::with_keys("hunter2", &[]),
                "storage.encryption_key must be 32 bytes",
            ),
            (
                Settings::with_keys("", &[A, "hunter2"]),
                "storage.previous_keys must be 32 bytes",
            ),
            (
                Settings {
                    encryption_key_file: "key".into(),
                    ..Settings::with_keys("hunter2", &[])
                },
                "storage.encryption_key_file must hold all keys",
            ),
        ];
        for (settings, beginning) in wrong {
            let error = settings.validate().unwrap_err().to_string();
            assert!(error.starts_with(beginning), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
            assert!(!format!("{settings:?}").contains("hunter2"));
        }
    }

    #[test]
    fn a_file_holds_the_key_and_earlier_ones_below() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let settings = Settings {
            encryption_key_file: path.clone(),
            ..Settings::default()
        };
        let keys = |text: &str| {
            std::fs::write(&path, text).unwrap();
            settings.keys()
        };
        let current = |keys: Keys| keys.current().unwrap().to_string();
        let of = |key: &str| current(Settings::with_keys(key, &[]).keys().unwrap());
        assert_eq!(current(keys(A).unwrap()), of(A));
        assert_eq!(current(keys(&format!("\n{B}\r\n\n{A}\n")).unwrap()), of(B));
        assert!(matches!(keys("\n"), Err(KeyError::Empty(_))));
        let error = keys(&format!("{A}\nhunter2\n")).unwrap_err().to_string();
        assert!(error.contains("line 2 must be 32 bytes"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(settings.keys(), Err(KeyError::File { .. })));
    }
}
