//! Whatever happens to a job, it ends once.
#![no_main]
#![allow(
    dead_code,
    unused_imports,
    reason = "only a part of each room is driven from here"
)]

use libfuzzer_sys::fuzz_target;

#[path = "../../src/domain/mod.rs"]
mod domain;
#[path = "../entries/transitions.rs"]
mod entry;

mod rooms {
    pub(crate) use crate::domain;
}

fuzz_target!(|bytes: &[u8]| entry::run(bytes));
