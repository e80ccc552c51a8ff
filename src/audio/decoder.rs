//! Packets of one audio track to planes of samples.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{
    AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions, CODEC_ID_NULL_AUDIO,
};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::common::Tier;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::{Hint, Probe};
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;
use symphonia_adapter_libopus::OpusDecoder;

use super::delay::take_opus_pre_skip;
use super::source::{ElementTooLarge, Meter, Source};
use super::wave::WaveReader;
use super::{AudioError, SAMPLE_RATES};

static PROBE: LazyLock<Probe> = LazyLock::new(|| {
    let mut probe = Probe::default();
    probe.register_format_at_tier::<WaveReader<'_>>(Tier::Preferred);
    symphonia::default::register_enabled_formats(&mut probe);
    probe
});

static CODECS: LazyLock<CodecRegistry> = LazyLock::new(|| {
    let mut codecs = CodecRegistry::new();
    symphonia::default::register_enabled_codecs(&mut codecs);
    codecs.register_audio_decoder::<OpusDecoder>();
    codecs
});

/// Packets in a row that may fail before the track is given up.
const MOST_FAILURES: u64 = 100;

/// Time stamps may lag behind the samples by this many seconds before silence makes up for it:
/// more than the rounding of any container, less than anybody would notice.
const TOLERATED_GAP_SECONDS: f64 = 0.1;

/// One track of one file, read from front to back.
pub(super) struct Decoder {
    format: Box<dyn FormatReader>,
    codec: Box<dyn AudioDecoder>,
    meter: Arc<Meter>,
    container: &'static str,
    track: u32,
    time_base: Option<TimeBase>,
    /// Time stamp of the first sample, in seconds.
    origin: Option<f64>,
    /// Length of what was handed out since `origin`, in seconds.
    elapsed: f64,
    /// Frames still to be dropped from the front.
    skip: u64,
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

/// Samples handed out by [`Decoder::next`].
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
    pub(super) fn open(source: Source, meter: Arc<Meter>) -> Result<Self, AudioError> {
        let stream = MediaSourceStream::new(Box::new(source), MediaSourceStreamOptions::default());
        let (format, meta) = (FormatOptions::default(), MetadataOptions::default());
        let format = guarded(|| PROBE.probe(&Hint::new(), stream, format, meta))
            .unwrap_or_else(Err)
            .map_err(|error| refused("audio", error))?;
        let container = format.format_info().short_name;
        let (track, codec) = select(format.as_ref(), container)?;
        Ok(Self {
            codec: codec.decoder,
            meter,
            container,
            track: track.id,
            time_base: track.time_base,
            origin: None,
            elapsed: 0.0,
            skip: codec.pre_skip,
            planes: Vec::new(),
            rate: 0,
            failures: 0,
            ending: None,
            stated_seconds: stated_seconds(&track),
            format,
        })
    }

    /// The container's short name.
    pub(super) fn container(&self) -> &'static str {
        self.container
    }

    /// The codec's short name.
    pub(super) fn codec(&self) -> &'static str {
        self.codec.codec_info().short_name
    }

    /// The track's length as its header has it, in seconds.
    pub(super) fn stated_seconds(&self) -> Option<f64> {
        self.stated_seconds
    }

    /// How the track ended, once it has.
    pub(super) fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// Decodes the next packet that yields samples; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Decoded<'_>>, AudioError> {
        while self.ending.is_none() {
            self.meter.begin_step();
            let format = &mut self.format;
            let packet = match guarded(|| format.next_packet()).unwrap_or_else(Err) {
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
                Ok(frames) => {
                    self.failures = 0;
                    let gap = self.gap_before(&packet, frames);
                    return Ok(Some(Decoded {
                        gap,
                        planes: &self.planes,
                        rate: self.rate,
                    }));
                }
                Err(error) => self.fail(error)?,
            }
        }
        Ok(None)
    }

    /// Decodes one packet into `planes`; returns the frames left after the track's delay.
    fn decode(&mut self, packet: &Packet) -> Result<usize, Error> {
        let (codec, planes) = (&mut self.codec, &mut self.planes);
        let rate = guarded(|| {
            let decoded = codec.decode(packet)?;
            decoded.copy_to_vecs_planar(planes);
            Ok(decoded.spec().rate())
        })
        .unwrap_or_else(Err)?;
        self.rate = rate;
        let frames = self.planes.first().map_or(0, Vec::len);
        let skipped = frames.min(usize::try_from(self.skip).unwrap_or(usize::MAX));
        if skipped > 0 {
            self.skip -= skipped as u64;
            for plane in &mut self.planes {
                plane.drain(..skipped);
            }
        }
        Ok(frames - skipped)
    }

    /// Frames of silence missing between the samples so far and those of `packet`.
    fn gap_before(&mut self, packet: &Packet, frames: usize) -> u64 {
        let rate = f64::from(self.rate.max(1));
        let mut gap = 0;
        if let Some(base) = self.time_base {
            let start = base.calc_time_saturating(packet.pts).as_secs_f64();
            let origin = *self.origin.get_or_insert(start);
            let missing = start - origin - self.elapsed;
            if missing > TOLERATED_GAP_SECONDS {
                gap = (missing * rate).round() as u64;
            }
        }
        self.elapsed += (gap as f64 + frames as f64) / rate;
        gap
    }

    /// A packet could not be decoded: others may.
    fn fail(&mut self, error: Error) -> Result<(), AudioError> {
        self.failures += 1;
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
        if let Error::IoError(inner) = &error
            && inner.kind() != std::io::ErrorKind::UnexpectedEof
            && !inner.get_ref().is_some_and(|e| e.is::<ElementTooLarge>())
        {
            return Err(refused(self.container, error));
        }
        if self.elapsed == 0.0 {
            return Err(refused(self.container, error));
        }
        // A CAF of unknown length simply ends with the file.
        let open_ended = self.container == "caf" && self.stated_seconds.is_none();
        self.ending = Some(if open_ended && is_end_of_file(&error) {
            Ending::Complete
        } else {
            Ending::Broken(describe(&error))
        });
        Ok(())
    }

    fn end_of_packets(&mut self) {
        self.ending = Some(if self.failures > 0 {
            Ending::Broken("the last packets cannot be decoded".to_owned())
        } else {
            Ending::Complete
        });
    }

    fn select_again(&mut self) -> Result<(), AudioError> {
        let (track, codec) = select(self.format.as_ref(), self.container)?;
        self.track = track.id;
        self.time_base = track.time_base;
        self.codec = codec.decoder;
        self.skip = codec.pre_skip;
        self.origin = None;
        self.elapsed = f64::MIN_POSITIVE;
        Ok(())
    }
}

/// A decoder ready for its first packet.
struct Codec {
    decoder: Box<dyn AudioDecoder>,
    pre_skip: u64,
}

/// The audio track to decode: the container's default one, or the first with a decoder.
fn select(
    format: &dyn FormatReader,
    container: &'static str,
) -> Result<(Track, Codec), AudioError> {
    let default = format.default_track(TrackType::Audio).map(|track| track.id);
    let mut tracks: Vec<&Track> = format.tracks().iter().collect();
    tracks.sort_by_key(|track| Some(track.id) != default);
    let mut refusal = None;
    for track in &tracks {
        let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
            continue;
        };
        match make_decoder(parameters.clone(), container) {
            Ok(codec) => return Ok(((*track).clone(), codec)),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    Err(refusal.unwrap_or(AudioError::NoAudioTrack {
        container,
        tracks: tracks.len(),
    }))
}

fn make_decoder(
    mut parameters: AudioCodecParameters,
    container: &'static str,
) -> Result<Codec, AudioError> {
    if let Some(rate) = parameters.sample_rate
        && !SAMPLE_RATES.contains(&rate)
    {
        return Err(AudioError::SampleRate(rate));
    }
    let pre_skip = take_opus_pre_skip(&mut parameters);
    let options = AudioDecoderOptions::default();
    let decoder = guarded(|| CODECS.make_audio_decoder(&parameters, &options))
        .unwrap_or_else(Err)
        .map_err(|error| AudioError::UnsupportedCodec {
            container,
            codec: codec_name(parameters.codec),
            reason: describe(&error),
        })?;
    Ok(Codec { decoder, pre_skip })
}

/// A codec's name, or what identifies it.
fn codec_name(id: AudioCodecId) -> String {
    if id == CODEC_ID_NULL_AUDIO {
        return "(unknown)".to_owned();
    }
    if let Some(known) = CODECS.get_audio_decoder(id) {
        return known.codec.info.short_name.to_owned();
    }
    let number = id.to_string();
    let four = u32::from_str_radix(number.trim_start_matches("0x"), 16)
        .ok()
        .filter(|number| number >> 31 == 1)
        .map(|number| (number & 0x7fff_ffff).to_be_bytes());
    match four {
        Some(characters) if characters.iter().all(u8::is_ascii_graphic) => {
            characters.iter().map(|&byte| char::from(byte)).collect()
        }
        _ => number,
    }
}

fn stated_seconds(track: &Track) -> Option<f64> {
    let base = track.time_base?;
    let duration = track.duration.filter(|duration| duration.get() > 0)?;
    Some(base.calc_duration_saturating(duration).as_secs_f64())
}

/// Runs a piece of the libraries below on bytes of strangers. They are careful, not perfect: a
/// panic becomes an error of the file.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| Error::DecodeError("the reader failed on these bytes"))
}

fn is_end_of_file(error: &Error) -> bool {
    matches!(error, Error::IoError(inner) if inner.kind() == std::io::ErrorKind::UnexpectedEof)
}

fn describe(error: &Error) -> String {
    match error {
        error if is_end_of_file(error) => "the file ends in the middle".to_owned(),
        Error::DecodeError(reason) | Error::Unsupported(reason) | Error::LimitError(reason) => {
            (*reason).to_owned()
        }
        error => error.to_string(),
    }
}

fn refused(container: &'static str, error: Error) -> AudioError {
    match error {
        Error::Unsupported(reason) if reason.starts_with("core (probe)") => {
            AudioError::UnknownContainer
        }
        Error::IoError(inner)
            if inner.kind() != std::io::ErrorKind::UnexpectedEof
                && !inner.get_ref().is_some_and(|e| e.is::<ElementTooLarge>()) =>
        {
            AudioError::Read(inner)
        }
        error => AudioError::Malformed {
            container,
            reason: describe(&error),
        },
    }
}
