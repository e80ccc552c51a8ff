//! A stream of windows turned into a table of embeddings.

use std::collections::VecDeque;

use ndarray::{Array2, Array3};

use super::{Embedded, Inference, ModelError, Pending};
use crate::dsp::{self, MEL_BINS};

/// Batches handed in ahead of the one waited for, so that the model never runs dry.
const AHEAD: usize = 3;

/// Collects windows into batches, keeps a few of those in front of the model, and gathers the
/// embeddings in the windows' order.
///
/// Holds at most four batches of features; what grows is the table: `4 * dim` bytes a window.
#[derive(Debug)]
pub struct Embedder<'a> {
    inference: &'a Inference,
    /// Frames a window holds.
    frames: usize,
    /// Rows of the batch being collected.
    batch: Vec<f32>,
    in_flight: VecDeque<Pending>,
    /// Embeddings so far, row after row.
    table: Vec<f32>,
    seconds: f64,
}

impl<'a> Embedder<'a> {
    /// An embedder for windows of `frames` frames each.
    pub fn new(inference: &'a Inference, frames: usize) -> Self {
        Self {
            inference,
            frames,
            batch: Vec::new(),
            in_flight: VecDeque::new(),
            table: Vec::new(),
            seconds: 0.0,
        }
    }

    /// Takes in a window, `frames` rows of log-mel values as the filterbank gives them; subtracts
    /// its mean if the model wants that. Waits where the model is several batches behind.
    ///
    /// # Errors
    /// [`ModelError`] if an earlier batch failed.
    pub fn push(&mut self, window: &[f32]) -> Result<(), ModelError> {
        let start = self.batch.len();
        self.batch.extend_from_slice(window);
        if self.inference.metadata().global_mean {
            dsp::subtract_mean(&mut self.batch[start..]);
        }
        if self.batch.len() < self.inference.batch_size() * self.frames * MEL_BINS {
            return Ok(());
        }
        self.submit()?;
        while self.in_flight.len() > AHEAD {
            self.collect()?;
        }
        Ok(())
    }

    /// Waits for all embeddings: one row per window pushed, `(windows, dim)`.
    ///
    /// # Errors
    /// [`ModelError`] if a batch failed.
    pub fn finish(mut self) -> Result<Embedded, ModelError> {
        if !self.batch.is_empty() {
            self.submit()?;
        }
        while !self.in_flight.is_empty() {
            self.collect()?;
        }
        let dim = self.inference.dim();
        let shape = (self.table.len() / dim, dim);
        Ok(Embedded {
            embeddings: Array2::from_shape_vec(shape, self.table)?,
            seconds: self.seconds,
        })
    }

    fn submit(&mut self) -> Result<(), ModelError> {
        let values = std::mem::take(&mut self.batch);
        let rows = values.len() / (self.frames * MEL_BINS);
        let features = Array3::from_shape_vec((rows, self.frames, MEL_BINS), values)?;
        self.in_flight.push_back(self.inference.submit(features));
        Ok(())
    }

    fn collect(&mut self) -> Result<(), ModelError> {
        if let Some(pending) = self.in_flight.pop_front() {
            let embedded = pending.wait()?;
            self.table.extend(embedded.embeddings);
            self.seconds += embedded.seconds;
        }
        Ok(())
    }
}
