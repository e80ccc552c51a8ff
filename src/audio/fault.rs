//! What symphonia's errors mean here.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use symphonia::core::errors::{Error, Result};

use super::AudioError;
use super::fragments::FragmentError;
use super::source::ElementTooLarge;

/// Runs a piece of the libraries below on bytes of strangers. They are careful, not perfect: a
/// panic becomes an error of the file.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or(Err(Error::DecodeError("the reader fails on these bytes")))
}

/// Whether the file ends before the element that was being read.
pub(super) fn is_end_of_file(error: &Error) -> bool {
    matches!(error, Error::IoError(inner) if inner.kind() == io::ErrorKind::UnexpectedEof)
}

/// Whether reading failed, rather than the file.
pub(super) fn is_disk_failure(error: &Error) -> bool {
    let Error::IoError(inner) = error else {
        return false;
    };
    let about_the_file = inner
        .get_ref()
        .is_some_and(|cause| cause.is::<ElementTooLarge>() || cause.is::<FragmentError>());
    !about_the_file && !is_end_of_file(error)
}

/// The reason alone, without the class of error.
pub(super) fn describe(error: &Error) -> String {
    match error {
        error if is_end_of_file(error) => "the file ends in the middle".to_owned(),
        Error::DecodeError(reason) | Error::Unsupported(reason) | Error::LimitError(reason) => {
            (*reason).to_owned()
        }
        error => error.to_string(),
    }
}

/// The error of a file that `container`'s reader cannot make sense of.
pub(super) fn refused(container: &'static str, error: Error) -> AudioError {
    let disk_failure = is_disk_failure(&error);
    match error {
        Error::Unsupported(reason) if reason.starts_with("core (probe)") => {
            AudioError::UnknownContainer
        }
        Error::IoError(inner) if disk_failure => AudioError::Read(inner),
        error => AudioError::Malformed {
            container,
            reason: describe(&error),
        },
    }
}
