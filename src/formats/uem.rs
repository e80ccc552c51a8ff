//! UEM, the un-partitioned evaluation map (NIST): which parts of a recording are scored.
//!
//! One line a part: `<file> <channel> <start> <end>`, times in seconds.

use std::collections::BTreeMap;

use super::lines::{ParseError, fields, seconds};
use crate::domain::{Segment, Timeline};

/// Reads the scored parts of every file that `text` tells of.
///
/// # Errors
/// The first line whose times are missing, no times, or the wrong way round.
pub fn parse(text: &str) -> Result<BTreeMap<String, Timeline>, ParseError> {
    let mut parts: BTreeMap<String, Vec<Segment>> = BTreeMap::new();
    for (line, fields) in fields(text) {
        let start = seconds(line, &fields, 2, "the start (field 3)")?;
        let end = seconds(line, &fields, 3, "the end (field 4)")?;
        if end < start {
            let reason = format!("the end must not precede the start; given: {start} and {end}");
            return Err(ParseError { line, reason });
        }
        let segments = parts.entry(fields[0].to_owned()).or_default();
        segments.push(Segment::new(start, end));
    }
    let files = parts.into_iter();
    Ok(files
        .map(|(file, parts)| (file, parts.into_iter().collect()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_in_order_of_time() {
        let map = parse("a NA 5.0 6.0\nb 1 0 1\na NA 0 2.5\n").unwrap();
        let parts = [Segment::new(0.0, 2.5), Segment::new(5.0, 6.0)];
        assert_eq!(map["a"].segments(), parts);
        assert_eq!(map.len(), 2);
    }

    #[test]
    fn wrong_lines_are_named() {
        let message = |text: &str| parse(text).unwrap_err().to_string();
        assert!(message("a 1 2").starts_with("line 1: the end (field 4) is missing"));
        assert!(message("a 1 3 2").ends_with("given: 3 and 2"));
        assert!(message("a 1 inf 2").contains("must be between"));
    }
}
