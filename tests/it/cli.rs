//! The program as a user at a terminal meets it: what it says and how it exits.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Output;
use std::thread;

use crate::program::{self, Server};

/// The program's end in an empty folder.
fn diarist(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    program::diarist(folder.path())
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn help_names_every_subcommand() {
    let output = diarist(&["--help"], &[]);
    let help = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    for name in [
        "serve",
        "worker",
        "diarize",
        "embed",
        "evaluate",
        "keys",
        "merge",
        "migrate",
        "openapi",
        "healthcheck",
    ] {
        assert!(
            help.contains(&format!("\n  {name} ")),
            "{name} missing in:\n{help}"
        );
    }
}

#[test]
fn an_unknown_flag_is_wrong_usage() {
    let output = diarist(&["healthcheck", "--loud"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--loud"));
}

#[test]
fn wrong_settings_are_all_named_before_anything_starts() {
    let output = diarist(
        &["healthcheck"],
        &[
            ("DIARIST_LISEN", "127.0.0.1:1"),
            ("DIARIST_SHUTDOWN_SECONDS", "4000"),
        ],
    );
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.starts_with("diarist: 2 settings are wrong:"), "{said}");
    assert!(said.contains("did you mean `listen`?"), "{said}");
    assert!(said.contains("at most 3600; given: 4000"), "{said}");
}

#[test]
fn a_settings_file_that_is_not_there_is_named() {
    let output = diarist(&["--config", "nowhere.toml", "healthcheck"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("nowhere.toml"));
}

#[test]
fn healthcheck_tells_ready_from_not_ready_and_from_nobody_there() {
    for (answer, code) in [
        ("HTTP/1.1 200 OK\r\n\r\n", 0),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", 1),
        ("SSH-2.0-something\r\n", 1),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // All of it: closing a socket with unread bytes resets it, and the answer is lost.
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        });
        let output = diarist(&["healthcheck", &url], &[]);
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        let request = server.join().unwrap();
        assert!(request.starts_with("GET /readyz HTTP/1.1\r\n"), "{request}");
    }

    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("http://127.0.0.1:{port}");
    let output = diarist(&["healthcheck", &url], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&url));
}

#[test]
fn a_server_is_ready_until_it_is_told_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--role", "api"]);
    let url = format!("http://{}", server.address);
    assert!(diarist(&["healthcheck", &url], &[]).status.success());
    assert!(folder.path().join("data").is_dir());

    let taken = diarist(
        &["serve", "--listen", &server.address, "--role", "api"],
        &[],
    );
    assert_eq!(taken.status.code(), Some(1));
    let said = stderr(&taken);
    let sentence = format!("diarist: cannot listen on {}: ", server.address);
    assert!(said.contains(&sentence), "{said}");

    assert_eq!(server.stop().code(), Some(0));
    assert_eq!(diarist(&["healthcheck", &url], &[]).status.code(), Some(1));
}

#[test]
fn a_worker_without_its_model_says_what_is_missing() {
    let output = diarist(&["worker"], &[("DIARIST_MODEL__PATH", "nowhere.onnx")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("nowhere.onnx"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn migrate_makes_a_database_and_may_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("some/where");
    for _ in 0..2 {
        let output = diarist(&["migrate", "--data-dir", data.to_str().unwrap()], &[]);
        assert!(output.status.success(), "{}", stderr(&output));
    }
    assert!(data.join("diarist.sqlite3").is_file());
}
