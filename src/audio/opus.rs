//! Opus with any number of channels.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::codecs::registry::RegisterableAudioDecoder as _;
use symphonia::core::errors::{Error, Result, decode_error};
use symphonia::core::packet::{Packet, PacketRef};
use symphonia::core::units::Duration;
use symphonia_adapter_libopus::OpusDecoder;

use super::opus_framing::split_first;
use super::opus_header::OpusHeader;
use super::packet_decoder::PacketDecoder;
use crate::domain::SAMPLE_RATE;

/// The rate that every number in Opus refers to, in hertz. The rate that Matroska states is that
/// of the encoder's input, which says nothing (RFC 7845 5.1).
pub(super) const OPUS_RATE: u32 = 48_000;

/// One decoder for each stream of a packet: all but the last in the framing that tells its own
/// length (RFC 6716, appendix B), each with one channel or two.
///
/// They decode straight to [`SAMPLE_RATE`], which libopus does itself in a third of the work.
pub(super) struct OpusStreams {
    streams: Vec<Box<dyn AudioDecoder>>,
    mapping: Vec<u8>,
    /// The channels of all streams, one after the other.
    decoded: Vec<Vec<f32>>,
    /// Those of one.
    stream: Vec<Vec<f32>>,
}

impl OpusStreams {
    pub(super) fn new(header: &OpusHeader) -> Result<Self> {
        let streams = (0..header.streams).map(|stream| {
            let channels = if stream < header.coupled { 2 } else { 1 };
            let mut parameters = AudioCodecParameters::new();
            parameters
                .for_codec(CODEC_ID_OPUS)
                .with_sample_rate(SAMPLE_RATE)
                .with_channels(Channels::Discrete(channels));
            OpusDecoder::try_registry_new(&parameters, &AudioDecoderOptions::default())
        });
        Ok(Self {
            streams: streams.collect::<Result<_>>()?,
            mapping: header.mapping.clone(),
            decoded: Vec::new(),
            stream: Vec::new(),
        })
    }
}

impl PacketDecoder for OpusStreams {
    fn name(&self) -> &'static str {
        "opus"
    }

    fn decode(&mut self, packet: &Packet, planes: &mut Vec<Vec<f32>>) -> Result<u32> {
        self.decoded.clear();
        let mut rest = &packet.data[..];
        let last = self.streams.len() - 1;
        for (index, stream) in self.streams.iter_mut().enumerate() {
            let framed;
            let data = if index == last {
                rest
            } else {
                (framed, rest) = split_first(rest)
                    .ok_or(Error::DecodeError("opus: a stream is missing in a packet"))?;
                &framed
            };
            let alone = PacketRef::new(packet.track_id, packet.pts, packet.dur, data);
            stream
                .decode_ref(&alone)?
                .copy_to_vecs_planar(&mut self.stream);
            self.decoded.append(&mut self.stream);
        }
        let frames = self.decoded.first().map_or(0, Vec::len);
        if self.decoded.iter().any(|plane| plane.len() != frames) {
            return decode_error("opus: the streams of a packet differ in length");
        }
        let start = frames_of(packet.trim_start).min(frames);
        let end = frames - frames_of(packet.trim_end).min(frames - start);
        planes.resize_with(self.mapping.len(), Vec::new);
        for (plane, &index) in planes.iter_mut().zip(&self.mapping) {
            plane.clear();
            match self.decoded.get(usize::from(index)) {
                Some(decoded) => plane.extend_from_slice(&decoded[start..end]),
                // `SILENT` is beyond them all.
                None => plane.resize(end - start, 0.0),
            }
        }
        Ok(SAMPLE_RATE)
    }

    fn reset(&mut self) {
        for stream in &mut self.streams {
            stream.reset();
        }
    }
}

/// What the container says to trim, in frames of the decoder's rate.
fn frames_of(trim: Duration) -> usize {
    usize::try_from(trim.get() / u64::from(OPUS_RATE / SAMPLE_RATE)).unwrap_or(usize::MAX)
}
