//! What the line formats share: fields, numbers and errors with the line they were found in.

use thiserror::Error;

/// Times beyond this many seconds (over three years) are taken for a mistake.
const MAX_SECONDS: f64 = 1e8;

/// A line that does not follow its format.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {reason}")]
pub struct ParseError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong and what was found.
    pub reason: String,
}

/// The lines that hold something, split at white space, numbered from 1. A byte order mark and
/// comments (`;;`, as NIST's tools write them) are skipped.
pub(crate) fn fields(text: &str) -> impl Iterator<Item = (usize, Vec<&str>)> {
    text.trim_start_matches('\u{feff}')
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with(";;"))
        .map(|(index, line)| (index + 1, line.split_whitespace().collect()))
        .filter(|(_, fields): &(_, Vec<_>)| !fields.is_empty())
}

/// The `index`-th field (from 0) of a line as a time in seconds.
pub(crate) fn seconds(
    line: usize,
    fields: &[&str],
    index: usize,
    name: &str,
) -> Result<f64, ParseError> {
    let error = |reason| ParseError { line, reason };
    let field = fields.get(index).ok_or_else(|| {
        let count = fields.len();
        error(format!("{name} is missing: the line has {count} fields"))
    })?;
    match field.parse::<f64>() {
        Ok(seconds) if (0.0..=MAX_SECONDS).contains(&seconds) => Ok(seconds),
        Ok(_) => Err(error(format!(
            "{name} must be between 0 and {MAX_SECONDS} seconds; given: {}",
            excerpt(field)
        ))),
        Err(_) => Err(error(format!(
            "{name} must be a number of seconds; given: {}",
            excerpt(field)
        ))),
    }
}

/// A field short enough to quote.
pub(crate) fn excerpt(field: &str) -> String {
    const LONGEST: usize = 40;
    match field.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}...", &field[..end]),
        None => format!("{field:?}"),
    }
}
