//! Keys, and which of them a file was sealed with.

use std::{fmt, io, path::PathBuf};

use aead_stream::NewStream as _;
use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::{
    Stream,
    layout::{Fingerprint, Header, NONCE_BYTES},
};

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// Parts a key's fingerprint from all else that anybody may hash of it.
const FINGERPRINT: &[u8] = b"diarist storage key\0";

/// A key to seal audio with, and to open it.
#[derive(Clone)]
struct Key {
    fingerprint: Fingerprint,
    cipher: XChaCha20Poly1305,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, ..)", self.fingerprint)
    }
}

/// Text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "be {KEY_BYTES} bytes in hexadecimal ({digits} digits) or base64 (44 characters); \
     given: {0} characters that are not",
    digits = 2 * KEY_BYTES
)]
pub(super) struct NoKey(usize);

impl Key {
    fn parse(text: &str) -> Result<Self, NoKey> {
        let text = text.trim();
        let lenient =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let bytes = if text.len() == 2 * KEY_BYTES {
            hex::decode(text).ok()
        } else {
            GeneralPurpose::new(&STANDARD, lenient).decode(text).ok()
        };
        let bytes: Option<[u8; KEY_BYTES]> = bytes.and_then(|bytes| bytes.try_into().ok());
        let bytes = bytes.ok_or(NoKey(text.chars().count()))?;
        let digest: [u8; 32] = Sha256::new()
            .chain_update(FINGERPRINT)
            .chain_update(bytes)
            .finalize()
            .into();
        let mut fingerprint = [0; 8];
        fingerprint.copy_from_slice(&digest[..8]);
        Ok(Self {
            fingerprint: Fingerprint(fingerprint),
            cipher: XChaCha20Poly1305::new(&bytes.into()),
        })
    }

    fn stream(&self, nonce: [u8; NONCE_BYTES]) -> Stream {
        Stream::from_aead(self.cipher.clone(), &nonce.into())
    }
}

/// The keys of a store: what it writes with, if it encrypts, and all that it reads with.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    current: Option<Key>,
    previous: Vec<Key>,
}

/// Keys that cannot be had.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read storage.encryption_key_file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What stands there is no key.
    #[error("storage.encryption_key_file {path}: line {line} must {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What a key is.
        problem: String,
    },
    /// There is nothing in it.
    #[error("storage.encryption_key_file {0} must hold a key; given: nothing")]
    Empty(PathBuf),
}

impl Keys {
    /// `current` to write with, and all to read with.
    pub(super) fn parse<'a>(
        current: Option<&str>,
        previous: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, NoKey> {
        Ok(Self {
            current: current.map(Key::parse).transpose()?,
            previous: previous
                .into_iter()
                .map(Key::parse)
                .collect::<Result<_, _>>()?,
        })
    }

    /// What tells the key that is written with from others; `None` if nothing is encrypted.
    pub fn current(&self) -> Option<impl fmt::Display + use<>> {
        Some(self.current.as_ref()?.fingerprint)
    }

    /// A fresh stream to write with, and the header that goes before it; `None` without a key.
    ///
    /// The nonce is random. At 152 bits two files share one, which would tell what they have in
    /// common, after some 2^76 files.
    pub(super) fn seal(&self) -> Result<Option<(Header, Stream)>, getrandom::Error> {
        let Some(key) = &self.current else {
            return Ok(None);
        };
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let header = Header {
            key: key.fingerprint,
            nonce,
        };
        Ok(Some((header, key.stream(nonce))))
    }

    /// The stream that `header` stands before; `None` if its key is none of ours.
    pub(super) fn unseal(&self, header: &Header) -> Option<Stream> {
        let mut keys = self.current.iter().chain(&self.previous);
        let key = keys.find(|key| key.fingerprint == header.key)?;
        Some(key.stream(header.nonce))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_in_hexadecimal_and_base64() {
        let bytes: [u8; 32] = std::array::from_fn(|index| index as u8 * 7);
        let hexadecimal = hex::encode(bytes);
        let base64 = base64::prelude::BASE64_STANDARD.encode(bytes);
        let of = |text: &str| Key::parse(text).unwrap().fingerprint;
        for text in [
            &hexadecimal.to_uppercase(),
            &base64,
            base64.trim_end_matches('='),
            &format!(" {base64}\n"),
        ] {
            assert_eq!(of(text), of(&hexadecimal));
        }
        assert_ne!(of(&"0".repeat(64)), of(&hexadecimal));
        for wrong in [
            "",
            "secret",
            &hexadecimal[2..],
            &base64[4..],
            &"g".repeat(64),
        ] {
            let error = Key::parse(wrong).unwrap_err().to_string();
            let given = format!("given: {} characters that are not", wrong.len());
            assert!(error.ends_with(&given), "{error}");
        }
    }

    #[test]
    fn keys_do_not_show() {
        let text = "5a".repeat(32);
        let keys = Keys::parse(Some(&text), [text.as_str()]).unwrap();
        let shown = format!("{keys:?}");
        assert!(!shown.contains("5a5a") && shown.contains("Key("), "{shown}");
    }
}
