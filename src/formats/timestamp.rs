//! Clock times in subtitles.

/// `seconds` as `HH:MM:SS` plus `separator` and milliseconds; hours grow beyond two digits.
pub(crate) fn with_milliseconds(seconds: f64, separator: char) -> String {
    let milliseconds = (seconds * 1000.0).round() as u64;
    format!(
        "{}{separator}{:03}",
        clock(milliseconds / 1000),
        milliseconds % 1000
    )
}

/// `seconds` as `HH:MM:SS`.
pub(crate) fn clock(seconds: u64) -> String {
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_carries_over() {
        assert_eq!(with_milliseconds(59.9996, ','), "00:01:00,000");
        assert_eq!(with_milliseconds(3_599.25, '.'), "00:59:59.250");
        assert_eq!(clock(360_000), "100:00:00");
    }
}
