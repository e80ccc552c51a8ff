//! The channels of a recording, each diarized by itself, as one result.

use ndarray::{Array2, ArrayView2, Axis, concatenate};

use crate::domain::{
    Annotation, Cancelled, Diarization, ProgressHook, SpeakerLabel, Step, StepSeconds, Timeline,
    Turn, Warning,
};

/// Joins results of the channels of one recording, the first channel's first.
///
/// No voice is compared with one on another channel: every speaker belongs to one channel, and they
/// are numbered over all of them in order of first appearance. Windows, embeddings and labels follow
/// each other channel by channel.
#[must_use]
pub fn join(channels: Vec<Diarization>) -> Diarization {
    let numbers = numbers(&channels);
    let mut speaker_channels = vec![0; numbers.iter().map(Vec::len).sum()];
    for (channel, numbers) in (1..).zip(&numbers) {
        for &number in numbers {
            speaker_channels[number] = channel;
        }
    }
    let renamed = |turns: fn(&Diarization) -> &Annotation| -> Annotation {
        let turns = channels.iter().zip(&numbers).flat_map(|(own, numbers)| {
            turns(own).turns().iter().cloned().map(|turn| {
                let number = turn.speaker.number();
                let number = number.and_then(|local| numbers.get(local));
                Turn {
                    speaker: number.map_or(turn.speaker, |&number| SpeakerLabel::nth(number)),
                    ..turn
                }
            })
        });
        turns.collect()
    };
    let annotation = renamed(|own| &own.annotation);
    let exclusive = renamed(|own| &own.exclusive).exclusive();
    let speech = channels.iter().flat_map(|own| own.speech.segments());
    let speech: Timeline = speech.copied().collect();
    let overlap = channels.iter().flat_map(|own| own.overlap.segments());
    let overlap: Timeline = overlap.copied().collect();
    let labels = channels.iter().zip(&numbers);
    let labels = labels.flat_map(|(own, numbers)| own.labels.iter().map(|&label| numbers[label]));
    let labels = labels.collect();
    Diarization {
        annotation,
        exclusive,
        windows: channels
            .iter()
            .flat_map(|own| own.windows.clone())
            .collect(),
        sliding_window: crate::domain::SlidingWindow::EMBEDDING,
        embeddings: stacked(&channels),
        labels,
        speaker_channels,
        resumed_windows: channels.iter().map(|own| own.resumed_windows).sum(),
        audio_seconds: channels
            .iter()
            .map(|own| own.audio_seconds)
            .fold(0.0, f64::max),
        speech: speech.support(0.0),
        overlap: overlap.support(0.0),
        locals: None,
        seconds: channels
            .iter()
            .map(|own| own.seconds)
            .fold(StepSeconds::default(), sum),
        warnings: warnings(channels),
    }
}

/// The number that each channel's speakers get: those that are heard in order of first appearance, and
/// then those that only windows were given to.
fn numbers(channels: &[Diarization]) -> Vec<Vec<usize>> {
    let mut heard = Vec::new();
    let mut silent = Vec::new();
    for (channel, own) in channels.iter().enumerate() {
        let labelled = own.labels.iter().max().map_or(0, |most| most + 1);
        let count = labelled.max(own.annotation.speakers().len());
        for local in 0..count {
            let name = SpeakerLabel::nth(local);
            let first = own
                .annotation
                .turns()
                .iter()
                .find(|turn| turn.speaker == name);
            match first {
                Some(turn) => heard.push((turn.segment, channel, local)),
                None => silent.push((channel, local)),
            }
        }
    }
    heard.sort();
    let order = heard
        .into_iter()
        .map(|(_, channel, local)| (channel, local));
    let mut numbers = vec![Vec::new(); channels.len()];
    let mut order: Vec<_> = order.chain(silent).enumerate().collect();
    order.sort_by_key(|(_, place)| *place);
    for (number, (channel, _)) in order {
        numbers[channel].push(number);
    }
    numbers
}

/// `(windows of all channels, dim)`.
fn stacked(channels: &[Diarization]) -> Array2<f32> {
    let tables: Vec<ArrayView2<f32>> = channels
        .iter()
        .map(|own| own.embeddings.view())
        .filter(|table| table.nrows() > 0)
        .collect();
    let empty = || channels.first().map(|own| own.embeddings.clone());
    match concatenate(Axis(0), &tables) {
        Ok(table) => table,
        // No channel has any.
        Err(_) => empty().unwrap_or_default(),
    }
}

fn sum(all: StepSeconds, own: StepSeconds) -> StepSeconds {
    StepSeconds {
        decode: all.decode + own.decode,
        speech: all.speech + own.speech,
        filterbank: all.filterbank + own.filterbank,
        embedding: all.embedding + own.embedding,
        clustering: all.clustering + own.clustering,
        assembly: all.assembly + own.assembly,
        total: all.total + own.total,
    }
}

/// What is said of all channels once, the rest with its channel.
fn warnings(channels: Vec<Diarization>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (channel, own) in (1..).zip(channels) {
        for warning in own.warnings {
            let warning = match warning {
                Warning::Truncated { .. } => warning,
                warning => Warning::OnChannel {
                    channel,
                    warning: Box::new(warning),
                },
            };
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
    }
    warnings
}

/// Progress of one channel of several, as progress of them all.
pub struct ChannelProgress<'a> {
    /// Who is told.
    pub all: &'a dyn ProgressHook,
    /// The channel, from 0.
    pub index: usize,
    /// How many there are.
    pub count: usize,
}

impl ProgressHook for ChannelProgress<'_> {
    fn progress(&self, step: Step, fraction: Option<f32>) -> Result<(), Cancelled> {
        let done = |fraction: f32| (self.index as f32 + fraction) / self.count as f32;
        match step {
            Step::Embeddings => self.all.progress(step, fraction.map(done)),
            // The model will be needed again.
            _ if self.index + 1 < self.count => {
                self.all.progress(Step::Embeddings, Some(done(1.0)))
            }
            _ => self.all.progress(step, fraction),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Segment, SlidingWindow};

    fn channel(turns: &[(f64, f64, usize)], labels: &[usize]) -> Diarization {
        let turns = turns.iter().map(|&(start, end, speaker)| Turn {
            segment: Segment::new(start, end),
            speaker: SpeakerLabel::nth(speaker),
            confidence: Some(0.5),
        });
        let annotation: Annotation = turns.collect();
        Diarization {
            exclusive: annotation.clone(),
            speech: annotation.timeline(),
            overlap: Timeline::default(),
            locals: None,
            annotation,
            windows: (0..labels.len()).collect(),
            sliding_window: SlidingWindow::EMBEDDING,
            embeddings: Array2::from_elem((labels.len(), 2), labels.len() as f32),
            labels: labels.to_vec(),
            speaker_channels: Vec::new(),
            resumed_windows: 1,
            audio_seconds: 9.0,
            seconds: StepSeconds {
                total: 1.5,
                ..StepSeconds::default()
            },
            warnings: vec![
                Warning::Truncated {
                    reason: "torn".to_owned(),
                },
                Warning::OtherClustering {
                    asked: "a",
                    used: "b",
                    reason: "c".to_owned(),
                },
            ],
        }
    }

    #[test]
    fn speakers_of_all_channels_are_numbered_as_they_appear() {
        let left = channel(&[(1.0, 3.0, 0), (5.0, 6.0, 1)], &[0, 1, 2]);
        let right = channel(&[(0.5, 2.0, 0), (6.0, 7.0, 0)], &[0, 0]);
        let joined = join(vec![left, right]);
        let turns: Vec<_> = joined
            .annotation
            .turns()
            .iter()
            .map(|turn| (turn.segment.start, turn.speaker.to_string()))
            .collect();
        let name = |n| SpeakerLabel::nth(n).to_string();
        assert_eq!(
            turns,
            [
                (0.5, name(0)),
                (1.0, name(1)),
                (5.0, name(2)),
                (6.0, name(0))
            ]
        );
        // The third cluster on the left won no turn and comes last.
        assert_eq!(joined.speaker_channels, [2, 1, 1, 1]);
        assert_eq!(joined.labels, [1, 2, 3, 0, 0]);
        assert_eq!(joined.windows, [0, 1, 2, 0, 1]);
        assert_eq!(
            joined.embeddings.column(0).to_vec(),
            [3.0, 3.0, 3.0, 2.0, 2.0]
        );
        let exclusive: Vec<_> = joined
            .exclusive
            .turns()
            .iter()
            .map(|turn| turn.segment)
            .collect();
        assert_eq!(exclusive[1], Segment::new(2.0, 3.0));
        assert_eq!(joined.warnings.len(), 3);
        assert!(joined.warnings[2].to_string().starts_with("channel 2: "));
        assert_eq!((joined.resumed_windows, joined.seconds.total), (2, 3.0));
    }

    #[test]
    fn silence_on_every_channel_is_no_error() {
        let joined = join(vec![channel(&[], &[]), channel(&[], &[])]);
        assert!(joined.annotation.is_empty() && joined.speaker_channels.is_empty());
        assert_eq!(joined.embeddings.nrows(), 0);
    }
}
