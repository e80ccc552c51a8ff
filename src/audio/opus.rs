//! Opus at the rate that is wanted, without the samples that are not part of the recording.

use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::packet::Packet;
use symphonia::core::units::Duration;

use crate::domain::SAMPLE_RATE;

/// The rate that every number in Opus refers to, in hertz. The rate that Matroska states is that
/// of the encoder's input, which says nothing (RFC 7845 5.1).
const OPUS_RATE: u32 = 48_000;

/// Prepares Opus for its decoder: has it decode straight to [`SAMPLE_RATE`], which libopus does
/// itself in a third of the work, and takes the pre-skip out of the identification header, so that
/// it is ours to apply. Returns it in seconds; 0 for other codecs.
///
/// The libopus adapter would drop it from the first packet only, though it may span several (RFC
/// 7845 4.2 allows up to 65,535 samples), and would read it in Ogg's byte order in MP4 too.
pub(super) fn prepare(parameters: &mut AudioCodecParameters) -> f64 {
    if parameters.codec != CODEC_ID_OPUS {
        return 0.0;
    }
    parameters.with_sample_rate(SAMPLE_RATE);
    let Some(header) = &mut parameters.extra_data else {
        return 0.0;
    };
    let Some(&mut [version, _, ref mut low, ref mut high]) = header.get_mut(8..12) else {
        return 0.0;
    };
    let bytes = [std::mem::take(low), std::mem::take(high)];
    // Version 0 marks MP4's `dOps`, which is big-endian; Ogg and Matroska have version 1.
    let samples = if version == 0 {
        u16::from_be_bytes(bytes)
    } else {
        u16::from_le_bytes(bytes)
    };
    f64::from(samples) / f64::from(OPUS_RATE)
}

/// Converts what the container says to trim from Opus' rate to the one it is decoded at.
pub(super) fn scale_trim(packet: &mut Packet) {
    let ratio = u64::from(OPUS_RATE / SAMPLE_RATE);
    packet.trim_start = Duration::new(packet.trim_start.get() / ratio);
    packet.trim_end = Duration::new(packet.trim_end.get() / ratio);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pre_skip_is_taken_in_either_byte_order() {
        for header in [
            b"OpusHead\x01\x01\x38\x01....",
            b"OpusHead\x00\x01\x01\x38....",
        ] {
            let mut parameters = AudioCodecParameters::new();
            parameters
                .for_codec(CODEC_ID_OPUS)
                .with_extra_data(header.to_vec().into_boxed_slice());
            let expected = 312.0 / 48_000.0;
            assert!((prepare(&mut parameters) - expected).abs() < 1e-12);
            assert!(prepare(&mut parameters) < 1e-12);
            assert_eq!(parameters.sample_rate, Some(16_000));
        }
    }
}
