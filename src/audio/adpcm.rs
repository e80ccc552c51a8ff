//! ADPCM of WAVE with more channels than symphonia decodes.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_ADPCM_IMA_WAV, CODEC_ID_ADPCM_MS};
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, AudioDecoder};
use symphonia::core::errors::{Error, Result, decode_error, unsupported_error};
use symphonia::core::packet::{Packet, PacketRef};
use symphonia::core::units::Duration;

use super::packet_decoder::PacketDecoder;

/// Takes the blocks of several channels apart into blocks of one.
///
/// A block shares nothing between its channels nor with other blocks, so that one decoder of mono
/// serves them all.
pub(super) struct AdpcmLanes {
    mono: Box<dyn AudioDecoder>,
    layout: Layout,
    channels: usize,
    /// Samples per channel in a block, and in the block of mono made of it.
    block_frames: usize,
    lane_frames: usize,
    lane: Vec<u8>,
    decoded: Vec<Vec<f32>>,
}

/// How the channels share a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Each field of the header for all channels before the next field, then one sample of each
    /// channel after the other, the first in the upper half of a byte.
    Microsoft,
    /// The header of one channel after the other, then eight samples of each in turn.
    Ima,
}

impl AdpcmLanes {
    /// `make` makes the decoder of one channel.
    pub(super) fn new(
        parameters: &AudioCodecParameters,
        make: impl FnOnce(&AudioCodecParameters) -> Result<Box<dyn AudioDecoder>>,
    ) -> Result<Self> {
        let layout = Layout::of(parameters.codec)?;
        let channels = parameters.channels.as_ref().map_or(0, Channels::count);
        let block = parameters.frames_per_block.unwrap_or(0).max(1);
        let blocks = parameters.max_frames_per_packet.unwrap_or(0) / block;
        // The decoder of mono reads whole bytes, each of two samples.
        let lane = match layout {
            Layout::Microsoft => block.next_multiple_of(2),
            Layout::Ima => block,
        };
        let mut mono = parameters.clone();
        mono.with_channels(Channels::Discrete(1))
            .with_frames_per_block(lane)
            .with_max_frames_per_packet(blocks.saturating_mul(lane));
        Ok(Self {
            mono: make(&mono)?,
            layout,
            channels,
            block_frames: usize::try_from(block).unwrap_or(usize::MAX),
            lane_frames: usize::try_from(lane).unwrap_or(usize::MAX),
            lane: Vec::new(),
            decoded: Vec::new(),
        })
    }
}

impl PacketDecoder for AdpcmLanes {
    fn name(&self) -> &'static str {
        self.mono.codec_info().short_name
    }

    fn decode(&mut self, packet: &Packet, planes: &mut Vec<Vec<f32>>) -> Result<u32> {
        let blocks = usize::try_from(packet.dur.get()).unwrap_or(0) / self.block_frames;
        let block_bytes = packet.data.len().checked_div(blocks).unwrap_or(0);
        if block_bytes == 0 {
            return decode_error("adpcm: a packet without a whole block");
        }
        let lane_frames = Duration::new((blocks * self.lane_frames) as u64);
        let mut rate = 0;
        planes.resize_with(self.channels, Vec::new);
        for (channel, plane) in planes.iter_mut().enumerate() {
            self.lane.clear();
            for block in packet.data.chunks_exact(block_bytes) {
                let frames = self.block_frames;
                self.layout
                    .lane(block, channel, self.channels, frames, &mut self.lane)
                    .ok_or(Error::DecodeError("adpcm: a block is too short"))?;
            }
            let lane = PacketRef::new(packet.track_id, packet.pts, lane_frames, &self.lane);
            let decoded = self.mono.decode_ref(&lane)?;
            rate = decoded.spec().rate();
            decoded.copy_to_vecs_planar(&mut self.decoded);
            plane.clear();
            for block in self.decoded.iter().flat_map(|d| d.chunks(self.lane_frames)) {
                plane.extend(block.iter().take(self.block_frames));
            }
        }
        Ok(rate)
    }

    fn reset(&mut self) {
        self.mono.reset();
    }
}

impl Layout {
    fn of(codec: AudioCodecId) -> Result<Self> {
        match codec {
            CODEC_ID_ADPCM_MS => Ok(Self::Microsoft),
            CODEC_ID_ADPCM_IMA_WAV => Ok(Self::Ima),
            _ => unsupported_error("adpcm: up to two channels are supported"),
        }
    }

    /// Appends the block of mono that is `channel` of `block`, which has `frames` samples of each of
    /// `channels`; `None` where the block ends too early.
    fn lane(
        self,
        block: &[u8],
        channel: usize,
        channels: usize,
        frames: usize,
        lane: &mut Vec<u8>,
    ) -> Option<()> {
        match self {
            // The predictor's number, the step, and the two samples that came before.
            Self::Microsoft => {
                lane.push(*block.get(channel)?);
                for field in [1, 3, 5] {
                    let at = field * channels + 2 * channel;
                    lane.extend(block.get(at..at + 2)?);
                }
                let samples = block.get(7 * channels..)?;
                let sample = |frame: usize| {
                    let at = frame * channels + channel;
                    let pair = *samples.get(at / 2)?;
                    Some(if at.is_multiple_of(2) {
                        pair >> 4
                    } else {
                        pair & 0xf
                    })
                };
                for frame in (0..frames.checked_sub(2)?).step_by(2) {
                    let second = if frame + 3 < frames {
                        sample(frame + 1)?
                    } else {
                        0
                    };
                    lane.push(sample(frame)? << 4 | second);
                }
            }
            // The first sample and the step's number.
            Self::Ima => {
                lane.extend(block.get(4 * channel..4 * channel + 4)?);
                for group in 1..=frames.checked_sub(1)? / 8 {
                    let at = 4 * (group * channels + channel);
                    lane.extend(block.get(at..at + 4)?);
                }
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(layout: Layout, block: &[u8], channels: usize, frames: usize) -> Vec<Vec<u8>> {
        let lane = |channel| {
            let mut lane = Vec::new();
            layout
                .lane(block, channel, channels, frames, &mut lane)
                .unwrap();
            lane
        };
        (0..channels).map(lane).collect()
    }

    #[test]
    fn microsoft_alternates_by_field_and_by_sample() {
        let header = [
            1, 2, 3, 10, 11, 20, 21, 30, 31, 40, 41, 50, 51, 60, 61, 70, 71, 80, 81, 90, 91,
        ];
        // Three samples of three channels: 1, 4, 7 are the first's.
        let block = [&header[..], &[0x12, 0x34, 0x56, 0x78, 0x90]].concat();
        assert_eq!(
            lanes(Layout::Microsoft, &block, 3, 5),
            [
                [1, 10, 11, 40, 41, 70, 71, 0x14, 0x70],
                [2, 20, 21, 50, 51, 80, 81, 0x25, 0x80],
                [3, 30, 31, 60, 61, 90, 91, 0x36, 0x90],
            ]
        );
    }

    #[test]
    fn ima_alternates_by_eight_samples() {
        let block: Vec<u8> = (0..36).collect();
        assert_eq!(
            lanes(Layout::Ima, &block, 3, 17),
            [
                [0, 1, 2, 3, 12, 13, 14, 15, 24, 25, 26, 27],
                [4, 5, 6, 7, 16, 17, 18, 19, 28, 29, 30, 31],
                [8, 9, 10, 11, 20, 21, 22, 23, 32, 33, 34, 35],
            ]
        );
    }

    #[test]
    fn short_blocks_have_no_lanes() {
        for (layout, enough) in [(Layout::Microsoft, 44), (Layout::Ima, 36)] {
            for bytes in 0..=enough {
                let lane = layout.lane(&vec![0; bytes], 2, 3, 17, &mut Vec::new());
                assert_eq!(lane.is_some(), bytes == enough, "{layout:?} of {bytes}");
            }
        }
    }
}
