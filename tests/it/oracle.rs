//! Other people's programs to compare ours with: Python scripts under `tests/oracle`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::Serialize;
use serde_json::Value;

/// What `script` says about `input`, or nothing where its packages are not installed.
#[expect(clippy::print_stderr, reason = "a test that is skipped must say so")]
pub(crate) fn ask(script: &str, input: &impl Serialize) -> Option<Value> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let python = root.join(".cache/oracle/bin/python");
    if !python.exists() {
        assert!(
            std::env::var_os("CI").is_none(),
            "`make oracle` was not run"
        );
        eprintln!("SKIPPED: {script} needs packages that `make oracle` installs");
        return None;
    }
    let mut child = Command::new(python)
        .arg(root.join("tests/oracle").join(script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = serde_json::to_vec(input).unwrap();
    child.stdin.take().unwrap().write_all(&input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script} failed");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
