//! Any text is RTTM or UEM, or an error.
#![no_main]
#![allow(
    dead_code,
    unused_imports,
    reason = "only a part of each room is driven from here"
)]

use libfuzzer_sys::fuzz_target;

#[path = "../../src/domain/mod.rs"]
mod domain;
#[path = "../entries/annotations.rs"]
mod entry;
#[path = "../../src/evaluation/mod.rs"]
mod evaluation;
#[path = "../../src/formats/mod.rs"]
mod formats;

mod rooms {
    pub(crate) use crate::domain;
    pub(crate) use crate::evaluation;
    pub(crate) use crate::formats;
}

fuzz_target!(|bytes: &[u8]| entry::run(bytes));
