//! Signal processing: the log-mel filterbank and the windows cut out of it.
//!
//! The front end is Kaldi's `fbank` with the parameters that speaker embedding models of the
//! WeSpeaker and 3D-Speaker families are trained on. It works on a stream: feeding a recording in
//! blocks of any size gives the same frames, bit for bit, as feeding it at once.

mod filterbank;
mod frame_windows;
mod mean;
mod mel;

pub use filterbank::Filterbank;
pub use frame_windows::FrameWindows;
pub use mean::subtract_mean;

/// Mel bins a frame holds.
pub const MEL_BINS: usize = 80;

/// Samples from one frame to the next: 10 ms.
pub const FRAME_SHIFT: usize = 160;

/// Samples a frame is computed from: 25 ms.
pub const FRAME_LENGTH: usize = 400;

/// Points of the Fourier transform, the frame length rounded up to a power of two.
pub const FFT_SIZE: usize = 512;
