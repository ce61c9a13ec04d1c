//! The entry point: parses the arguments, runs the command and returns its exit status.

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
