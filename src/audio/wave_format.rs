//! The `fmt ` chunk of WAVE.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known as codecs;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};
use symphonia::core::common::FourCc;
use symphonia::core::errors::{Result, decode_error};

/// How the bytes of a `data` chunk become samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WaveFormat {
    pub(super) codec: AudioCodecId,
    pub(super) channels: u16,
    pub(super) sample_rate_hz: u32,
    /// Bytes of the smallest unit that decodes alone.
    pub(super) block_bytes: u32,
    /// Samples per channel in such a unit.
    pub(super) block_frames: u32,
}

/// Bytes of the chunk that matter here: the extensible format up to its GUID.
pub(super) const USED_BYTES: usize = 40;

const PCM: u16 = 0x0001;
const ADPCM_MS: u16 = 0x0002;
const FLOAT: u16 = 0x0003;
const A_LAW: u16 = 0x0006;
const MU_LAW: u16 = 0x0007;
const ADPCM_IMA: u16 = 0x0011;
const EXTENSIBLE: u16 = 0xfffe;

impl WaveFormat {
    /// Reads the chunk's first [`USED_BYTES`] or all of it.
    ///
    /// Sizes are computed from the codec and the block alignment; what else the chunk claims about
    /// itself (byte rate, samples per block, extension size) is redundant and often wrong.
    pub(super) fn parse(chunk: &[u8]) -> Result<Self> {
        let u16_at = |at: usize| -> Option<u16> {
            let bytes = chunk.get(at..at + 2)?;
            Some(u16::from_le_bytes([bytes[0], bytes[1]]))
        };
        let (Some(tag), Some(channels), Some(rate_low), Some(rate_high), Some(align), Some(bits)) = (
            u16_at(0),
            u16_at(2),
            u16_at(4),
            u16_at(6),
            u16_at(12),
            u16_at(14),
        ) else {
            return decode_error("the fmt chunk is shorter than 16 bytes");
        };
        if channels == 0 {
            return decode_error("the fmt chunk states 0 channels");
        }
        // An extensible format names its codec by a GUID that begins with the plain tag.
        let tag = match (tag, u16_at(24)) {
            (EXTENSIBLE, Some(inner)) => inner,
            (EXTENSIBLE, None) => return decode_error("the extensible fmt chunk is too short"),
            (tag, _) => tag,
        };
        let lanes = u32::from(channels);
        let align = u32::from(align);
        let (codec, block_bytes, block_frames) = match tag {
            PCM | FLOAT => {
                let codec = linear_codec(tag, align, lanes, bits)?;
                (codec.0, codec.1 * lanes, 1)
            }
            A_LAW => (codecs::CODEC_ID_PCM_ALAW, lanes, 1),
            MU_LAW => (codecs::CODEC_ID_PCM_MULAW, lanes, 1),
            // Each channel's header holds the first samples: two of 16 bits, or one.
            ADPCM_MS => {
                let nibbles = adpcm_nibbles(align, 7 * lanes, lanes)?;
                (codecs::CODEC_ID_ADPCM_MS, align, nibbles + 2)
            }
            ADPCM_IMA => {
                let mut nibbles = adpcm_nibbles(align, 4 * lanes, lanes)?;
                if lanes > 2 {
                    // Eight samples of each channel in turn; what is left at the end is padding.
                    nibbles -= nibbles % 8;
                }
                (codecs::CODEC_ID_ADPCM_IMA_WAV, align, nibbles + 1)
            }
            other => (numbered(other), align.max(1), 1),
        };
        Ok(Self {
            codec,
            channels,
            sample_rate_hz: u32::from(rate_high) << 16 | u32::from(rate_low),
            block_bytes,
            block_frames,
        })
    }

    /// The same in symphonia's words; `packet_frames` is the most a packet will hold.
    pub(super) fn codec_parameters(&self, packet_frames: u64) -> AudioCodecParameters {
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(self.codec)
            .with_sample_rate(self.sample_rate_hz)
            .with_channels(Channels::Discrete(self.channels))
            .with_max_frames_per_packet(packet_frames)
            .with_frames_per_block(u64::from(self.block_frames));
        parameters
    }
}

/// The codec of uncompressed samples and the bytes each takes. Samples of odd widths (12, 20 bits)
/// are stored in the upper bits of whole bytes, so the container's width is the one that counts.
fn linear_codec(tag: u16, align: u32, lanes: u32, bits: u16) -> Result<(AudioCodecId, u32)> {
    let stated = u32::from(bits).div_ceil(8);
    let width = if align > 0 && align.is_multiple_of(lanes) && align / lanes >= stated {
        align / lanes
    } else {
        stated
    };
    match (tag, width) {
        (PCM, 1) => Ok((codecs::CODEC_ID_PCM_U8, 1)),
        (PCM, 2) => Ok((codecs::CODEC_ID_PCM_S16LE, 2)),
        (PCM, 3) => Ok((codecs::CODEC_ID_PCM_S24LE, 3)),
        (PCM, 4) => Ok((codecs::CODEC_ID_PCM_S32LE, 4)),
        (FLOAT, 4) => Ok((codecs::CODEC_ID_PCM_F32LE, 4)),
        (FLOAT, 8) => Ok((codecs::CODEC_ID_PCM_F64LE, 8)),
        (FLOAT, _) => decode_error("float samples must have 32 or 64 bits"),
        _ => decode_error("integer samples must have 8, 16, 24 or 32 bits"),
    }
}

/// Four-bit samples per channel behind a block's header.
fn adpcm_nibbles(align: u32, header: u32, lanes: u32) -> Result<u32> {
    match align.checked_sub(header) {
        Some(data) if data > 0 => Ok(data * 2 / lanes),
        _ => decode_error("the block alignment is too small for the ADPCM block header"),
    }
}

/// A codec without a decoder, carried as its format tag in hexadecimal for the error message.
fn numbered(tag: u16) -> AudioCodecId {
    let digit = |shift: u16| b"0123456789abcdef"[usize::from(tag >> shift & 0xf)];
    AudioCodecId::new(FourCc::new([digit(12), digit(8), digit(4), digit(0)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(tag: u16, channels: u16, align: u16, bits: u16) -> Vec<u8> {
        let mut chunk = Vec::new();
        chunk.extend(tag.to_le_bytes());
        chunk.extend(channels.to_le_bytes());
        chunk.extend(16_000_u32.to_le_bytes());
        chunk.extend(0_u32.to_le_bytes());
        chunk.extend(align.to_le_bytes());
        chunk.extend(bits.to_le_bytes());
        chunk
    }

    fn block(tag: u16, channels: u16, align: u16, bits: u16) -> (u32, u32) {
        let format = WaveFormat::parse(&chunk(tag, channels, align, bits)).unwrap();
        (format.block_bytes, format.block_frames)
    }

    #[test]
    fn blocks_follow_the_codec() {
        assert_eq!(block(PCM, 64, 128, 16), (128, 1));
        assert_eq!(block(PCM, 2, 6, 20), (6, 1));
        assert_eq!(block(PCM, 1, 0, 16), (2, 1));
        assert_eq!(block(A_LAW, 2, 0, 0), (2, 1));
        assert_eq!(block(ADPCM_MS, 1, 256, 4), (256, 500));
        assert_eq!(block(ADPCM_IMA, 2, 512, 4), (512, 505));
        assert_eq!(block(ADPCM_MS, 3, 768, 4), (768, 500));
        assert_eq!(block(ADPCM_MS, 5, 1024, 4), (1024, 397));
        assert_eq!(block(ADPCM_IMA, 3, 768, 4), (768, 505));
        assert_eq!(block(ADPCM_IMA, 5, 1024, 4), (1024, 401));
    }

    #[test]
    fn nonsense_is_refused() {
        for chunk in [
            chunk(PCM, 0, 2, 16),
            chunk(PCM, 1, 8, 64),
            chunk(FLOAT, 1, 2, 16),
            chunk(ADPCM_MS, 2, 14, 4),
            chunk(PCM, 1, 2, 16)[..15].to_vec(),
            chunk(EXTENSIBLE, 1, 2, 16),
        ] {
            assert!(WaveFormat::parse(&chunk).is_err(), "{chunk:?}");
        }
    }
}
