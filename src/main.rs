//! The daemon's entry: arguments to a command to an exit status, and nothing else.

use std::process::ExitCode;

use appstreaming_exporter::{app, cli};

fn main() -> ExitCode {
    match app::run(cli::parse()) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("appstreaming-exporter: {}", app::chain(&error));
            ExitCode::FAILURE
        }
    }
}
