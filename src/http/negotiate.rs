//! Choosing a result's format by the `Accept` header (RFC 9110, section 12.5.1).

use axum::http::{HeaderMap, header};

use super::error::{ApiError, Code};

/// Which of `offered`, media types and what they stand for, the preferred one first, the caller
/// likes best; the first one if it does not say.
pub(super) fn accepted<T: Copy>(headers: &HeaderMap, offered: &[(&str, T)]) -> Result<T, ApiError> {
    best(headers, offered).ok_or_else(|| {
        let names: Vec<_> = offered.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        ApiError::new(Code::NotAcceptable, format_args!("offered: {names}"))
    })
}

/// `None` if the caller wants none of them.
fn best<T: Copy>(headers: &HeaderMap, offered: &[(&str, T)]) -> Option<T> {
    let ranges: Vec<(&str, f32)> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(range)
        .filter(|(range, _)| !range.is_empty())
        .collect();
    if ranges.is_empty() {
        return offered.first().map(|(_, format)| *format);
    }
    let mut best = None;
    for &(media_type, format) in offered {
        let quality = quality(&ranges, media_type);
        if quality > best.map_or(0.0, |(_, quality)| quality) {
            best = Some((format, quality));
        }
    }
    best.map(|(format, _)| format)
}

/// A media range and its weight, 1 if not given, 0 if unreadable.
fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q="));
    let quality = weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
    (range, quality)
}

/// The weight of the most specific range that covers `media_type`.
fn quality(ranges: &[(&str, f32)], media_type: &str) -> f32 {
    let top_level = media_type.split('/').next().unwrap_or_default();
    let specificity = |range: &str| {
        if range.eq_ignore_ascii_case(media_type) {
            Some(2)
        } else if range
            .strip_suffix("/*")
            .is_some_and(|top| top.eq_ignore_ascii_case(top_level))
        {
            Some(1)
        } else {
            (range == "*/*").then_some(0)
        }
    };
    let covering = ranges
        .iter()
        .filter_map(|(range, quality)| Some((specificity(range)?, *quality)));
    covering
        .max_by_key(|(specificity, _)| *specificity)
        .map_or(0.0, |(_, quality)| quality)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::format::Format;

    fn choose(accept: &str) -> Option<Format> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        best(&headers, &Format::OFFERED)
    }

    #[test]
    fn the_most_specific_range_weighs() {
        assert_eq!(
            best(&HeaderMap::new(), &Format::OFFERED),
            Some(Format::Json)
        );
        assert_eq!(choose("*/*"), Some(Format::Json));
        assert_eq!(choose("text/vtt, */*;q=0.1"), Some(Format::Vtt));
        assert_eq!(choose("text/*"), Some(Format::Rttm));
        assert_eq!(choose("text/x-eaf+xml"), Some(Format::Eaf));
        assert_eq!(choose("application/x-subrip"), Some(Format::Srt));
        assert_eq!(
            choose("application/json;q=0.2, text/plain;q=0.3"),
            Some(Format::Rttm)
        );
        assert_eq!(choose("*/*, application/json;q=0"), Some(Format::Rttm));
        assert_eq!(choose("image/png"), None);
    }
}
