//! Any bytes decode to finite samples or to an error, in bounded time and memory.
#![no_main]
#![allow(
    dead_code,
    unused_imports,
    reason = "only a part of each room is driven from here"
)]

use std::io::Write as _;

use libfuzzer_sys::fuzz_target;

#[path = "../../src/audio/mod.rs"]
mod audio;
#[path = "../../src/domain/mod.rs"]
mod domain;

// libFuzzer's hook would abort in panics of the libraries below, which `audio` is there to catch. One
// that escapes it still aborts: it cannot leave this function.
fuzz_target!(init: std::panic::set_hook(Box::new(|_| {})), |bytes: &[u8]| {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("a writable temporary file");
    let options = audio::DecodeOptions {
        limits: audio::Limits {
            max_duration_seconds: 600.0,
            ..audio::Limits::default()
        },
        channel: None,
    };
    let Ok(mut stream) = audio::AudioStream::open(file.path(), &options) else {
        return;
    };
    let mut block = Vec::new();
    while let Ok(true) = stream.read(&mut block) {
        assert!(block.len() <= 16_000);
        assert!(block.iter().all(|sample| sample.is_finite()));
        block.clear();
    }
    let _ = stream.warning();
});
