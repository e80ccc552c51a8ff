//! HE-AAC read as the AAC-LC it contains.

use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;

const LOW_COMPLEXITY: u8 = 2;
const SPECTRAL_BAND_REPLICATION: u8 = 5;
const PARAMETRIC_STEREO: u8 = 29;

/// Rewrites the configuration of HE-AAC (ISO/IEC 14496-3, 1.6.2) to that of its core.
///
/// The decoder below knows AAC-LC alone. HE-AAC is AAC-LC at half the sample rate with hints from
/// which to guess the upper half of the band. The core of the usual 44.1 or 48 kHz reaches past
/// 8 kHz, which is all that is left after resampling: nothing is lost by not guessing.
pub(super) fn keep_the_core(parameters: &mut AudioCodecParameters) {
    if parameters.codec != CODEC_ID_AAC {
        return;
    }
    if let Some(core) = parameters.extra_data.as_deref().and_then(core_of) {
        parameters.with_extra_data(Box::new(core.to_be_bytes()));
    }
}

/// The two bytes that configure the core: object type (5 bits), sample rate index (4), channel
/// configuration (4) and three flags, all unset.
fn core_of(configuration: &[u8]) -> Option<u16> {
    let [first, second, third, ..] = *configuration else {
        return None;
    };
    let rate = (first & 7) << 1 | second >> 7;
    let channels = second >> 3 & 0xf;
    let plain = match first >> 3 {
        // With the three flags unset, what follows can only be the backward-compatible
        // announcement of HE-AAC.
        LOW_COMPLEXITY => second.trailing_zeros() >= 3,
        // Announced up front: the rate after replication (4 bits), then the core's object type.
        SPECTRAL_BAND_REPLICATION | PARAMETRIC_STEREO => {
            let replicated = (second & 7) << 1 | third >> 7;
            replicated != 0xf && third >> 2 & 0x1f == LOW_COMPLEXITY
        }
        _ => false,
    };
    // Rates spelled out and channels laid out elsewhere take more than two bytes.
    (plain && rate != 0xf && channels != 0)
        .then(|| u16::from(LOW_COMPLEXITY) << 11 | u16::from(rate) << 7 | u16::from(channels) << 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_is_found_however_it_is_announced() {
        // 16 kHz mono: plain, then with 32 kHz announced behind and in front.
        assert_eq!(core_of(&[0x14, 0x08, 0x56, 0xe5, 0x00]), Some(0x1408));
        assert_eq!(core_of(&[0x14, 0x08, 0x56, 0xe5, 0xa8]), Some(0x1408));
        assert_eq!(core_of(&[0x2c, 0x0a, 0x88, 0x00]), Some(0x1408));
        assert_eq!(core_of(&[0xec, 0x0a, 0x88, 0x00]), Some(0x1408));
    }

    #[test]
    fn everything_else_is_left_alone() {
        // Two bytes; a long-term predictor; an explicit rate; channels laid out in the stream.
        for configuration in [
            &[0x14, 0x08][..],
            &[0x24, 0x08, 0, 0],
            &[0x17, 0x88, 0, 0, 0],
            &[0x14, 0x00, 0, 0],
        ] {
            assert_eq!(core_of(configuration), None, "{configuration:x?}");
        }
    }
}
