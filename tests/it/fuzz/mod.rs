//! What the fuzz targets do, with their seeds and a fixed number of mutations of each: the same ones
//! every time. `DIARIST_FUZZ_ROUNDS` asks for another number.

#[path = "../../../fuzz/entries/annotations.rs"]
mod annotations;
pub(crate) mod mutations;
#[path = "../../../fuzz/entries/transitions.rs"]
mod transitions;
#[path = "../../../fuzz/entries/words.rs"]
mod words;

use std::panic::{AssertUnwindSafe, catch_unwind};

use mutations::mutations;

/// What the entries drive.
mod rooms {
    pub(crate) use diarist::{domain, evaluation, formats, words};
}

/// Runs `entry` with everything made of the seeds of target `name`; says which input it did not survive.
fn survives(name: &str, entry: fn(&[u8])) {
    for bytes in mutations(name, 3000) {
        let survived = catch_unwind(AssertUnwindSafe(|| entry(&bytes)));
        assert!(survived.is_ok(), "{name}: b\"{}\"", bytes.escape_ascii());
    }
}

#[test]
fn annotations_survive_mutation() {
    survives("annotations", annotations::run);
}

#[test]
fn words_survive_mutation() {
    survives("words", words::run);
}

#[test]
fn job_transitions_survive_mutation() {
    survives("transitions", transitions::run);
}
