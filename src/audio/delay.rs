//! Samples at the start of a track that are not part of the recording.

use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;

/// Takes the pre-skip out of an Opus identification header, so that it is ours to apply.
///
/// The libopus adapter drops it from the first packet only, though it may span several (RFC 7845
/// section 4.2 allows up to 65,535 samples), and reads it in the byte order of Ogg in MP4 too.
pub(super) fn take_opus_pre_skip(parameters: &mut AudioCodecParameters) -> u64 {
    if parameters.codec != CODEC_ID_OPUS {
        return 0;
    }
    let Some(header) = &mut parameters.extra_data else {
        return 0;
    };
    let Some(&mut [version, _, ref mut low, ref mut high]) = header.get_mut(8..12) else {
        return 0;
    };
    let bytes = [std::mem::take(low), std::mem::take(high)];
    // Version 0 marks MP4's `dOps`, which is big-endian; Ogg and Matroska have version 1.
    u64::from(if version == 0 {
        u16::from_be_bytes(bytes)
    } else {
        u16::from_le_bytes(bytes)
    })
}
