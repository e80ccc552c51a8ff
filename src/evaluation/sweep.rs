//! Two annotations side by side, instant by instant.

use std::collections::{BTreeMap, HashMap};

use crate::domain::{Annotation, Segment};

/// How many turns each speaker has at once, by the speaker's number.
pub(super) type Speaking = BTreeMap<usize, usize>;

/// A stretch in which nothing changes on either side.
pub(super) struct Stretch<'a> {
    /// Its length.
    pub(super) seconds: f64,
    /// Who speaks in the reference.
    pub(super) reference: &'a Speaking,
    /// Who speaks in the hypothesis.
    pub(super) hypothesis: &'a Speaking,
}

/// The starts and ends of two annotations in order of time.
pub(super) struct Sweep {
    events: Vec<Event>,
    /// How many speakers each side has; they are numbered in order of first appearance.
    pub(super) speakers: [usize; 2],
}

struct Event {
    at: f64,
    side: usize,
    speaker: usize,
    starts: bool,
}

impl Sweep {
    /// Lines up both sides.
    pub(super) fn new(reference: &Annotation, hypothesis: &Annotation) -> Self {
        let mut events = Vec::new();
        let mut speakers = [0; 2];
        for (side, annotation) in [reference, hypothesis].into_iter().enumerate() {
            let mut numbers = HashMap::new();
            for turn in annotation.turns() {
                let next = numbers.len();
                let speaker = *numbers.entry(&turn.speaker).or_insert(next);
                for (at, starts) in [(turn.segment.start, true), (turn.segment.end, false)] {
                    events.push(Event {
                        at,
                        side,
                        speaker,
                        starts,
                    });
                }
            }
            speakers[side] = numbers.len();
        }
        // The order within an instant matters to nobody: no time passes between its events.
        events.sort_by(|a, b| a.at.total_cmp(&b.at));
        Self { events, speakers }
    }

    /// Calls `visit` for every stretch in which somebody speaks, in order.
    pub(super) fn for_each(&self, mut visit: impl FnMut(Stretch<'_>)) {
        let mut speaking = [Speaking::new(), Speaking::new()];
        let mut since = f64::NEG_INFINITY;
        for event in &self.events {
            let stretch = Segment::new(since, event.at);
            let somebody = speaking.iter().any(|side| !side.is_empty());
            if somebody && !stretch.is_empty() {
                visit(Stretch {
                    seconds: stretch.duration(),
                    reference: &speaking[0],
                    hypothesis: &speaking[1],
                });
            }
            since = event.at;
            change(&mut speaking[event.side], event);
        }
    }
}

/// One turn of the event's speaker more, or one less.
fn change(speaking: &mut Speaking, event: &Event) {
    let count = speaking.entry(event.speaker).or_insert(0);
    if event.starts {
        *count += 1;
    } else {
        *count = count.saturating_sub(1);
    }
    if *count == 0 {
        speaking.remove(&event.speaker);
    }
}
