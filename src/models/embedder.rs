//! A stream of windows turned into a table of embeddings.

use ndarray::Array2;

use super::{Embedded, Inference, Line, ModelError};
use crate::dsp::{self, MEL_BINS};

/// Hands windows to the model and gathers the embeddings in the windows' order.
///
/// Holds at most a few batches of features; what grows is the table: `4 * dim` bytes a window.
#[derive(Debug)]
pub struct Embedder {
    line: Line,
    /// Frames a window holds.
    frames: usize,
    /// Whether the model wants every window's mean subtracted.
    global_mean: bool,
    dim: usize,
    /// Embeddings so far, row after row.
    table: Vec<f32>,
    seconds: f64,
}

impl Embedder {
    /// An embedder for windows of `frames` frames each.
    pub fn new(inference: &Inference, frames: usize) -> Self {
        Self {
            line: inference.line(),
            frames,
            global_mean: inference.metadata().global_mean,
            dim: inference.dim(),
            table: Vec::new(),
            seconds: 0.0,
        }
    }

    /// Puts embeddings known already, row after row, before those to come.
    #[must_use]
    pub fn after(mut self, table: Vec<f32>) -> Self {
        self.table = table;
        self
    }

    /// Embeddings so far, row after row.
    pub fn table(&self) -> &[f32] {
        &self.table
    }

    /// Takes in a window, `frames` rows of log-mel values as the filterbank gives them; subtracts
    /// its mean if the model wants that. Waits where the model is several batches behind.
    ///
    /// # Errors
    /// [`ModelError`] if an earlier batch failed.
    pub fn push(&mut self, window: &[f32]) -> Result<(), ModelError> {
        let mut values = window.to_vec();
        if self.global_mean {
            dsp::subtract_mean(&mut values);
        }
        let window = Array2::from_shape_vec((self.frames, MEL_BINS), values)?;
        self.line.push(window)?;
        self.collect()
    }

    /// Takes in what is ready.
    ///
    /// # Errors
    /// [`ModelError`] if a batch failed.
    pub fn collect(&mut self) -> Result<(), ModelError> {
        while let Some(embedded) = self.line.ready()? {
            self.table.extend(embedded.embeddings);
            self.seconds += embedded.seconds;
        }
        Ok(())
    }

    /// Waits for all embeddings: one row per window pushed, `(windows, dim)`.
    ///
    /// # Errors
    /// [`ModelError`] if a batch failed.
    pub fn finish(self) -> Result<Embedded, ModelError> {
        let Self {
            line,
            dim,
            mut table,
            seconds,
            ..
        } = self;
        let rest = line.finish().wait()?;
        table.extend(rest.embeddings);
        Ok(Embedded {
            embeddings: Array2::from_shape_vec((table.len() / dim, dim), table)?,
            seconds: seconds + rest.seconds,
        })
    }
}
