//! A caller's way to the inference thread.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use ndarray::{Array2, Axis};

use super::inference::check_frames;
use super::queue::{Answer, Queue, Ticket, Work};
use super::{Embedded, Inference, ModelError};

/// Windows of one caller, embedded in their order together with those of others. Dropping it
/// withdraws what has not begun.
#[derive(Debug)]
pub struct Line {
    pending: Pending,
    /// The thread goes on as long as somebody may bring work.
    inference: Inference,
}

/// Embeddings to come. Dropping it withdraws the work, if it has not begun.
#[derive(Debug)]
pub struct Pending {
    queue: Arc<Queue>,
    ticket: Option<Ticket>,
    answers: Receiver<Answer>,
    /// Embeddings expected.
    rows: usize,
}

impl Line {
    pub(super) fn new(inference: Inference, queue: &Arc<Queue>) -> Self {
        let (ticket, answers) = queue.join();
        Self {
            pending: Pending {
                queue: Arc::clone(queue),
                ticket: Some(ticket),
                answers,
                rows: 0,
            },
            inference,
        }
    }

    /// Hands in a window `(frames, 80)`, mean-normalised where the metadata says so. Waits where
    /// the model is several batches behind.
    ///
    /// # Errors
    /// [`ModelError::Features`] for a window of no such shape.
    pub fn push(&mut self, window: Array2<f32>) -> Result<(), ModelError> {
        check_frames(&window)?;
        if let Some(ticket) = self.pending.ticket {
            self.pending.queue.push(ticket, window);
            self.pending.rows += 1;
        }
        Ok(())
    }

    /// The next embeddings, in the windows' order, if there are any yet.
    ///
    /// # Errors
    /// [`ModelError`] if a run failed.
    pub fn ready(&mut self) -> Result<Option<Embedded>, ModelError> {
        match self.pending.answers.try_recv() {
            Ok(answer) => {
                let answer = answer?;
                self.pending.rows -= answer.embeddings.nrows().min(self.pending.rows);
                Ok(Some(answer))
            }
            // Where the thread is gone, whoever waits for the end is told.
            Err(_) => Ok(None),
        }
    }

    /// Says that no window follows.
    pub fn finish(self) -> Pending {
        if let Some(ticket) = self.pending.ticket {
            self.pending.queue.finish(ticket);
        }
        drop(self.inference);
        self.pending
    }
}

impl Pending {
    pub(super) fn alone(queue: &Arc<Queue>, work: Work, rows: usize) -> Self {
        let (ticket, answers) = queue.alone(work);
        Self {
            queue: Arc::clone(queue),
            ticket: Some(ticket),
            answers,
            rows,
        }
    }

    pub(super) fn refused(queue: &Arc<Queue>, error: ModelError) -> Self {
        let (reply, answers) = channel();
        // The receiver is in our hands.
        drop(reply.send(Err(error)));
        Self {
            queue: Arc::clone(queue),
            ticket: None,
            answers,
            rows: 0,
        }
    }

    /// Waits for the embeddings that have not been taken yet.
    ///
    /// # Errors
    /// [`ModelError`] if the features have no valid shape or a run failed.
    pub fn wait(self) -> Result<Embedded, ModelError> {
        let mut parts = Vec::new();
        let mut seconds = 0.0;
        for answer in &self.answers {
            let Embedded {
                embeddings,
                seconds: part,
            } = answer?;
            parts.push(embeddings);
            seconds += part;
        }
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        let embeddings = match views[..] {
            [] if self.rows == 0 => Array2::zeros((0, 0)),
            // The channel ended early: so did the thread.
            [] => return Err(ModelError::Stopped),
            _ => ndarray::concatenate(Axis(0), &views)?,
        };
        if embeddings.nrows() != self.rows {
            return Err(ModelError::Stopped);
        }
        Ok(Embedded {
            embeddings,
            seconds,
        })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.queue.leave(ticket);
        }
    }
}
