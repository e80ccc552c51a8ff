//! The identification header of Opus: what a packet holds and which channel is which.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::errors::{Result, decode_error, unsupported_error};

use super::opus::OPUS_RATE;

/// How a header begins.
pub(super) const MAGIC: &[u8] = b"OpusHead";

/// Offsets in a header: its version, the number of channels and the pre-skip, ...
pub(super) const VERSION: usize = MAGIC.len();
pub(super) const CHANNELS: usize = VERSION + 1;
/// ... the mapping family, ...
pub(super) const FAMILY: usize = 18;
/// ... and the mapping table, behind the number of streams and that of the coupled ones.
pub(super) const TABLE: usize = 21;

/// One channel or two in one stream, without a table.
const FAMILY_RTP: u8 = 0;
/// Up to eight channels in Vorbis' order.
pub(super) const FAMILY_VORBIS: u8 = 1;
/// Ambisonics behind a matrix (RFC 8486), which takes the table's place.
pub(super) const FAMILY_PROJECTION: u8 = 3;

/// The version that [`super::ogg`] writes into a header of another family that it passes off as one of
/// [`FAMILY_VORBIS`]: the last that a reader of version 1 accepts, and not in use.
pub(super) const VERSION_UNPLACED: u8 = 15;

/// From three channels on, which of Vorbis' channels takes each place in WAVE's order (RFC 7845
/// 5.1.1.2): front left and right, centre, low frequencies, back left and right or centre, side
/// left and right.
const WAVE_ORDER: [&[usize]; 6] = [
    &[0, 2, 1],
    &[0, 1, 2, 3],
    &[0, 2, 1, 3, 4],
    &[0, 2, 1, 5, 3, 4],
    &[0, 2, 1, 6, 5, 3, 4],
    &[0, 2, 1, 7, 5, 6, 3, 4],
];

/// In place of a decoded channel: this one is silent.
const SILENT: u8 = 255;

/// How the streams in a packet become channels (RFC 7845 5.1.1), and when they begin.
#[derive(Debug, PartialEq)]
pub(super) struct OpusHeader {
    /// Seconds that are not part of the recording.
    pub(super) pre_skip_seconds: f64,
    /// Streams in each packet, at least one.
    pub(super) streams: usize,
    /// How many of them, counted from the first, are stereo.
    pub(super) coupled: usize,
    /// For each channel the decoded one that it is, counted over all streams, or [`SILENT`]: in
    /// WAVE's order where the channels have places, which is how symphonia hands out Vorbis, and as
    /// in the file where they have none.
    pub(super) mapping: Vec<u8>,
}

impl OpusHeader {
    /// The header that came with the track, or what the track says without one.
    pub(super) fn of(parameters: &AudioCodecParameters) -> Result<Self> {
        match parameters.extra_data.as_deref() {
            Some(header) if header.starts_with(MAGIC) => Self::parse(header),
            _ => {
                let channels = parameters.channels.as_ref().map_or(1, Channels::count);
                Self::one_stream(channels, 0.0)
            }
        }
    }

    fn parse(header: &[u8]) -> Result<Self> {
        let [version, channels, low, high, ..] = header[VERSION..] else {
            return decode_error("opus: the identification header is too short");
        };
        let channels = usize::from(channels);
        // Version 0 marks MP4's `dOps`, which is big-endian; Ogg and Matroska have version 1.
        let pre_skip = if version == 0 {
            u16::from_be_bytes([low, high])
        } else {
            u16::from_le_bytes([low, high])
        };
        let pre_skip_seconds = f64::from(pre_skip) / f64::from(OPUS_RATE);
        let family = header.get(FAMILY).copied().unwrap_or(FAMILY_RTP);
        match family {
            FAMILY_RTP => return Self::one_stream(channels, pre_skip_seconds),
            FAMILY_PROJECTION => {
                return unsupported_error("opus: channel mapping family 3 is not supported");
            }
            _ => {}
        }
        let (Some(&[streams, coupled]), Some(mapping)) =
            (header.get(TABLE - 2..TABLE), header.get(TABLE..))
        else {
            return decode_error("opus: the channel mapping is missing");
        };
        let unplaced = version == VERSION_UNPLACED;
        // Where their number had to be understated, the length of the table tells it.
        let channels = if unplaced { mapping.len() } else { channels };
        let mapping = match mapping.get(..channels) {
            Some(mapping) if channels > 0 => mapping,
            _ => return decode_error("opus: the channel mapping does not cover all channels"),
        };
        let decoded = u16::from(streams) + u16::from(coupled);
        if streams == 0 || coupled > streams || decoded > u16::from(SILENT) {
            return decode_error("opus: impossible numbers of streams");
        }
        let exists = |&index: &u8| index == SILENT || u16::from(index) < decoded;
        if channels > usize::from(SILENT) || !mapping.iter().all(exists) {
            return decode_error("opus: the channel mapping names a channel that does not exist");
        }
        Ok(Self {
            pre_skip_seconds,
            streams: usize::from(streams),
            coupled: usize::from(coupled),
            mapping: match channels
                .checked_sub(3)
                .and_then(|index| WAVE_ORDER.get(index))
            {
                Some(order) if family == FAMILY_VORBIS && !unplaced => {
                    order.iter().map(|&index| mapping[index]).collect()
                }
                _ => mapping.to_vec(),
            },
        })
    }

    fn one_stream(channels: usize, pre_skip_seconds: f64) -> Result<Self> {
        let (coupled, mapping) = match channels {
            1 => (0, vec![0]),
            2 => (1, vec![0, 1]),
            _ => return unsupported_error("opus: one stream has 1 or 2 channels"),
        };
        Ok(Self {
            pre_skip_seconds,
            streams: 1,
            coupled,
            mapping,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(version: u8, channels: u8, pre_skip: [u8; 2], rest: &[u8]) -> Vec<u8> {
        [
            b"OpusHead".as_slice(),
            &[version, channels],
            &pre_skip,
            &[0; 6],
            rest,
        ]
        .concat()
    }

    #[test]
    fn the_pre_skip_is_taken_in_either_byte_order() {
        for header in [
            header(1, 1, [0x38, 0x01], &[0]),
            header(0, 1, [0x01, 0x38], &[0]),
        ] {
            let parsed = OpusHeader::parse(&header).unwrap();
            assert!((parsed.pre_skip_seconds - 312.0 / 48_000.0).abs() < 1e-12);
            assert_eq!((parsed.streams, parsed.coupled), (1, 0));
        }
    }

    #[test]
    fn channels_with_a_place_take_it() {
        for (version, family, mapping) in [
            (1, 1, [0, 1, 4, 5, 2, 3]),
            (1, 255, [0, 4, 1, 2, 3, 5]),
            (1, 2, [0, 4, 1, 2, 3, 5]),
            (VERSION_UNPLACED, 1, [0, 4, 1, 2, 3, 5]),
        ] {
            let header = header(version, 6, [0; 2], &[family, 4, 2, 0, 4, 1, 2, 3, 5]);
            let expected = OpusHeader {
                pre_skip_seconds: 0.0,
                streams: 4,
                coupled: 2,
                mapping: mapping.to_vec(),
            };
            assert_eq!(OpusHeader::parse(&header).unwrap(), expected);
        }
    }

    #[test]
    fn every_order_is_one() {
        for (index, order) in WAVE_ORDER.iter().enumerate() {
            let mut places = order.to_vec();
            places.sort_unstable();
            assert_eq!(places, (0..index + 3).collect::<Vec<_>>());
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for rest in [
            // Three channels without a table, behind a matrix, and with too short a table.
            &[0][..],
            &[3, 2, 1, 0, 1, 2],
            &[1],
            &[1, 2],
            &[1, 2, 1, 0, 1],
            // No stream, more coupled streams than streams, more than 255 channels in all.
            &[1, 0, 0, 255, 255, 255],
            &[1, 1, 2, 0, 1, 2],
            &[255, 200, 100, 0, 1, 2],
            // A channel beyond those decoded.
            &[1, 2, 1, 0, 1, 3],
        ] {
            let header = header(1, 3, [0; 2], rest);
            assert!(OpusHeader::parse(&header).is_err(), "{rest:?}");
        }
        let long = [&[1, 255, 0][..], &[0; 256]].concat();
        assert!(OpusHeader::parse(&header(VERSION_UNPLACED, 8, [0; 2], &long)).is_err());
        assert!(OpusHeader::parse(b"OpusHead\x01\x01\x38").is_err());
    }
}
