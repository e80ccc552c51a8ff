//! Scoring a hypothesis against a reference.
