//! Packets of one audio track to planes of samples.

use std::sync::Arc;

use symphonia::core::errors::Error;
use symphonia::core::formats::FormatReader;
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

use super::edit_list::leading_seconds;
use super::fault::{describe, guarded, is_disk_failure, is_end_of_file, refused};
use super::packet_decoder::PacketDecoder;
use super::registry::{open_container, select, stated_seconds};
use super::source::{Meter, Source};
use super::{AudioError, Limits, Recording};

/// Packets in a row that may fail before the track is given up.
const MOST_FAILURES: u64 = 100;

/// Time stamps may lag behind the samples by this many seconds before silence makes up for it:
/// more than the rounding of any container, less than anybody would notice.
const TOLERATED_GAP_SECONDS: f64 = 0.1;

/// One track of one file, read from front to back.
pub(super) struct Decoder {
    format: Box<dyn FormatReader>,
    codec: Box<dyn PacketDecoder>,
    meter: Arc<Meter>,
    bytes: u64,
    /// The file ends before its header says, though the demuxer was not told.
    cut_short: bool,
    /// The header does not say where the file ends, so that any end is as good as another.
    open_ended: bool,
    /// Seconds to drop from the front, once the first packet gives the rate.
    leading_seconds: f64,
    container: &'static str,
    track: u32,
    time_base: Option<TimeBase>,
    /// Time stamp of the first sample, in seconds.
    origin: Option<f64>,
    /// Length of what was handed out since `origin`, in seconds.
    elapsed: f64,
    /// Whether any packet was decoded.
    started: bool,
    /// Frames still to be dropped from the front.
    skip: u64,
    gap: u64,
    planes: Vec<Vec<f32>>,
    rate: u32,
    failures: u64,
    ending: Option<Ending>,
    stated_seconds: Option<f64>,
}

/// How the track ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// Where the container says it does.
    Complete,
    /// Earlier; why.
    Broken(String),
}

/// Samples handed out by [`Decoder::decoded`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Decoded<'a> {
    /// Frames of silence that precede them, where packets are missing.
    pub(super) gap: u64,
    /// One slice per channel, of equal length.
    pub(super) planes: &'a [Vec<f32>],
    /// In hertz.
    pub(super) rate: u32,
}

impl Decoder {
    /// Recognises the container and finds a decoder for its audio track.
    pub(super) fn open(recording: &dyn Recording, limits: &Limits) -> Result<Self, AudioError> {
        let source = Source::open(recording, limits)?;
        let (meter, bytes) = (source.meter(), source.bytes());
        let (cut_short, open_ended) = (source.is_cut_short(), source.is_open_ended());
        let format = open_container(source)?;
        let container = format.format_info().short_name;
        let (track, codec) = select(format.as_ref(), container)?;
        let mut leading = codec.leading_seconds;
        if leading == 0.0 && container == "isomp4" {
            leading = leading_seconds(recording, track.id).unwrap_or(0.0);
        }
        Ok(Self {
            codec: codec.decoder,
            meter,
            bytes,
            cut_short,
            open_ended,
            leading_seconds: leading,
            container,
            track: track.id,
            time_base: track.time_base,
            origin: None,
            elapsed: 0.0,
            started: false,
            skip: 0,
            gap: 0,
            planes: Vec::new(),
            rate: 0,
            failures: 0,
            ending: None,
            stated_seconds: stated_seconds(&track, container),
            format,
        })
    }

    /// How much of the file has been read, from 0 to 1.
    pub(super) fn fraction(&self) -> f32 {
        (self.meter.position() as f64 / self.bytes.max(1) as f64).min(1.0) as f32
    }

    /// The container's short name.
    pub(super) fn container(&self) -> &'static str {
        self.container
    }

    /// The codec's short name.
    pub(super) fn codec(&self) -> &'static str {
        self.codec.name()
    }

    /// The track's length as its header has it, in seconds.
    pub(super) fn stated_seconds(&self) -> Option<f64> {
        self.stated_seconds
    }

    /// How the track ended, once it has.
    pub(super) fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// Decodes the next packet that yields samples; `false` at the end.
    pub(super) fn advance(&mut self) -> Result<bool, AudioError> {
        while self.ending.is_none() {
            self.meter.begin_step();
            let format = &mut self.format;
            let packet = match guarded(|| format.next_packet()) {
                Ok(Some(packet)) if packet.track_id == self.track => packet,
                Ok(Some(_)) => continue,
                Ok(None) => {
                    self.end_of_packets();
                    break;
                }
                // A chained stream: one recording follows another.
                Err(Error::ResetRequired) => {
                    self.select_again()?;
                    continue;
                }
                Err(error) => {
                    self.break_off(error)?;
                    break;
                }
            };
            match self.decode(&packet) {
                Ok(0) => {}
                Ok(_) => {
                    self.failures = 0;
                    return Ok(true);
                }
                Err(error) => self.fail(&packet, error)?,
            }
        }
        Ok(false)
    }

    /// What the last [`Decoder::advance`] decoded.
    pub(super) fn decoded(&self) -> Decoded<'_> {
        Decoded {
            gap: self.gap,
            planes: &self.planes,
            rate: self.rate,
        }
    }

    /// Decodes one packet into `planes`; returns the frames left after the track's delay.
    fn decode(&mut self, packet: &Packet) -> Result<usize, Error> {
        let (codec, planes) = (&mut self.codec, &mut self.planes);
        self.rate = guarded(|| codec.decode(packet, planes))?;
        let frames = self.planes.first().map_or(0, Vec::len);
        self.keep_time(packet, frames);
        let skipped = frames.min(usize::try_from(self.skip).unwrap_or(usize::MAX));
        if skipped > 0 {
            self.skip -= skipped as u64;
            for plane in &mut self.planes {
                plane.drain(..skipped);
            }
        }
        Ok(frames - skipped)
    }

    /// Compares the time stamps with the samples: what must be dropped at the front, and what is
    /// missing before `packet`, of which `frames` were decoded.
    fn keep_time(&mut self, packet: &Packet, frames: usize) {
        let rate = f64::from(self.rate.max(1));
        self.gap = 0;
        if let Some(start) = self.start_of(packet) {
            let leading = std::mem::take(&mut self.leading_seconds);
            self.skip += (leading * rate).round() as u64;
            let missing = start - *self.origin.get_or_insert(start) - self.elapsed;
            if missing > TOLERATED_GAP_SECONDS {
                self.gap = (missing * rate).round() as u64;
            }
        }
        self.started = true;
        self.elapsed += (self.gap as f64 + frames as f64) / rate;
    }

    /// The time stamp of `packet`'s first sample, in seconds.
    fn start_of(&self, packet: &Packet) -> Option<f64> {
        let base = self.time_base?;
        let trimmed = base.calc_duration_saturating(packet.trim_start);
        Some(base.calc_time_saturating(packet.pts).as_secs_f64() + trimmed.as_secs_f64())
    }

    /// `packet` could not be decoded: others may, and if it was the first, they come later by it.
    fn fail(&mut self, packet: &Packet, error: Error) -> Result<(), AudioError> {
        self.failures += 1;
        self.origin = self.origin.or_else(|| self.start_of(packet));
        match error {
            Error::DecodeError(_) | Error::IoError(_) | Error::ResetRequired
                if self.failures < MOST_FAILURES =>
            {
                self.codec.reset();
                Ok(())
            }
            error => self.break_off(error),
        }
    }

    /// Nothing more can be read: an error if nothing was, else the end.
    fn break_off(&mut self, error: Error) -> Result<(), AudioError> {
        if !self.started || is_disk_failure(&error) {
            return Err(refused(self.container, error));
        }
        self.ending = Some(if self.open_ended && is_end_of_file(&error) {
            Ending::Complete
        } else {
            Ending::Broken(describe(&error))
        });
        Ok(())
    }

    fn end_of_packets(&mut self) {
        self.ending = Some(if self.failures > 0 {
            Ending::Broken("the last packets cannot be decoded".to_owned())
        } else if self.cut_short {
            Ending::Broken("the file ends before its header says".to_owned())
        } else {
            Ending::Complete
        });
    }

    fn select_again(&mut self) -> Result<(), AudioError> {
        let (track, codec) = select(self.format.as_ref(), self.container)?;
        self.track = track.id;
        self.time_base = track.time_base;
        self.codec = codec.decoder;
        self.leading_seconds = codec.leading_seconds;
        self.origin = None;
        self.elapsed = 0.0;
        Ok(())
    }
}
