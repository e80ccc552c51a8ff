//! A set of segments without labels: speech, gaps, the scored part of a recording.

use super::Segment;

/// Non-empty segments in order of time; they may overlap until [`Timeline::support`] joins them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timeline {
    segments: Vec<Segment>,
}

impl Timeline {
    /// The segments in order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether the timeline holds nothing.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Sum of the segments' lengths in seconds; overlaps count as often as they occur.
    pub fn duration(&self) -> f64 {
        self.segments.iter().map(Segment::duration).sum()
    }

    /// The segments joined wherever they touch, overlap, or lie at most `collar` seconds apart.
    #[must_use]
    pub fn support(&self, collar: f64) -> Self {
        let mut joined: Vec<Segment> = Vec::with_capacity(self.segments.len());
        for segment in &self.segments {
            match joined.last_mut() {
                Some(last) if segment.start - last.end <= collar.max(Segment::PRECISION) => {
                    last.end = last.end.max(segment.end);
                }
                _ => joined.push(*segment),
            }
        }
        Self { segments: joined }
    }

    /// The segments, each begun and ended `margin` seconds farther out, joined where they then meet; none
    /// begins before zero.
    #[must_use]
    pub fn widened(&self, margin: f64) -> Self {
        let segments = self.segments.iter();
        let widened = segments.map(|s| Segment::new((s.start - margin).max(0.0), s.end + margin));
        widened.collect::<Self>().support(0.0)
    }

    /// The parts of `extent` that no segment covers.
    #[must_use]
    pub fn gaps(&self, extent: Segment) -> Self {
        let mut gaps = Vec::new();
        let mut covered_to = extent.start;
        for segment in self.support(0.0).segments {
            gaps.push(Segment::new(covered_to, segment.start.min(extent.end)));
            covered_to = covered_to.max(segment.end);
        }
        gaps.push(Segment::new(covered_to, extent.end));
        gaps.into_iter().collect()
    }

    /// The parts of this timeline that lie inside `other`'s support.
    #[must_use]
    pub fn crop(&self, other: &Self) -> Self {
        let bounds = other.support(0.0);
        let mut kept = Vec::new();
        let mut first = 0;
        for segment in &self.segments {
            while first < bounds.segments.len() && bounds.segments[first].end <= segment.start {
                first += 1;
            }
            kept.extend(
                bounds.segments[first..]
                    .iter()
                    .take_while(|bound| bound.start < segment.end)
                    .filter_map(|bound| segment.intersection(bound)),
            );
        }
        kept.into_iter().collect()
    }

    /// The parts of this timeline that no segment of `removed` covers.
    #[must_use]
    pub fn without(&self, removed: &Self) -> Self {
        let reach = self.segments.iter().map(|segment| segment.end);
        let (Some(first), Some(end)) = (self.segments.first(), reach.reduce(f64::max)) else {
            return Self::default();
        };
        self.crop(&removed.gaps(Segment::new(first.start, end)))
    }
}

impl FromIterator<Segment> for Timeline {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        let mut segments: Vec<_> = segments.into_iter().filter(|s| !s.is_empty()).collect();
        segments.sort_unstable();
        Self { segments }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(bounds: &[(f64, f64)]) -> Timeline {
        bounds
            .iter()
            .map(|&(start, end)| Segment::new(start, end))
            .collect()
    }

    #[test]
    fn support_joins_what_touches_or_lies_within_the_collar() {
        let speech = timeline(&[(3.0, 4.0), (0.0, 1.0), (1.0, 2.0), (0.5, 0.6), (4.4, 5.0)]);
        assert_eq!(
            speech.support(0.0),
            timeline(&[(0.0, 2.0), (3.0, 4.0), (4.4, 5.0)])
        );
        assert_eq!(speech.support(0.5), timeline(&[(0.0, 2.0), (3.0, 5.0)]));
    }

    #[test]
    fn gaps_and_support_tile_the_extent() {
        let speech = timeline(&[(1.0, 2.0), (1.5, 3.0), (9.0, 12.0)]);
        assert_eq!(
            speech.gaps(Segment::new(0.0, 10.0)),
            timeline(&[(0.0, 1.0), (3.0, 9.0)])
        );
    }

    #[test]
    fn without_takes_away_what_is_covered() {
        let speech = timeline(&[(1.0, 4.0), (5.0, 6.0)]);
        assert_eq!(
            speech.without(&timeline(&[(0.0, 2.0), (3.0, 5.5), (7.0, 8.0)])),
            timeline(&[(2.0, 3.0), (5.5, 6.0)])
        );
        assert_eq!(speech.without(&Timeline::default()), speech);
    }

    #[test]
    fn crop_keeps_overlapping_segments_apart() {
        let speech = timeline(&[(0.0, 4.0), (1.0, 2.0)]);
        let scored = timeline(&[(1.5, 3.0), (3.5, 9.0)]);
        assert_eq!(
            speech.crop(&scored),
            timeline(&[(1.5, 3.0), (1.5, 2.0), (3.5, 4.0)])
        );
    }
}
