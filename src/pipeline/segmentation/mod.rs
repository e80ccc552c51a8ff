//! The pipeline that hears overlap.
//!
//! 1. `chunks` cuts the recording into overlapping chunks of 10 s; a segmentation model says which of a
//!    few local speakers is active in each frame of a chunk (`powerset`).
//! 2. `scan` embeds every local speaker of a chunk by the frames in which nobody else is active, or by
//!    all of them where there are too few.
//! 3. Clustering groups local speakers: those of one chunk are different people (`casting`).
//! 4. `reconstruct` counts who is active in each frame over all chunks that hold it, and gives it to as
//!    many speakers, those whose activity is highest (H. Bredin, "pyannote.audio 2.1 speaker
//!    diarization pipeline: principle, benchmark, and recipe", Interspeech 2023).

mod casting;
mod chunks;
mod conclude;
mod powerset;
mod reconstruct;
mod scan;

pub(super) use conclude::conclude;
pub(super) use scan::scan;
