//! The program as a user at a terminal meets it: what it says and how it exits.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::thread;

/// The built program with none of the caller's settings, in an empty folder.
fn diarist(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_diarist"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DIARIST_")) {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(folder.path())
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
    for name in ["healthcheck", "help"] {
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
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
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
