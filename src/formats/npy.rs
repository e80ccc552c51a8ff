//! Arrays in NumPy's format, version 1.0.
//!
//! Two files belong together, row by row: `embeddings.npy`, `float32` `(windows, dim)`, holds the
//! L2-normalised embeddings; `labels.npy`, `float64` `(windows, 3)`, holds when each window
//! starts and ends, in seconds, and its speaker's number (`n` for `SPEAKER_0n`). `speech.npy`,
//! `float64` `(segments, 2)`, holds when anybody speaks. Together they are all that turns are made
//! of.

use std::io::Write;

use ndarray::{Array2, ArrayView2, ArrayView3};
pub use ndarray_npy::WriteNpyError;
use ndarray_npy::{ViewNpyError, ViewNpyExt, WriteNpyExt};
use thiserror::Error;

use crate::domain::{
    Diarization, LocalFrames, LocalSpeakers, SAMPLE_RATE, Segment, SlidingWindow, Timeline,
};

/// An array that cannot be read.
#[derive(Debug, Error)]
pub enum NpyError {
    /// Not an array, or not one of this type and shape.
    #[error("expected a two-dimensional float32 array in NumPy's format: {0}")]
    Format(#[from] ViewNpyError),
    /// A value that no embedding has.
    #[error("row {row} (from 0) holds a value that is not finite: {value}")]
    NotFinite {
        /// The row, from 0.
        row: usize,
        /// NaN or an infinity.
        value: f32,
    },
}

/// Writes `embeddings.npy`.
pub fn write_embeddings(embeddings: &Array2<f32>, writer: impl Write) -> Result<(), WriteNpyError> {
    embeddings.write_npy(writer)
}

/// Writes `labels.npy`.
pub fn write_labels(diarization: &Diarization, writer: impl Write) -> Result<(), WriteNpyError> {
    labels(diarization).write_npy(writer)
}

/// `(windows, 3)`: start and end in seconds, speaker.
fn labels(diarization: &Diarization) -> Array2<f64> {
    let rows = diarization.windows.iter().zip(&diarization.labels);
    let rows = rows.map(|(&window, &label)| {
        let segment = diarization.sliding_window.segment(window);
        [segment.start, segment.end, label as f64]
    });
    ndarray::arr2(&rows.collect::<Vec<_>>())
}

/// Writes `speech.npy`, `(segments, 2)`: start and end of every stretch of speech in seconds.
pub fn write_speech(speech: &Timeline, writer: impl Write) -> Result<(), WriteNpyError> {
    let rows = speech.segments().iter();
    let rows: Vec<_> = rows.map(|segment| [segment.start, segment.end]).collect();
    ndarray::arr2(&rows).write_npy(writer)
}

/// Reads a file as [`write_speech`] writes them.
pub fn read_speech(file: &[u8]) -> Result<Timeline, NpyError> {
    let segments = ArrayView2::<f64>::view_npy(file)?;
    let segments = segments.rows().into_iter();
    Ok(segments.map(|row| Segment::new(row[0], row[1])).collect())
}

/// Writes `locals.npy`, `uint8` `(chunks, frames, speakers)`: probabilities in 255ths.
pub fn write_locals(locals: &LocalSpeakers, writer: impl Write) -> Result<(), WriteNpyError> {
    locals.alone.write_npy(writer)
}

/// Reads a file as [`write_locals`] writes them; `frames` say where its frames lie.
pub fn read_locals(file: &[u8], frames: LocalFrames) -> Result<LocalSpeakers, NpyError> {
    let alone = ArrayView3::<u8>::view_npy(file)?.to_owned();
    Ok(LocalSpeakers { alone, frames })
}

/// Reads which windows a file is about that [`write_labels`] has written.
pub fn read_windows(file: &[u8]) -> Result<Vec<usize>, NpyError> {
    let labels = ArrayView2::<f64>::view_npy(file)?;
    let step = SlidingWindow::EMBEDDING.step as f64 / f64::from(SAMPLE_RATE);
    let windows = labels.rows().into_iter();
    Ok(windows
        .map(|row| (row[0] / step).round() as usize)
        .collect())
}

/// Reads a file as [`write_embeddings`] and NumPy write them: `(windows, dim)`, finite.
///
/// Nothing is allocated on the word of the header: the array is a copy of bytes that are there.
pub fn read_embeddings(file: &[u8]) -> Result<Array2<f32>, NpyError> {
    let embeddings = ArrayView2::<f32>::view_npy(file)?;
    for (row, values) in embeddings.rows().into_iter().enumerate() {
        if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
            return Err(NpyError::NotFinite { row, value });
        }
    }
    Ok(embeddings.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embeddings_read_back() {
        let embeddings = ndarray::arr2(&[[0.6_f32, 0.8, 0.0], [0.0, 1.0, 0.0]]);
        let mut bytes = Vec::new();
        write_embeddings(&embeddings, &mut bytes).unwrap();
        assert_eq!(read_embeddings(&bytes).unwrap(), embeddings);
        bytes.truncate(bytes.len() - 1);
        assert!(read_embeddings(&bytes).is_err());
    }

    #[test]
    fn speech_and_windows_read_back() {
        for segments in [
            vec![],
            vec![Segment::new(0.25, 1.0 / 3.0), Segment::new(1.0, 7.5)],
        ] {
            let speech: Timeline = segments.into_iter().collect();
            let mut bytes = Vec::new();
            write_speech(&speech, &mut bytes).unwrap();
            assert_eq!(read_speech(&bytes).unwrap(), speech);
        }
        let windows: [usize; 4] = [0, 1, 40, 123_456];
        let rows = windows.map(|window| {
            let segment = SlidingWindow::EMBEDDING.segment(window);
            [segment.start, segment.end, 0.0]
        });
        let mut bytes = Vec::new();
        ndarray::arr2(&rows).write_npy(&mut bytes).unwrap();
        assert_eq!(read_windows(&bytes).unwrap(), windows);
    }

    #[test]
    fn what_is_no_embedding_is_refused() {
        let mut bytes = Vec::new();
        let embeddings = ndarray::arr2(&[[0.0_f32], [f32::NAN]]);
        write_embeddings(&embeddings, &mut bytes).unwrap();
        let message = read_embeddings(&bytes).unwrap_err().to_string();
        assert!(message.starts_with("row 1 "), "{message}");
        assert!(read_embeddings(b"RIFF").is_err());
    }
}
