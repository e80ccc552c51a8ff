//! Files that may be about several recordings.

use std::collections::BTreeMap;

use thiserror::Error;

/// A file is about several recordings, and none of them is the one in question.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("is about {count} recordings and none of them is {name:?}; the first is {first:?}")]
pub struct OtherRecordings {
    /// How many recordings it is about.
    pub count: usize,
    /// The recording in question.
    pub name: String,
    /// The first of those it is about.
    pub first: String,
}

/// What a file has about the recording `name`: what it has under that name or, if it is about one
/// recording only, that, whatever it is called.
///
/// # Errors
/// If it is about several others. About none it has nothing to say.
pub fn pick<T: Default>(
    mut recordings: BTreeMap<String, T>,
    name: &str,
) -> Result<T, OtherRecordings> {
    if let Some(own) = recordings.remove(name) {
        return Ok(own);
    }
    let count = recordings.len();
    match recordings.pop_first() {
        None => Ok(T::default()),
        Some((_, only)) if count == 1 => Ok(only),
        Some((first, _)) => Err(OtherRecordings {
            count,
            name: name.to_owned(),
            first,
        }),
    }
}
