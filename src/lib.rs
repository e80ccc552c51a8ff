//! Diarist answers "who spoke when".
//!
//! Audio comes in through [`audio`], becomes features in [`dsp`] and speech in [`speech`], passes
//! the network in [`models`], is grouped by [`clustering`] and assembled by [`pipeline`];
//! [`jobs`] runs that for [`http`], [`cli`] for the command line.

pub mod audio;
pub mod cli;
pub mod clustering;
pub mod config;
pub mod db;
pub mod domain;
pub mod dsp;
pub mod evaluation;
pub mod formats;
pub mod http;
pub mod jobs;
pub mod models;
pub mod outbound;
pub mod pipeline;
pub mod shutdown;
pub mod speech;
pub mod storage;
pub mod telemetry;
pub mod voices;
pub mod words;
