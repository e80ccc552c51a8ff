//! Where audio and results are kept.
