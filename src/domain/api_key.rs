//! API keys: what they may do, and how a secret is made and recognised.

use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256};
use thiserror::Error;
use uuid::Uuid;

/// Names one key, for ever; not a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Uuid);

impl KeyId {
    /// A fresh id.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for KeyId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read its jobs and their results.
    JobsRead,
    /// Submit jobs, call them off, remove them.
    JobsWrite,
    /// Reach the jobs of all keys, as far as the other scopes go.
    JobsAll,
    /// Read the service's metrics.
    Metrics,
}

/// A scope that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a scope must be one of jobs:read, jobs:write, jobs:all, metrics; given: {0}")]
pub struct UnknownScope(pub String);

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [
        Self::JobsRead,
        Self::JobsWrite,
        Self::JobsAll,
        Self::Metrics,
    ];

    /// The name on the command line, in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JobsRead => "jobs:read",
            Self::JobsWrite => "jobs:write",
            Self::JobsAll => "jobs:all",
            Self::Metrics => "metrics",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// A key's name: how people and logs call it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyName(String);

/// A name that a key cannot have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "a key's name must have 1 to {max} characters out of A-Z a-z 0-9 . _ @ -; given: {given:?}",
    max = KeyName::MAX_CHARACTERS
)]
pub struct InvalidKeyName {
    given: String,
}

impl KeyName {
    /// The longest name.
    pub const MAX_CHARACTERS: usize = 64;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = InvalidKeyName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
        if (1..=Self::MAX_CHARACTERS).contains(&text.len()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidKeyName {
                given: text.chars().take(2 * Self::MAX_CHARACTERS).collect(),
            })
        }
    }
}

/// What a caller presents: `diarist_` and 256 random bits. Shown once, never kept; only its
/// [`SecretHash`] is.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySecret(String);

/// What is kept of a secret: SHA-256, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretHash(String);

/// The system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the system gives no random bytes: {0}")]
pub struct NoEntropy(#[from] getrandom::Error);

impl KeySecret {
    /// What every secret begins with, so that people and scanners recognise one that leaked.
    pub const PREFIX: &'static str = "diarist_";

    /// Characters after the prefix that may be shown to tell keys apart.
    const SHOWN: usize = 6;

    /// A fresh secret.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, NoEntropy> {
        let mut random = [0; 32];
        getrandom::fill(&mut random)?;
        Ok(Self(format!("{}{}", Self::PREFIX, hexadecimal(&random))))
    }

    /// The secret itself, to be shown once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its beginning, which gives nothing away that matters: 24 of 256 bits.
    #[must_use]
    pub fn beginning(&self) -> &str {
        &self.0[..Self::PREFIX.len() + Self::SHOWN]
    }
}

impl fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySecret({}...)", self.beginning())
    }
}

impl SecretHash {
    /// The hash of whatever a caller presented.
    #[must_use]
    pub fn of(presented: &str) -> Self {
        Self(hexadecimal(&Sha256::digest(presented.as_bytes())))
    }

    /// 64 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_do_not_show_in_debug_output() {
        let (one, other) = (
            KeySecret::generate().unwrap(),
            KeySecret::generate().unwrap(),
        );
        assert_ne!(one, other);
        assert_eq!(one.expose().len(), "diarist_".len() + 64);
        let shown = format!("{one:?}");
        assert!(shown.contains(one.beginning()) && !shown.contains(one.expose()));
    }

    #[test]
    fn the_hash_is_sha256() {
        let hash = SecretHash::of("abc");
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.as_str(), expected);
    }

    #[test]
    fn names_are_short_and_plain() {
        for good in ["backend", "a.b_c@d-9", &"x".repeat(64)] {
            assert_eq!(good.parse::<KeyName>().unwrap().as_str(), good);
        }
        for bad in ["", "two words", "ü", "a\nb", &"x".repeat(65)] {
            let refused = bad.parse::<KeyName>().unwrap_err().to_string();
            assert!(refused.contains("1 to 64"), "{refused}");
        }
    }

    #[test]
    fn scopes_survive_text() {
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        assert!("jobs".parse::<Scope>().is_err());
    }
}
