//! Where an embedding lies.

use std::fmt;

/// Names the space that a model's embeddings lie in: vectors of different spaces cannot be compared.
///
/// Files that hold the same network in other number formats share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EmbeddingSpace([u8; Self::BYTES]);

impl EmbeddingSpace {
    /// Bytes of a name.
    pub const BYTES: usize = 16;

    /// The space of that name.
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The name.
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

/// The name in hexadecimal.
impl fmt::Display for EmbeddingSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
