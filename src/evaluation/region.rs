//! The part of a recording that is scored.

use crate::domain::{Annotation, ScoreOptions, Segment, Timeline};

/// `uem` without the collars around the reference's boundaries and, if asked, its overlaps.
pub(super) fn scored(
    reference: &Annotation,
    hypothesis: &Annotation,
    uem: Option<&Timeline>,
    options: ScoreOptions,
) -> Timeline {
    let uem = uem.map_or_else(
        || extent(reference, hypothesis).into_iter().collect(),
        |uem| uem.support(0.0),
    );
    let mut left_out = Vec::new();
    if options.collar > 0.0 {
        let half = 0.5 * options.collar;
        for turn in reference.turns() {
            for boundary in [turn.segment.start, turn.segment.end] {
                left_out.push(Segment::new(boundary - half, boundary + half));
            }
        }
    }
    if options.skip_overlap {
        left_out.extend(overlaps(reference));
    }
    if left_out.is_empty() {
        return uem;
    }
    let left_out: Timeline = left_out.into_iter().collect();
    uem.without(&left_out)
}

/// From the first start to the last end.
fn extent(reference: &Annotation, hypothesis: &Annotation) -> Option<Segment> {
    let turns = reference.turns().iter().chain(hypothesis.turns());
    turns.map(|turn| turn.segment).reduce(|extent, segment| {
        Segment::new(extent.start.min(segment.start), extent.end.max(segment.end))
    })
}

/// Where a turn meets the furthest-reaching one before it: together, all that is said twice.
fn overlaps(reference: &Annotation) -> Vec<Segment> {
    let mut overlaps = Vec::new();
    let mut reach = f64::NEG_INFINITY;
    for turn in reference.turns() {
        let Segment { start, end } = turn.segment;
        if start < reach {
            overlaps.push(Segment::new(start, end.min(reach)));
        }
        reach = reach.max(end);
    }
    overlaps
}
