//! Symphonia's demuxer for MP4, on bytes that [`Fragments`] follows.

use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::errors::Result;
use symphonia::core::formats::probe::{ProbeFormatData, ProbeableFormat, Score, Scoreable};
use symphonia::core::formats::{
    FormatInfo, FormatOptions, FormatReader, MediaInfo, SeekMode, SeekTo, SeekedTo, Track,
};
use symphonia::core::io::{
    MediaSource, MediaSourceStream, MediaSourceStreamOptions, ReadBytes as _, ScopedStream,
};
use symphonia::core::meta::Metadata;
use symphonia::core::packet::Packet;
use symphonia::default::formats::IsoMp4Reader;

use super::fragments::Fragments;

/// A file whose boxes are followed as they are read.
struct Followed<'s> {
    file: MediaSourceStream<'s>,
    fragments: Fragments,
    /// Where the boxes begin; only what is read from here on is followed.
    start: u64,
    position: u64,
}

impl<'s> Followed<'s> {
    /// `start` is where `ftyp` begins. What precedes it may be boxes as well, and then symphonia
    /// comes back for them.
    fn new(mut file: MediaSourceStream<'s>, start: u64) -> io::Result<Self> {
        let bytes = file.byte_len().unwrap_or(0);
        file.seek(SeekFrom::Start(0))?;
        let mut followed = Self {
            file,
            fragments: Fragments::new(0, bytes),
            start: 0,
            position: 0,
        };
        io::copy(&mut followed.by_ref().take(start), &mut io::sink())?;
        if !followed.fragments.is_between_boxes(start) {
            followed.fragments = Fragments::new(start, bytes);
            followed.start = start;
        }
        Ok(followed)
    }
}

impl Read for Followed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.fragments
            .pass(self.position, &buffer[..read])
            .map_err(io::Error::other)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Followed<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = self.file.seek(to)?;
        if self.position < self.start {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(self.position)
    }
}

impl MediaSource for Followed<'_> {
    fn is_seekable(&self) -> bool {
        self.file.is_seekable()
    }

    fn byte_len(&self) -> Option<u64> {
        self.file.byte_len()
    }
}

/// Stands for the demuxer in a probe, which makes symphonia's own; there is never one of these.
pub(super) enum Mp4Reader {}

impl Scoreable for Mp4Reader {
    fn score(source: ScopedStream<&mut MediaSourceStream<'_>>) -> Result<Score> {
        IsoMp4Reader::score(source)
    }
}

impl<'s> ProbeableFormat<'s> for Mp4Reader {
    fn try_probe_new(
        source: MediaSourceStream<'s>,
        options: FormatOptions,
    ) -> Result<Box<dyn FormatReader + 's>> {
        // The name that was recognised follows four bytes of size.
        let start = source.pos().saturating_sub(4);
        let followed = Followed::new(source, start)?;
        let mut stream =
            MediaSourceStream::new(Box::new(followed), MediaSourceStreamOptions::default());
        stream.seek(SeekFrom::Start(start))?;
        stream.read_quad_bytes()?;
        IsoMp4Reader::try_probe_new(stream, options)
    }

    fn probe_data() -> &'static [ProbeFormatData] {
        IsoMp4Reader::probe_data()
    }
}

impl FormatReader for Mp4Reader {
    fn format_info(&self) -> &FormatInfo {
        match *self {}
    }

    fn media_info(&self) -> &MediaInfo {
        match *self {}
    }

    fn metadata(&mut self) -> Metadata<'_> {
        match *self {}
    }

    fn seek(&mut self, _: SeekMode, _: SeekTo) -> Result<SeekedTo> {
        match *self {}
    }

    fn tracks(&self) -> &[Track] {
        match *self {}
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        match *self {}
    }

    fn into_inner<'s>(self: Box<Self>) -> MediaSourceStream<'s>
    where
        Self: 's,
    {
        match *self {}
    }
}
