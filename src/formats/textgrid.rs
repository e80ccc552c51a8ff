//! Praat's `TextGrid`, long text format: one interval tier a speaker, without gaps, the speaker's
//! name where they speak and nothing where they do not.

use std::fmt::Write as _;

use super::plain::{milliseconds, seconds};
use super::tiers::{Tier, tiers};
use crate::domain::Annotation;

/// The tier of a recording in which nobody speaks: a grid has at least one.
const NOBODY: &str = "speech";

/// A grid has to end after it starts, in milliseconds.
const SHORTEST: u64 = 1;

/// Writes the grid of a recording of `duration` seconds.
pub fn write(annotation: &Annotation, duration: f64) -> String {
    let mut tiers = tiers(annotation);
    if tiers.is_empty() {
        tiers.push(Tier {
            name: NOBODY.to_owned(),
            intervals: Vec::new(),
        });
    }
    let last = tiers.iter().filter_map(|tier| tier.intervals.last());
    let last = last.map(|interval| interval.1).max().unwrap_or_default();
    let end = milliseconds(duration).max(last).max(SHORTEST);
    let mut grid = format!(
        "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\n\
         xmin = 0\nxmax = {}\ntiers? <exists>\nsize = {}\nitem []:\n",
        seconds(end),
        tiers.len()
    );
    for (index, tier) in tiers.iter().enumerate() {
        push(&mut grid, index + 1, tier, end);
    }
    grid
}

/// Appends tier `number`, which ends at `end` milliseconds.
fn push(grid: &mut String, number: usize, tier: &Tier, end: u64) {
    let name = tier.name.replace('"', "\"\"");
    let mut intervals = Vec::new();
    let mut covered = 0;
    for &(from, to) in &tier.intervals {
        if from > covered {
            intervals.push((covered, from, ""));
        }
        intervals.push((from, to, name.as_str()));
        covered = to;
    }
    if covered < end {
        intervals.push((covered, end, ""));
    }
    // Writing to a string cannot fail.
    let _ = write!(
        grid,
        "    item [{number}]:\n        class = \"IntervalTier\"\n        name = \"{name}\"\n        \
         xmin = 0\n        xmax = {}\n        intervals: size = {}\n",
        seconds(end),
        intervals.len()
    );
    for (index, (from, to, text)) in intervals.into_iter().enumerate() {
        let _ = write!(
            grid,
            "        intervals [{}]:\n            xmin = {}\n            xmax = {}\n            \
             text = \"{text}\"\n",
            index + 1,
            seconds(from),
            seconds(to)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Segment, SpeakerLabel, Turn};

    #[test]
    fn tiers_have_no_gaps_and_quotes_are_doubled() {
        let turn = Turn {
            segment: Segment::new(0.5, 1.0),
            speaker: SpeakerLabel::named("the \"boss\""),
            confidence: None,
        };
        let grid = write(&[turn].into_iter().collect(), 2.0);
        let values: Vec<_> = grid
            .lines()
            .skip_while(|line| !line.contains("item [1]"))
            .filter_map(|line| line.split_once(" = "))
            .map(|(_, value)| value)
            .collect();
        let name = "\"the \"\"boss\"\"\"";
        let expected = ["\"IntervalTier\"", name, "0", "2.000", "3"];
        let intervals = [
            ["0.000", "0.500", "\"\""],
            ["0.500", "1.000", name],
            ["1.000", "2.000", "\"\""],
        ];
        assert_eq!(values, [&expected[..], &intervals.concat()].concat());
    }

    #[test]
    fn silence_is_one_blank_tier() {
        let grid = write(&Annotation::default(), 0.0);
        assert!(grid.contains("size = 1\n"), "{grid}");
        assert!(grid.contains("xmax = 0.001\n"), "{grid}");
    }
}
