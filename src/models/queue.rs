//! What waits for the model, by who brought it.
//!
//! Every caller has a line of its own. When the inference thread is free it fills one batch by going
//! round the lines and taking one window from each, until the batch is full: whoever brings much
//! gets no more of the model than whoever brings little. Windows being equally long, that is fair
//! by seconds of audio.
//!
//! A batch leaves when it is full, or when somebody waits for the last of his windows. Until then
//! nobody waits for any of them, so that a lone caller's batches are as full as if he filled them
//! himself.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use ndarray::{Array2, Array3};

use super::{Embedded, ModelError};

/// Batches that one line may hold; whoever brings more waits. More than one, so that the thread
/// finds windows whenever it is free; few, because they lie in memory.
const BATCHES_A_LINE: usize = 4;

/// What the model made of some of a caller's windows, in their order.
pub(super) type Answer = Result<Embedded, ModelError>;

/// Names a line, or a piece of work that is done alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// Work that shares no batch.
#[derive(Debug)]
pub(super) enum Work {
    /// One recording, computed as it is.
    Whole(Array3<f32>),
    /// So many full batches of windows, for their time alone.
    Bare(usize),
}

/// What the thread is to do next.
#[derive(Debug)]
pub(super) enum Turn {
    /// A batch: what each of some lines has in it.
    Batch(Vec<Share>),
    /// Something alone.
    Alone(Work, Sender<Answer>),
}

/// A caller's part of a batch.
#[derive(Debug)]
pub(super) struct Share {
    ticket: Ticket,
    /// Windows `(frames, 80)`, at least one; the same number of frames throughout a batch.
    pub(super) windows: Vec<Array2<f32>>,
    pub(super) reply: Sender<Answer>,
}

#[derive(Debug)]
struct Line {
    ticket: Ticket,
    windows: VecDeque<Array2<f32>>,
    /// Nothing more comes; somebody waits for what is here.
    finished: bool,
    reply: Sender<Answer>,
}

/// The lines, and the work that is done alone, which takes turns with the batches.
#[derive(Debug)]
pub(super) struct Queue {
    batch_size: usize,
    state: Mutex<State>,
    /// There may be a turn to take.
    work: Condvar,
    /// A line may have room.
    room: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// In the order in which they are served next.
    lines: VecDeque<Line>,
    alone: VecDeque<(Ticket, Work, Sender<Answer>)>,
    /// The latest turn was a batch.
    batch_before: bool,
    tickets: u64,
    closed: bool,
}

impl Queue {
    pub(super) fn new(batch_size: usize) -> Self {
        Self {
            batch_size,
            state: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
        }
    }

    /// Opens a line. Answers come in the windows' order; the last one is followed by the end of
    /// the channel once the line is finished.
    pub(super) fn join(&self) -> (Ticket, Receiver<Answer>) {
        let (reply, answers) = channel();
        let mut state = self.state();
        let ticket = state.ticket();
        // Without the thread nobody would answer: the channel ends at once.
        if !state.closed {
            state.lines.push_back(Line {
                ticket,
                windows: VecDeque::new(),
                finished: false,
                reply,
            });
        }
        (ticket, answers)
    }

    /// Adds a window to a line; waits while it is full.
    pub(super) fn push(&self, ticket: Ticket, window: Array2<f32>) {
        let most = BATCHES_A_LINE * self.batch_size;
        let mut state = self.state();
        // A line that is gone takes nothing: its channel has ended.
        while let Some(line) = state.line(ticket) {
            if line.windows.len() < most {
                line.windows.push_back(window);
                if state.ready(self.batch_size) {
                    self.work.notify_one();
                }
                return;
            }
            state = wait(&self.room, state);
        }
    }

    /// Says that a line is complete.
    pub(super) fn finish(&self, ticket: Ticket) {
        let mut state = self.state();
        if let Some(line) = state.line(ticket) {
            line.finished = true;
        }
        state.lines.retain(|line| !line.is_over());
        self.work.notify_one();
    }

    /// Adds work that is done alone.
    pub(super) fn alone(&self, work: Work) -> (Ticket, Receiver<Answer>) {
        let (reply, answers) = channel();
        let mut state = self.state();
        let ticket = state.ticket();
        if !state.closed {
            state.alone.push_back((ticket, work, reply));
            self.work.notify_one();
        }
        (ticket, answers)
    }

    /// Withdraws what was brought under this ticket and has not begun: nobody waits for it.
    pub(super) fn leave(&self, ticket: Ticket) {
        let mut state = self.state();
        state.lines.retain(|line| line.ticket != ticket);
        state.alone.retain(|(other, ..)| *other != ticket);
    }

    /// Waits for something to do; `None` once the queue is closed and empty.
    pub(super) fn next(&self) -> Option<Turn> {
        let mut state = self.state();
        loop {
            if let Some(turn) = state.turn(self.batch_size) {
                self.room.notify_all();
                return Some(turn);
            }
            if state.closed {
                return None;
            }
            state = wait(&self.work, state);
        }
    }

    /// Lets the thread end when it has done what waits. Nobody can bring anything any more.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.work.notify_one();
    }

    /// The thread is gone: what waits is dropped, and whoever waits for it is told so by the end of
    /// his channel.
    pub(super) fn abandon(&self) {
        let mut state = self.state();
        state.closed = true;
        state.lines.clear();
        state.alone.clear();
        self.room.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing here panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait<'a>(condition: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    condition
        .wait(state)
        .unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    fn line(&mut self, ticket: Ticket) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.ticket == ticket)
    }

    /// Whether a batch may leave.
    fn ready(&self, batch_size: usize) -> bool {
        let lines = self.lines.iter();
        let waiting: usize = lines.clone().map(|line| line.windows.len()).sum();
        waiting >= batch_size || (waiting > 0 && lines.into_iter().any(|line| line.finished))
    }

    fn turn(&mut self, batch_size: usize) -> Option<Turn> {
        let ready = self.ready(batch_size);
        if (!ready || self.batch_before)
            && let Some((_, work, reply)) = self.alone.pop_front()
        {
            self.batch_before = false;
            return Some(Turn::Alone(work, reply));
        }
        self.batch_before = ready;
        ready.then(|| Turn::Batch(self.batch(batch_size)))
    }

    /// Takes windows of one length, one line after the other.
    fn batch(&mut self, batch_size: usize) -> Vec<Share> {
        let mut shares: Vec<Share> = Vec::new();
        let (mut taken, mut frames, mut passed) = (0, None, 0);
        while taken < batch_size
            && passed < self.lines.len()
            && let Some(mut line) = self.lines.pop_front()
        {
            let length = line.windows.front().map(Array2::nrows);
            if length.is_some()
                && frames.is_none_or(|frames| Some(frames) == length)
                && let Some(window) = line.windows.pop_front()
            {
                frames = length;
                (taken, passed) = (taken + 1, 0);
                let share = shares.iter_mut().find(|share| share.ticket == line.ticket);
                match share {
                    Some(share) => share.windows.push(window),
                    None => shares.push(Share {
                        ticket: line.ticket,
                        windows: vec![window],
                        reply: line.reply.clone(),
                    }),
                }
            } else {
                passed += 1;
            }
            if !line.is_over() {
                self.lines.push_back(line);
            }
        }
        shares
    }
}

impl Line {
    /// Nothing is here and nothing comes.
    fn is_over(&self) -> bool {
        self.finished && self.windows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(frames: usize) -> Array2<f32> {
        Array2::zeros((frames, 80))
    }

    fn line(queue: &Queue, windows: usize, frames: usize) -> (Ticket, Receiver<Answer>) {
        let (ticket, answers) = queue.join();
        for _ in 0..windows {
            queue.push(ticket, window(frames));
        }
        (ticket, answers)
    }

    /// Whose windows the next batch holds, and how many.
    fn shares(queue: &Queue) -> Vec<(Ticket, usize)> {
        match queue.next() {
            Some(Turn::Batch(shares)) => {
                let shares = shares.iter();
                shares.map(|s| (s.ticket, s.windows.len())).collect()
            }
            other => panic!("expected a batch, got {other:?}"),
        }
    }

    #[test]
    fn a_batch_goes_round_the_lines_and_the_next_one_goes_on_where_it_ended() {
        let queue = Queue::new(4);
        let (long, _kept) = line(&queue, 16, 150);
        let (other, _kept) = line(&queue, 16, 150);
        let (short, _kept) = line(&queue, 3, 150);
        queue.finish(short);
        assert_eq!(shares(&queue), [(long, 2), (other, 1), (short, 1)]);
        assert_eq!(shares(&queue), [(other, 2), (short, 1), (long, 1)]);
        assert_eq!(shares(&queue), [(short, 1), (long, 2), (other, 1)]);
        assert_eq!(shares(&queue), [(other, 2), (long, 2)]);
    }

    #[test]
    fn a_batch_leaves_full_or_when_somebody_waits_for_his_last() {
        let queue = Queue::new(4);
        let (long, _kept) = line(&queue, 3, 150);
        assert!(!queue.state().ready(4));
        let (short, answers) = line(&queue, 0, 150);
        queue.finish(short);
        assert!(answers.recv().is_err(), "nothing was brought");
        assert!(!queue.state().ready(4));
        let (short, _kept) = line(&queue, 0, 150);
        queue.push(short, window(150));
        assert_eq!(shares(&queue), [(long, 3), (short, 1)]);
        queue.push(long, window(150));
        queue.finish(long);
        assert_eq!(shares(&queue), [(long, 1)]);
    }

    #[test]
    fn windows_of_another_length_wait_for_a_batch_of_their_own() {
        let queue = Queue::new(4);
        let (one, _kept) = line(&queue, 3, 150);
        let (two, _kept) = line(&queue, 3, 200);
        queue.finish(one);
        queue.finish(two);
        assert_eq!(shares(&queue), [(one, 3)]);
        assert_eq!(shares(&queue), [(two, 3)]);
    }

    #[test]
    fn whoever_leaves_takes_his_windows_along() {
        let queue = Queue::new(4);
        let (gone, _kept) = line(&queue, 8, 150);
        let (stays, _kept) = line(&queue, 2, 150);
        let (withdrawn, _kept) = queue.alone(Work::Bare(1));
        queue.finish(stays);
        queue.leave(gone);
        queue.leave(withdrawn);
        queue.close();
        assert_eq!(shares(&queue), [(stays, 2)]);
        assert!(queue.next().is_none());
    }

    #[test]
    fn what_is_done_alone_takes_turns_with_batches() {
        let queue = Queue::new(1);
        let (ticket, _kept) = line(&queue, 3, 150);
        let _kept = [queue.alone(Work::Bare(1)), queue.alone(Work::Bare(1))];
        let turns = [(); 5].map(|()| matches!(queue.next(), Some(Turn::Batch(_))));
        assert_eq!(turns, [true, false, true, false, true]);
        queue.leave(ticket);
    }

    #[test]
    fn a_full_line_makes_its_own_caller_wait_and_nobody_else() {
        let queue = Queue::new(1);
        let (full, _kept) = line(&queue, BATCHES_A_LINE, 150);
        let (free, _kept) = queue.join();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.push(full, window(150)));
            queue.push(free, window(150));
            assert!(!waiting.is_finished());
            assert_eq!(shares(&queue), [(full, 1)]);
            waiting.join().unwrap();
        });
        queue.abandon();
        queue.push(full, window(150));
        assert!(queue.join().1.recv().is_err());
    }
}
