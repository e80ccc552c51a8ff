//! When anybody speaks and when several do, by a segmentation model.
//!
//! `chunks` cuts the recording into overlapping chunks of 10 s; the model says which of a few local
//! speakers is active in each frame of a chunk, and `powerset` how probable it is that somebody is, and
//! that several are. [`Listener`] averages that over the chunks that hold a frame, and
//! [`Activity::timelines`] cuts it into stretches.

mod chunks;
mod powerset;

use chunks::Chunks;
use ndarray::Array3;

use super::error::PipelineError;
use super::guidance::weight;
use super::settings::Settings;
use crate::domain::{LocalFrames, LocalSpeakers, SAMPLE_RATE, Segment, Timeline};
use crate::models::{SegmentationMetadata, Segmenter};

/// Hears a recording chunk by chunk.
#[derive(Debug)]
pub(super) struct Listener<'a> {
    segmenter: &'a Segmenter,
    chunks: Chunks,
    stride: usize,
    sizes: Vec<usize>,
    frames: Vec<Frame>,
    /// Of every chunk, as in [`LocalSpeakers`].
    alone: Vec<u8>,
}

/// What chunks say of one frame: sums over them.
#[derive(Debug, Clone, Copy, Default)]
struct Frame {
    weight: f32,
    some: f32,
    several: f32,
}

/// How probable it is in each frame that somebody speaks, and that several do, and who is alone.
#[derive(Debug, Clone)]
pub(super) struct Activity {
    some: Vec<f32>,
    several: Vec<f32>,
    pub(super) locals: LocalSpeakers,
}

impl<'a> Listener<'a> {
    pub(super) fn new(segmenter: &'a Segmenter, settings: &Settings) -> Self {
        let metadata = segmenter.metadata();
        let step = (settings.chunk_step * f64::from(SAMPLE_RATE)).round() as usize;
        let step = step.clamp(metadata.shift, metadata.window);
        // Whole frames, so that those of all chunks are the recording's.
        let stride = ((step + metadata.shift / 2) / metadata.shift).max(1);
        let step = (stride * metadata.shift).min(metadata.window);
        Self {
            segmenter,
            chunks: Chunks::new(metadata.window, step),
            stride,
            sizes: powerset::sizes(metadata.speakers, metadata.at_once),
            frames: Vec::new(),
            alone: Vec::new(),
        }
    }

    /// Takes in samples; `end` says that there are no more.
    pub(super) fn push(&mut self, samples: &[f32], end: bool) -> Result<(), PipelineError> {
        let Self {
            segmenter,
            chunks,
            stride,
            sizes,
            frames,
            alone,
        } = self;
        let metadata = segmenter.metadata();
        let shift = metadata.shift;
        chunks.push(samples);
        chunks.each(end, |number, chunk, present| {
            let classes = segmenter.run(chunk)?;
            let first = number * *stride;
            // Frames whose middle the recording has, and at least one.
            let there = present
                .saturating_sub(metadata.field / 2)
                .div_ceil(shift)
                .max(1);
            for row in classes.rows() {
                alone.extend(powerset::alone(&row, sizes));
            }
            for (index, row) in classes.rows().into_iter().enumerate().take(there) {
                let (some, several) = powerset::activity(&row, sizes);
                let weight = weight(index, classes.nrows());
                if frames.len() <= first + index {
                    frames.resize(first + index + 1, Frame::default());
                }
                let frame = &mut frames[first + index];
                frame.weight += weight;
                frame.some += weight * some;
                frame.several += weight * several;
            }
            Ok(())
        })
    }

    pub(super) fn finish(self) -> Activity {
        let mean = |of: fn(&Frame) -> f32| -> Vec<f32> {
            let frames = self.frames.iter();
            let mean = |frame: &Frame| of(frame) / frame.weight.max(f32::MIN_POSITIVE);
            frames.map(mean).collect()
        };
        let SegmentationMetadata {
            field,
            shift,
            speakers,
            ..
        } = *self.segmenter.metadata();
        let chunks = self.chunks.handed_over();
        let rows = self.alone.len() / (chunks * speakers).max(1);
        let alone = Array3::from_shape_vec((chunks, rows, speakers), self.alone);
        Activity {
            some: mean(|frame| frame.some),
            several: mean(|frame| frame.several),
            locals: LocalSpeakers {
                alone: alone.unwrap_or_default(),
                frames: LocalFrames {
                    field,
                    shift,
                    stride: self.stride,
                },
            },
        }
    }
}

impl Activity {
    /// When anybody speaks, and when several do, in a recording of `seconds`.
    ///
    /// Speech counts only near `detected`, what the speech detector hears: a model that was trained to
    /// hear faint voices hears those next door, too.
    pub(super) fn timelines(
        &self,
        detected: &Timeline,
        settings: &Settings,
        seconds: f64,
    ) -> (Timeline, Timeline) {
        let speech = self
            .above(&self.some, settings.speech_threshold, seconds)
            .crop(&detected.widened(settings.cross_check));
        let overlap = self.above(&self.several, settings.overlap_threshold, seconds);
        (speech.support(0.0), overlap.crop(&speech).support(0.0))
    }

    fn above(&self, values: &[f32], threshold: f32, seconds: f64) -> Timeline {
        let frames = values.chunk_by(|a, b| (*a >= threshold) == (*b >= threshold));
        let mut from = 0;
        let runs = frames.filter_map(|run| {
            let start = from;
            from += run.len();
            let end = if from == values.len() {
                seconds
            } else {
                self.locals.frames.border(from).min(seconds)
            };
            (run[0] >= threshold)
                .then(|| Segment::new(self.locals.frames.border(start).min(seconds), end))
        });
        runs.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_lie_between_the_frames_middles() {
        let activity = Activity {
            some: vec![0.9, 0.9, 0.1, 0.2, 0.6, 0.8],
            several: vec![0.0, 0.7, 0.9, 0.0, 0.0, 0.1],
            locals: LocalSpeakers {
                alone: Array3::zeros((1, 6, 3)),
                frames: LocalFrames {
                    field: 320,
                    shift: 320,
                    stride: 6,
                },
            },
        };
        let everywhere = [Segment::new(0.0, 1.0)].into_iter().collect();
        let (speech, overlap) = activity.timelines(&everywhere, &Settings::default(), 0.119);
        assert_eq!(
            speech.segments(),
            [Segment::new(0.0, 0.04), Segment::new(0.08, 0.119)]
        );
        // Several are more than nobody: what is no speech is no overlap.
        assert_eq!(overlap.segments(), [Segment::new(0.02, 0.04)]);

        let near = Settings {
            cross_check: 0.005,
            ..Settings::default()
        };
        let detected = [Segment::new(0.05, 0.09)].into_iter().collect();
        let (speech, overlap) = activity.timelines(&detected, &near, 0.119);
        assert_eq!(speech.segments(), [Segment::new(0.08, 0.09 + 0.005)]);
        assert!(overlap.is_empty());
    }
}
