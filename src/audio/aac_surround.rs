//! AAC beyond what symphonia decodes: more than two channels, or laid out in the stream.

use rusty_aac::config::{self, StreamConfig};
use rusty_aac::decode::Decoder;
use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::errors::{Error, Result, unsupported_error};
use symphonia::core::packet::Packet;

use super::packet_decoder::PacketDecoder;

/// The object type of AAC-LC (ISO/IEC 14496-3, 1.5.1).
const LOW_COMPLEXITY: u8 = 2;

/// Hands out channels in WAVE's order: front left and right, centre, low frequencies, and those
/// behind.
pub(super) struct AacSurround {
    configuration: StreamConfig,
    decoder: Decoder,
}

impl AacSurround {
    pub(super) fn new(parameters: &AudioCodecParameters) -> Result<Self> {
        let mut configuration = if let Some(stated) = parameters.extra_data.as_deref() {
            config::parse(stated).map_err(|error| describe(&error))?
        } else {
            // ADTS, which announces neither the replication of bands nor another object type.
            let Some(rate) = parameters.sample_rate else {
                return unsupported_error("aac: sample rate is required");
            };
            let channels = parameters.channels.as_ref().map_or(0, Channels::count);
            StreamConfig::lc(LOW_COMPLEXITY, rate, configuration_of(channels))
        };
        // The core alone, as `aac` says.
        configuration.sbr = false;
        configuration.ps = false;
        configuration.sbr_explicitly_absent = true;
        configuration.ext_sample_rate = configuration.sample_rate;
        let decoder =
            Decoder::with_stream_config(configuration.clone()).map_err(|error| describe(&error))?;
        Ok(Self {
            configuration,
            decoder,
        })
    }
}

impl PacketDecoder for AacSurround {
    fn name(&self) -> &'static str {
        "aac"
    }

    fn decode(&mut self, packet: &Packet, planes: &mut Vec<Vec<f32>>) -> Result<u32> {
        let decoded = self.decoder.decode(&packet.data, None);
        let decoded = decoded.map_err(|error| describe(&error))?;
        let channels = usize::from(decoded.channels);
        planes.resize_with(channels, Vec::new);
        for (channel, plane) in planes.iter_mut().enumerate() {
            plane.clear();
            plane.extend(decoded.samples.iter().skip(channel).step_by(channels));
        }
        Ok(decoded.sample_rate)
    }

    fn reset(&mut self) {
        // A configuration that was accepted once is accepted again.
        if let Ok(decoder) = Decoder::with_stream_config(self.configuration.clone()) {
            self.decoder = decoder;
        }
    }
}

/// The channel configuration of that many channels (ISO/IEC 14496-3, 1.6.3.5); 0 where the stream
/// says it itself.
fn configuration_of(channels: usize) -> u8 {
    match channels {
        count @ 1..=6 => count as u8,
        8 => 7,
        _ => 0,
    }
}

fn describe(error: &rusty_aac::Error) -> Error {
    match error {
        rusty_aac::Error::Unsupported(_) => {
            Error::DecodeError("aac: the stream uses a tool that is not supported")
        }
        _ => Error::DecodeError("aac: invalid data"),
    }
}
