//! A demuxer for WAVE in its RIFF, RF64 and BW64 dress.
//!
//! Symphonia has one for RIFF. Ours exists for what that one refuses: the 64-bit sizes of RF64 and
//! BW64 (EBU Tech 3306, ITU-R BS.2088), more than 26 channels, sizes left unset by programs that
//! write to a pipe or were killed, and `fmt ` and `fact` chunks of unusual length. The samples are
//! still decoded by symphonia.

use symphonia::core::codecs::CodecParameters;
use symphonia::core::errors::{Error, Result, SeekErrorKind, decode_error, seek_error};
use symphonia::core::formats::probe::{
    ProbeDataMatchSpec, ProbeFormatData, ProbeableFormat, Score, Scoreable,
};
use symphonia::core::formats::well_known::FORMAT_ID_WAVE;
use symphonia::core::formats::{
    FormatInfo, FormatOptions, FormatReader, MediaInfo, SeekMode, SeekTo, SeekedTo, Track,
};
use symphonia::core::io::{MediaSource as _, MediaSourceStream, ReadBytes as _, ScopedStream};
use symphonia::core::meta::{Metadata, MetadataLog};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};

use super::wave_format::{USED_BYTES, WaveFormat};

/// Bytes aimed at in one packet; a packet holds at least one block.
const PACKET_BYTES: u32 = 16_384;

/// What `sox` writes as the size of a `data` chunk it cannot seek back to, before rounding down to
/// whole blocks.
const SOX_UNKNOWN: u64 = 0x7fff_f000;

/// The container's name in messages.
pub(super) const SHORT_NAME: &str = "wave";

const INFO: FormatInfo = FormatInfo {
    format: FORMAT_ID_WAVE,
    short_name: SHORT_NAME,
    long_name: "Waveform Audio File Format",
};

/// Reads packets of whole blocks from the `data` chunk.
pub(super) struct WaveReader<'s> {
    source: MediaSourceStream<'s>,
    format: WaveFormat,
    media: MediaInfo,
    tracks: [Track; 1],
    metadata: MetadataLog,
    data_start: u64,
    /// End of the data, as stated or as far as the file goes.
    data_end: u64,
}

impl<'s> WaveReader<'s> {
    fn new(mut source: MediaSourceStream<'s>, options: FormatOptions) -> Result<Self> {
        let wide = source.read_quad_bytes()? != *b"RIFF";
        let riff_size = u64::from(source.read_u32()?);
        if source.read_quad_bytes()? != *b"WAVE" {
            return decode_error("the form type is not WAVE");
        }
        let file_end = source.byte_len().unwrap_or(u64::MAX);
        let mut wide_data_size = None;
        let mut format = None;
        let data_size = loop {
            let id = source.read_quad_bytes()?;
            let size = source.read_u32()?;
            match &id {
                b"data" => break u64::from(size),
                b"ds64" if size >= 16 => {
                    source.ignore_bytes(8)?;
                    wide_data_size = Some(source.read_u64()?);
                    source.ignore_bytes(padded(size) - 16)?;
                }
                b"fmt " => {
                    let mut chunk = [0; USED_BYTES];
                    let used = USED_BYTES.min(size as usize);
                    source.read_buf_exact(&mut chunk[..used])?;
                    format = Some(WaveFormat::parse(&chunk[..used])?);
                    source.ignore_bytes(padded(size) - used as u64)?;
                }
                _ => source.ignore_bytes(padded(size))?,
            }
        };
        let Some(format) = format else {
            return decode_error("the data chunk comes before the fmt chunk");
        };
        let data_start = source.pos();
        let present = file_end.saturating_sub(data_start);
        let block = u64::from(format.block_bytes);
        let stated = match (data_size, wide_data_size) {
            (0xffff_ffff, Some(size)) if wide => Some(size),
            (0xffff_ffff, _) => None,
            // Nothing was written back into the header, unless the outer size agrees with it.
            (0, _) if riff_size + 8 < file_end => None,
            (size, _) if size > present && size / block == SOX_UNKNOWN / block => None,
            (size, _) => Some(size),
        };

        let mut track = Track::new(0);
        let parameters = format
            .codec_parameters(u64::from(packet_blocks(&format)) * u64::from(format.block_frames));
        track.with_codec_params(CodecParameters::Audio(parameters));
        if let Some(size) = stated {
            let frames = (size / block).saturating_mul(u64::from(format.block_frames));
            track
                .with_num_frames(frames)
                .with_duration(Duration::new(frames));
        }
        Ok(Self {
            source,
            format,
            media: MediaInfo::from_track(&track),
            tracks: [track],
            metadata: options.external_data.metadata.unwrap_or_default(),
            data_start,
            data_end: data_start.saturating_add(stated.unwrap_or(present).min(present)),
        })
    }
}

/// A chunk's size with the byte that pads it to an even length.
fn padded(size: u32) -> u64 {
    u64::from(size) + u64::from(size & 1)
}

fn packet_blocks(format: &WaveFormat) -> u32 {
    (PACKET_BYTES / format.block_bytes).max(1)
}

impl FormatReader for WaveReader<'_> {
    fn format_info(&self) -> &FormatInfo {
        &INFO
    }

    fn media_info(&self) -> &MediaInfo {
        &self.media
    }

    fn metadata(&mut self) -> Metadata<'_> {
        self.metadata.metadata()
    }

    fn seek(&mut self, _: SeekMode, _: SeekTo) -> Result<SeekedTo> {
        // Audio is only ever read from front to back here.
        seek_error(SeekErrorKind::Unseekable)
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        let block = u64::from(self.format.block_bytes);
        let position = self.source.pos();
        let left = self.data_end.saturating_sub(position) / block;
        let blocks = left.min(u64::from(packet_blocks(&self.format)));
        if blocks == 0 {
            return Ok(None);
        }
        let frames = u64::from(self.format.block_frames);
        let first = (position - self.data_start) / block * frames;
        let data = self
            .source
            .read_boxed_slice_exact(usize::try_from(blocks * block).unwrap_or(usize::MAX))?;
        let start = Timestamp::try_from(first)
            .map_err(|_| Error::DecodeError("the data chunk is too long"))?;
        Ok(Some(Packet::new(
            0,
            start,
            Duration::new(blocks * frames),
            data,
        )))
    }

    fn into_inner<'s>(self: Box<Self>) -> MediaSourceStream<'s>
    where
        Self: 's,
    {
        self.source
    }
}

impl Scoreable for WaveReader<'_> {
    fn score(mut source: ScopedStream<&mut MediaSourceStream<'_>>) -> Result<Score> {
        source.ignore_bytes(8)?;
        Ok(if source.read_quad_bytes()? == *b"WAVE" {
            Score::Supported(u8::MAX)
        } else {
            Score::Unsupported
        })
    }
}

impl ProbeableFormat<'_> for WaveReader<'_> {
    fn try_probe_new(
        source: MediaSourceStream<'_>,
        options: FormatOptions,
    ) -> Result<Box<dyn FormatReader + '_>> {
        Ok(Box::new(WaveReader::new(source, options)?))
    }

    fn probe_data() -> &'static [ProbeFormatData] {
        &[ProbeFormatData {
            spec: ProbeDataMatchSpec {
                extensions: &["wav", "rf64", "bw64"],
                mime_types: &["audio/vnd.wave", "audio/wav"],
                markers: &[b"RIFF", b"RF64", b"BW64"],
            },
            info: INFO,
        }]
    }
}
