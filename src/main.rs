//! The `diarist` binary: hands over to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    diarist::cli::run()
}
