//! Probabilities to segments.

use crate::domain::{SAMPLE_RATE, Segment, Timeline};

use super::{FRAME_SAMPLES, Settings};

/// Frames by which the detector's answer comes after what it is about: it looks at 48 ms up to
/// the frame's end and remembers what came before. Of 0, 1 and 2 frames, 2 gave the fewest errors on
/// simulated and on real conversations.
const LATENCY: f64 = 2.0;

/// Where somebody speaks, given the probability of each frame.
///
/// Speech begins at a frame that reaches `onset` and ends at the first one below `offset`
/// (hysteresis, as in pyannote.audio's `Binarize`). Then pauses shorter than `min_duration_off`
/// are closed, stretches shorter than `min_duration_on` dropped, and what is left is moved forward
/// by the detector's latency (32 ms) and padded; stretches that then meet become one. Times lie between
/// zero and the end of the last frame.
pub fn segments(probabilities: &[f32], settings: &Settings) -> Timeline {
    let frame = FRAME_SAMPLES as f64 / f64::from(SAMPLE_RATE);
    let end = probabilities.len() as f64 * frame;
    let speech: Timeline = active(probabilities, settings)
        .map(|(first, last)| Segment::new(first as f64 * frame, last as f64 * frame))
        .collect();
    speech
        .support(settings.min_duration_off - Segment::PRECISION)
        .segments()
        .iter()
        .filter(|s| s.duration() >= settings.min_duration_on - Segment::PRECISION)
        .map(|s| {
            Segment::new(
                (s.start - LATENCY * frame - settings.padding).max(0.0),
                // What speaks in the last frame may go on after it.
                if s.end < end {
                    (s.end - LATENCY * frame + settings.padding).min(end)
                } else {
                    end
                },
            )
        })
        .collect::<Timeline>()
        .support(0.0)
}

/// Runs of active frames as half-open ranges of frame numbers.
fn active(probabilities: &[f32], settings: &Settings) -> impl Iterator<Item = (usize, usize)> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let first = next
            + probabilities[next..]
                .iter()
                .position(|p| *p >= settings.onset)?;
        let length = probabilities[first..]
            .iter()
            .position(|p| *p < settings.offset)
            .unwrap_or(probabilities.len() - first);
        next = first + length;
        Some((first, next))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Settings = Settings {
        onset: 0.6,
        offset: 0.4,
        min_duration_off: 0.0,
        min_duration_on: 0.0,
        padding: 0.0,
    };

    /// Segments as frame numbers, of a detector that answers at once.
    fn frames(probabilities: &[f32], settings: &Settings) -> Vec<(f64, f64)> {
        let late = [&[0.0; 2], probabilities, &[0.0; 2]].concat();
        segments(&late, settings)
            .segments()
            .iter()
            .map(|s| ((s.start / 0.016).round(), (s.end / 0.016).round()))
            .collect()
    }

    #[test]
    fn hysteresis_holds_on_between_the_thresholds() {
        let probabilities = [0.5, 0.6, 0.5, 0.4, 0.39, 0.5, 0.9];
        assert_eq!(frames(&probabilities, &PLAIN), [(1.0, 4.0), (6.0, 7.0)]);
        assert_eq!(frames(&[], &PLAIN), []);
    }

    #[test]
    fn equal_thresholds_end_and_terminate() {
        let even = Settings {
            offset: 0.6,
            ..PLAIN
        };
        assert_eq!(frames(&[0.6, 0.59, 0.6], &even), [(0.0, 1.0), (2.0, 3.0)]);
    }

    #[test]
    fn short_pauses_close_before_short_speech_is_dropped() {
        let mut probabilities = [0.0; 40];
        for range in [2..5, 7..10, 30..33] {
            probabilities[range].fill(1.0);
        }
        let settings = Settings {
            min_duration_off: 0.048,
            min_duration_on: 0.08,
            ..PLAIN
        };
        assert_eq!(frames(&probabilities, &settings), [(2.0, 10.0)]);
    }

    #[test]
    fn a_duration_equal_to_its_limit_stays_as_it_is() {
        let mut probabilities = [0.0; 20];
        for range in [0..5, 10..15] {
            probabilities[range].fill(1.0);
        }
        let settings = Settings {
            min_duration_off: 0.08,
            min_duration_on: 0.08,
            ..PLAIN
        };
        assert_eq!(
            frames(&probabilities, &settings),
            [(0.0, 5.0), (10.0, 15.0)]
        );
    }

    #[test]
    fn padding_joins() {
        let mut probabilities = [0.0; 12];
        for range in [3..5, 7..9] {
            probabilities[range].fill(1.0);
        }
        let settings = Settings {
            padding: 0.032,
            ..PLAIN
        };
        assert_eq!(frames(&probabilities, &settings), [(1.0, 11.0)]);
    }

    #[test]
    fn nothing_lies_outside_the_recording() {
        let settings = Settings {
            padding: 0.5,
            ..PLAIN
        };
        let all = [Segment::new(0.0, 0.16)];
        assert_eq!(segments(&[1.0; 10], &PLAIN).segments(), all);
        assert_eq!(segments(&[1.0; 10], &settings).segments(), all);
        let mut probabilities = [1.0; 10];
        probabilities[9] = 0.0;
        assert_eq!(segments(&probabilities, &settings).segments(), all);
    }
}
