//! The daemon's entry: arguments to a command to an exit status, and nothing else.

use std::process::ExitCode;

use appstreaming_exporter::{cli, commands};

fn main() -> ExitCode {
    match commands::run(cli::parse()) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("appstreaming-exporter: {}", commands::chain(&error));
            ExitCode::FAILURE
        }
    }
}
