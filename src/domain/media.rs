//! Names of recordings that were uploaded apart from a job.

use std::{fmt, str::FromStr};

use thiserror::Error;

use super::KeyId;

/// What stands before every key.
const SCHEME: &str = "media://";

/// The longest name, scheme included, in bytes.
const LONGEST: usize = 255;

/// The name that a caller gave to a recording: `media://` and letters, digits, `-`, `_`, `.`, `/`.
///
/// It is a name, not a path: `media://a/../b` and `media://b` are different recordings. Everybody who
/// has an API key has names of their own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MediaKey {
    name: String,
    owner: Option<KeyId>,
}

impl MediaKey {
    /// The key without its scheme.
    pub fn as_str(&self) -> &str {
        &self.name[SCHEME.len()..]
    }

    /// The same name among those of `owner`.
    #[must_use]
    pub fn of(self, owner: Option<KeyId>) -> Self {
        Self { owner, ..self }
    }

    /// Whose name it is.
    pub fn owner(&self) -> Option<KeyId> {
        self.owner
    }
}

impl fmt::Display for MediaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// What is no such name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "must be media:// and at least one of a-z, A-Z, 0-9, -, _, . and /, at most {LONGEST} characters in all"
)]
pub struct InvalidMediaKey;

impl FromStr for MediaKey {
    type Err = InvalidMediaKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let key = text.strip_prefix(SCHEME).ok_or(InvalidMediaKey)?;
        let known = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        if key.is_empty() || text.len() > LONGEST || !key.chars().all(known) {
            return Err(InvalidMediaKey);
        }
        Ok(Self {
            name: text.to_owned(),
            owner: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_the_contract_says() {
        for good in [
            "media://a",
            "media://board/2026-11_03.wav",
            "media://../../etc/passwd",
        ] {
            assert_eq!(good.parse::<MediaKey>().unwrap().to_string(), good);
        }
        let longest = format!("media://{}", "k".repeat(247));
        assert_eq!(longest.parse::<MediaKey>().unwrap().as_str().len(), 247);
        for bad in [
            "",
            "media://",
            "MEDIA://a",
            "media:/a",
            "media://a b",
            "media://a%20b",
            "media://ä",
            "media://a?b",
            "https://a",
            &format!("{longest}k"),
        ] {
            assert_eq!(bad.parse::<MediaKey>(), Err(InvalidMediaKey), "{bad}");
        }
    }
}
