//! Bytes to mono samples at 16 kHz.
