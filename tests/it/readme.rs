//! The README's commands, run word for word.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::program::Server;

/// The address that the README's commands name.
const README_ADDRESS: &str = "127.0.0.1:8080";

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_example_prints_two_speakers() {
    let folder = checkout();
    let server = Server::start(folder.path(), &[]);
    // curl's own settings lead the README's address to the free port.
    let address = &server.address;
    fs::write(
        folder.path().join(".curlrc"),
        format!("connect-to = \"{README_ADDRESS}:{address}\"\n"),
    )
    .unwrap();
    let example = blocks_with(README_ADDRESS);
    assert_eq!(example.len(), 1, "one example of HTTP in the README");
    assert_eq!(speakers(&run(&example[0], folder.path())).len(), 2);
}

#[test]
fn the_examples_without_a_server_work() {
    let folder = checkout();
    let examples = blocks_with("target/release/diarist");
    let lines: Vec<&str> = examples.iter().flat_map(|block| block.lines()).collect();
    assert!(lines.len() >= 2, "{lines:?}");
    let rttm = run(lines[0], folder.path());
    assert_eq!(speakers(&rttm).len(), 2, "{rttm}");
    let text = run(lines[1], folder.path());
    assert!(
        text.contains("SPEAKER_00") && text.contains("SPEAKER_01"),
        "{text}"
    );
}

/// A folder that looks like a checkout after `make build`, with the program under test.
fn checkout() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let release = folder.path().join("target/release");
    fs::create_dir_all(&release).unwrap();
    symlink(env!("CARGO_BIN_EXE_diarist"), release.join("diarist")).unwrap();
    symlink(Path::new(ROOT).join("tests"), folder.path().join("tests")).unwrap();
    folder
}

/// The README's shell blocks that contain `text`.
fn blocks_with(text: &str) -> Vec<String> {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    readme
        .split("```sh\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```").map(|(block, _)| block.to_owned()))
        .filter(|block| block.contains(text))
        .collect()
}

fn run(script: &str, folder: &Path) -> String {
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .env("CURL_HOME", folder)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The distinct speakers of an RTTM text; every line has to be one.
fn speakers(rttm: &str) -> BTreeSet<String> {
    rttm.lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            assert_eq!((fields.len(), fields[0]), (10, "SPEAKER"), "{line}");
            fields[7].to_owned()
        })
        .collect()
}
