//! Any text is a transcript that can be merged and written, or an error.
#![no_main]
#![allow(
    dead_code,
    unused_imports,
    reason = "only a part of each room is driven from here"
)]

use libfuzzer_sys::fuzz_target;

#[path = "../../src/domain/mod.rs"]
mod domain;
#[path = "../entries/words.rs"]
mod entry;
#[path = "../../src/formats/mod.rs"]
mod formats;
#[path = "../../src/words/mod.rs"]
mod words;

mod rooms {
    pub(crate) use crate::domain;
    pub(crate) use crate::formats;
    pub(crate) use crate::words;
}

fuzz_target!(|bytes: &[u8]| entry::run(bytes));
