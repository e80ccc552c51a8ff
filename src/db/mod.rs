//! The jobs table: all SQL lives here.
