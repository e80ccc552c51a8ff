//! Audio at rest: encrypted where a key is set, told apart by how a file begins.
//!
//! A file is one of three, and every sequence of bytes is kept as it was given in each:
//!
//! - **plain**: the bytes as they are, unless they begin with [`MAGIC`];
//! - **guarded**: [`MAGIC`], the byte 0, then bytes as they are. Only plain bytes that begin with
//!   [`MAGIC`] are kept so, so that nobody can upload what looks like one of our headers;
//! - **sealed**: a [`Header`], then segments of [`SEGMENT_BYTES`] bytes of the recording (the last one of
//!   what is left), each encrypted by XChaCha20-Poly1305 and followed by its tag of 16 bytes.
//!
//! Segments are put together as STREAM has it (Hoang, Reyhanitabar, Rogaway, Vizár: "Online
//! Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015): a segment's nonce is the
//! header's, its number and whether it is the last one. With the header as associated data of
//! each, none can be changed, left out, repeated, moved, cut off or appended unnoticed, and each
//! can be read without the others.

mod keys;
mod layout;
mod sealed;
mod sealer;
mod settings;
#[cfg(test)]
mod tests;

use aead_stream::StreamBE32;
use chacha20poly1305::XChaCha20Poly1305;

pub use keys::{KeyError, Keys};
pub(super) use layout::{Beginning, GUARD, MAGIC};
pub(super) use sealed::Sealed;
pub(super) use sealer::Form;
pub use settings::{Settings, SettingsError};

use layout::{HEADER_BYTES, Header, Layout, SEGMENT_BYTES, TAG_BYTES};

type Stream = StreamBE32<XChaCha20Poly1305>;
