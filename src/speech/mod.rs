//! Speech activity.
