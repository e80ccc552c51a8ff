//! From audio to turns.
