//! The built program, as a process of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to stop that has nothing left to do.
const STOPPING: Duration = Duration::from_secs(20);

/// A client. The library wants a provider of TLS even for those that will use none.
pub(crate) fn client() -> reqwest::Client {
    diarist::outbound::provide_tls();
    reqwest::Client::new()
}

/// `diarist` in `folder`, with none of the caller's settings.
pub(crate) fn diarist(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_diarist"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DIARIST_")) {
        command.env_remove(name);
    }
    command.current_dir(folder);
    command
}

/// `diarist serve` on a free port, ended with its value.
pub(crate) struct Server {
    child: Child,
    /// Kept open: what the server still says must not fail.
    _stdout: BufReader<ChildStdout>,
    /// Host and port.
    pub(crate) address: String,
}

impl Server {
    /// Starts a server in `folder` and waits until it says where it listens.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_logging_to(folder, arguments, Stdio::inherit())
    }

    /// The same, with the log going to `log`.
    pub(crate) fn start_logging_to(
        folder: &Path,
        arguments: &[&str],
        log: impl Into<Stdio>,
    ) -> Self {
        Self::spawn(diarist(folder).arg("serve").args(arguments), log)
    }

    /// The same, of a command that is made up already.
    pub(crate) fn spawn(command: &mut Command, log: impl Into<Stdio>) -> Self {
        let mut child = command
            .env("DIARIST_LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let address = stdout
            .by_ref()
            .lines()
            .map(Result::unwrap)
            .find_map(|line| {
                let (_, rest) = line.split_once("http://")?;
                rest.split(' ').next().map(str::to_owned)
            });
        let address = address.unwrap_or_else(|| panic!("no address, but {:?}", child.wait()));
        Self {
            child,
            _stdout: stdout,
            address,
        }
    }

    /// Asks the server to stop as a supervisor does, and waits for it.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        let kill = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(kill.success());
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < STOPPING, "the server does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
