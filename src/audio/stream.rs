//! The decoder as the pipeline sees it.

use super::decoder::{Decoded, Decoder, Ending};
use super::mixdown::mix_down;
use super::resample::Resampler;
use super::{AudioError, DecodeOptions, Recording, SAMPLE_RATES};
use crate::domain::{SAMPLE_RATE, Warning};

/// Samples [`AudioStream::read`] appends at most: one second.
const BLOCK: usize = SAMPLE_RATE as usize;

/// Audio may end this many seconds before its header says and still count as complete: headers
/// count encoder padding, and some only estimate.
const TOLERATED_LOSS_SECONDS: f64 = 0.25;

/// What a file is, as its headers and its first packet tell.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioInfo {
    /// Short name of the container, like `wave` or `isomp4`.
    pub container: &'static str,
    /// Short name of the codec, like `pcm_s16le` or `opus`.
    pub codec: &'static str,
    /// Sample rate before resampling, in hertz; for Opus, which has no rate, that of its decoder.
    pub sample_rate_hz: u32,
    /// Channels before mixing down.
    pub channels: usize,
    /// Length in seconds as the header has it; absent in streams, and not to be relied on.
    pub duration_seconds: Option<f64>,
}

/// A file as mono samples at [`SAMPLE_RATE`], full scale ±1, in blocks of at most a second.
///
/// Memory is bounded by the longest packet, whatever the file's length or its header's claims.
/// Where packets are missing, silence takes their place, so that sample `k` lies `k / 16000` s after
/// the first one.
pub struct AudioStream {
    decoder: Decoder,
    options: DecodeOptions,
    info: AudioInfo,
    resampler: Resampler,
    mono: Vec<f32>,
    ready: Vec<f32>,
    /// Silence still to be resampled, in frames of the file's rate.
    gap: u64,
    /// Samples of the file before the current rate, in seconds, and frames at it.
    earlier_seconds: f64,
    frames: u64,
    ended: bool,
}

impl AudioStream {
    /// Opens `recording` (a path, or what else has bytes), recognises its content and decodes the first
    /// packet.
    ///
    /// # Errors
    /// [`AudioError`] says what about the file is refused, and at which limit.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "so that a path may be given in every form, as to `File::open`"
    )]
    pub fn open(recording: impl Recording, options: &DecodeOptions) -> Result<Self, AudioError> {
        let mut decoder = Decoder::open(&recording, &options.limits)?;
        let limit = options.limits.max_duration_seconds;
        let duration_seconds = decoder.stated_seconds();
        if let Some(seconds) = duration_seconds.filter(|seconds| *seconds > limit) {
            return Err(AudioError::TooLong {
                limit,
                seconds,
                stated: true,
            });
        }
        let (container, codec) = (decoder.container(), decoder.codec());
        if !decoder.advance()? {
            return Err(match decoder.ending() {
                Some(Ending::Broken(reason)) => AudioError::Malformed {
                    container,
                    reason: reason.clone(),
                },
                _ => AudioError::NoSamples { container },
            });
        }
        let Decoded { gap, planes, rate } = decoder.decoded();
        check_rate(rate)?;
        let mut mono = Vec::new();
        mix_down(planes, options.channel, &mut mono)?;
        let info = AudioInfo {
            container,
            codec,
            sample_rate_hz: rate,
            channels: planes.len(),
            duration_seconds,
        };
        let mut stream = Self {
            decoder,
            options: *options,
            info,
            resampler: Resampler::new(rate)?,
            mono,
            ready: Vec::new(),
            gap,
            earlier_seconds: 0.0,
            frames: 0,
            ended: false,
        };
        if gap == 0 {
            stream.take_mono()?;
        }
        Ok(stream)
    }

    /// What the file is.
    pub fn info(&self) -> &AudioInfo {
        &self.info
    }

    /// Appends the next samples to `block`, at most a second of them; `false` at the end, when
    /// nothing was appended.
    ///
    /// # Errors
    /// [`AudioError::TooLong`] and [`AudioError::Sample`] where the limits are broken,
    /// [`AudioError::Read`] where the disk fails. A file that breaks off is no error: see
    /// [`AudioStream::warning`].
    pub fn read(&mut self, block: &mut Vec<f32>) -> Result<bool, AudioError> {
        while self.ready.len() < BLOCK && !self.ended {
            self.advance()?;
        }
        let taken = self.ready.len().min(BLOCK);
        block.extend(self.ready.drain(..taken));
        Ok(taken > 0)
    }

    /// [`Warning::Truncated`] if the file broke off; complete once [`AudioStream::read`] has
    /// returned `false`.
    pub fn warning(&self) -> Option<Warning> {
        let reason = match self.decoder.ending()? {
            Ending::Broken(reason) => {
                format!("after {:.2} s, {reason}", self.seconds())
            }
            Ending::Complete => {
                let stated = self.info.duration_seconds?;
                if self.seconds() + TOLERATED_LOSS_SECONDS >= stated {
                    return None;
                }
                let seconds = self.seconds();
                format!("it ends after {seconds:.2} s of the {stated:.2} s its header states")
            }
        };
        Some(Warning::Truncated { reason })
    }

    /// How much of the file has been read, from 0 to 1, by bytes.
    pub fn fraction(&self) -> Option<f32> {
        let exhausted = self.ended && self.ready.is_empty();
        Some(if exhausted {
            1.0
        } else {
            self.decoder.fraction()
        })
    }

    /// Seconds decoded so far.
    fn seconds(&self) -> f64 {
        self.earlier_seconds + self.frames as f64 / f64::from(self.resampler.rate())
    }

    /// Moves one packet, or a stretch of silence, through the resampler.
    fn advance(&mut self) -> Result<(), AudioError> {
        if self.gap > 0 {
            let frames = self.gap.min(u64::from(self.resampler.rate()));
            self.gap -= frames;
            self.count(frames)?;
            let silence = vec![0.0; usize::try_from(frames).unwrap_or(0)];
            self.resampler.push(&silence, &mut self.ready);
            return Ok(());
        }
        if !self.mono.is_empty() {
            return self.take_mono();
        }
        if !self.decoder.advance()? {
            self.resampler.finish(&mut self.ready);
            self.ended = true;
            return Ok(());
        }
        let Decoded { gap, planes, rate } = self.decoder.decoded();
        mix_down(planes, self.options.channel, &mut self.mono)?;
        if rate != self.resampler.rate() {
            check_rate(rate)?;
            self.earlier_seconds = self.seconds();
            self.frames = 0;
            self.resampler.finish(&mut self.ready);
            self.resampler = Resampler::new(rate)?;
        }
        self.gap = gap;
        Ok(())
    }

    /// Checks and resamples what lies in `mono`.
    fn take_mono(&mut self) -> Result<(), AudioError> {
        let rate = f64::from(self.resampler.rate());
        // Written so that NaN fails too.
        let sane = |sample: &f32| sample.abs() <= AudioError::LARGEST_SAMPLE;
        if !self.mono.iter().all(sane)
            && let Some(at) = self.mono.iter().position(|sample| !sane(sample))
        {
            return Err(AudioError::Sample {
                value: self.mono[at],
                seconds: self.seconds() + at as f64 / rate,
            });
        }
        self.count(self.mono.len() as u64)?;
        self.resampler.push(&self.mono, &mut self.ready);
        self.mono.clear();
        Ok(())
    }

    /// Counts frames about to be resampled against the limit.
    fn count(&mut self, frames: u64) -> Result<(), AudioError> {
        self.frames += frames;
        let limit = self.options.limits.max_duration_seconds;
        let seconds = self.seconds();
        if seconds > limit {
            return Err(AudioError::TooLong {
                limit,
                seconds,
                stated: false,
            });
        }
        Ok(())
    }
}

fn check_rate(rate: u32) -> Result<(), AudioError> {
    if SAMPLE_RATES.contains(&rate) {
        Ok(())
    } else {
        Err(AudioError::SampleRate(rate))
    }
}
