//! Which container, which track, which decoder.

use std::sync::LazyLock;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known as codecs;
use symphonia::core::codecs::audio::{
    AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions, CODEC_ID_NULL_AUDIO,
};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::common::Tier;
use symphonia::core::errors::Result as SymphoniaResult;
use symphonia::core::formats::probe::{Hint, Probe};
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia_adapter_libopus::OpusDecoder;

use super::aac::keep_the_core;
use super::aac_surround::AacSurround;
use super::adpcm::AdpcmLanes;
use super::fault::{describe, guarded, refused};
use super::mp4::Mp4Reader;
use super::opus::OpusStreams;
use super::opus_header::OpusHeader;
use super::packet_decoder::PacketDecoder;
use super::source::Source;
use super::wave::{self, WaveReader};
use super::{AudioError, SAMPLE_RATES};

static PROBE: LazyLock<Probe> = LazyLock::new(|| {
    let mut probe = Probe::default();
    probe.register_format_at_tier::<WaveReader<'_>>(Tier::Preferred);
    probe.register_format_at_tier::<Mp4Reader>(Tier::Preferred);
    symphonia::default::register_enabled_formats(&mut probe);
    probe
});

static CODECS: LazyLock<CodecRegistry> = LazyLock::new(|| {
    let mut codecs = CodecRegistry::new();
    symphonia::default::register_enabled_codecs(&mut codecs);
    codecs.register_audio_decoder::<OpusDecoder>();
    codecs
});

/// Codecs that films and phones contain and nothing here decodes.
const UNDECODED: [(AudioCodecId, &str); 9] = [
    (codecs::CODEC_ID_AC3, "AC-3"),
    (codecs::CODEC_ID_EAC3, "E-AC-3"),
    (codecs::CODEC_ID_AC4, "AC-4"),
    (codecs::CODEC_ID_DCA, "DTS"),
    (codecs::CODEC_ID_TRUEHD, "TrueHD"),
    (codecs::CODEC_ID_WMA, "WMA"),
    (codecs::CODEC_ID_SPEEX, "Speex"),
    (codecs::CODEC_ID_WAVPACK, "WavPack"),
    (codecs::CODEC_ID_MUSEPACK, "Musepack"),
];

/// Recognises the container by its content alone.
pub(super) fn open_container(source: Source) -> Result<Box<dyn FormatReader>, AudioError> {
    let stream = MediaSourceStream::new(Box::new(source), MediaSourceStreamOptions::default());
    let (format, metadata) = (FormatOptions::default(), MetadataOptions::default());
    guarded(|| PROBE.probe(&Hint::new(), stream, format, metadata))
        .map_err(|error| refused("audio", error))
}

/// A decoder ready for its first packet.
pub(super) struct Codec {
    pub(super) decoder: Box<dyn PacketDecoder>,
    /// Seconds to drop from the front.
    pub(super) leading_seconds: f64,
}

/// The audio track to decode: the container's default one, or the first with a decoder.
pub(super) fn select(
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
    let codec = parameters.codec;
    let unsupported = |reason| AudioError::UnsupportedCodec {
        container,
        codec: codec_name(codec, container),
        reason,
    };
    let refuse = |error| unsupported(describe(&error));
    if codec == codecs::CODEC_ID_OPUS {
        let header = OpusHeader::of(&parameters).map_err(refuse)?;
        return Ok(Codec {
            decoder: Box::new(guarded(|| OpusStreams::new(&header)).map_err(refuse)?),
            leading_seconds: header.pre_skip_seconds,
        });
    }
    if let Some(rate) = parameters.sample_rate
        && !SAMPLE_RATES.contains(&rate)
    {
        return Err(AudioError::SampleRate(rate));
    }
    keep_the_core(&mut parameters);
    if [codecs::CODEC_ID_PCM_ALAW, codecs::CODEC_ID_PCM_MULAW].contains(&codec) {
        // CAF states the 8 bits of the code, the decoder insists on the 16 of the sample.
        parameters.bits_per_sample = None;
        parameters.bits_per_coded_sample = None;
    }
    if CODECS.get_audio_decoder(codec).is_none() {
        return Err(unsupported("there is no decoder for it".to_owned()));
    }
    let decoder = guarded(|| choose(&parameters)).map_err(refuse)?;
    Ok(Codec {
        decoder,
        leading_seconds: 0.0,
    })
}

/// Symphonia's decoder, or ours for more channels than it knows of.
fn choose(parameters: &AudioCodecParameters) -> SymphoniaResult<Box<dyn PacketDecoder>> {
    Ok(match (parameters.codec, stock(parameters)) {
        (_, Ok(decoder)) => Box::new(decoder),
        (codecs::CODEC_ID_AAC, Err(_)) => Box::new(AacSurround::new(parameters)?),
        (codecs::CODEC_ID_ADPCM_MS | codecs::CODEC_ID_ADPCM_IMA_WAV, Err(_)) => {
            Box::new(AdpcmLanes::new(parameters, stock)?)
        }
        (_, Err(error)) => return Err(error),
    })
}

fn stock(parameters: &AudioCodecParameters) -> SymphoniaResult<Box<dyn AudioDecoder>> {
    CODECS.make_audio_decoder(parameters, &AudioDecoderOptions::default())
}

/// A codec's name, or what identifies it.
fn codec_name(id: AudioCodecId, container: &str) -> String {
    if id == CODEC_ID_NULL_AUDIO {
        return "(unknown)".to_owned();
    }
    if let Some(known) = CODECS.get_audio_decoder(id) {
        return known.codec.info.short_name.to_owned();
    }
    if let Some((_, name)) = UNDECODED.iter().find(|(undecoded, _)| *undecoded == id) {
        return (*name).to_owned();
    }
    let number = id.to_string();
    let four = u32::from_str_radix(number.trim_start_matches("0x"), 16)
        .ok()
        .filter(|number| number >> 31 == 1)
        .map(|number| (number & 0x7fff_ffff).to_be_bytes());
    match four {
        Some(characters) if characters.iter().all(u8::is_ascii_graphic) => {
            let characters = String::from_utf8_lossy(&characters);
            if container == wave::SHORT_NAME {
                format!("format tag 0x{characters}")
            } else {
                characters.into_owned()
            }
        }
        _ => number,
    }
}

/// The track's length as its header has it, in seconds; `None` where symphonia can only guess it
/// from the size of the first frames (MPEG audio without a LAME header, ADTS).
pub(super) fn stated_seconds(track: &Track, container: &str) -> Option<f64> {
    let guessed = match container {
        "aac" => true,
        "mp1" | "mp2" | "mp3" => track.delay.is_none(),
        _ => false,
    };
    let base = track.time_base.filter(|_| !guessed)?;
    let duration = track.duration.filter(|duration| duration.get() > 0)?;
    Some(base.calc_duration_saturating(duration).as_secs_f64())
}
