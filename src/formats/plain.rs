//! Text for formats that cannot hold every character.

use std::borrow::Cow;

use crate::domain::SpeakerLabel;

/// The speaker's name on one line; never empty.
pub(crate) fn speaker(label: &SpeakerLabel) -> Cow<'_, str> {
    match one_line(label.as_str()) {
        name if name.is_empty() => Cow::Borrowed("unknown"),
        name => name,
    }
}

/// `text` on one line: control characters and line separators count as white space, white space
/// at either end is dropped, and runs of it become one space.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    let breaks = |c: char| c.is_control() || c.is_whitespace();
    let plain = !text.contains(|c| breaks(c) && c != ' ')
        && !text.contains("  ")
        && text.trim_matches(' ').len() == text.len();
    if plain {
        return Cow::Borrowed(text);
    }
    let words: Vec<_> = text.split(breaks).filter(|word| !word.is_empty()).collect();
    Cow::Owned(words.join(" "))
}

/// `seconds` in whole milliseconds; what lies before zero is zero.
pub(crate) fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}

/// Milliseconds as seconds with three decimals.
pub(crate) fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_breaks_a_line_becomes_a_space() {
        assert!(matches!(one_line("Ann Lee"), Cow::Borrowed("Ann Lee")));
        assert_eq!(one_line(" a\t\r\nb\u{2028}c\u{1b}[0m  d "), "a b c [0m d");
        assert_eq!(speaker(&SpeakerLabel::named("\n")), "unknown");
    }

    #[test]
    fn times_keep_three_decimals() {
        assert_eq!(seconds(milliseconds(61.0004)), "61.000");
        assert_eq!(seconds(milliseconds(0.9999)), "1.000");
        assert_eq!(seconds(milliseconds(-3.0)), "0.000");
    }
}
