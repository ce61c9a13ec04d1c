//! The entry point: parses the arguments, runs the command and returns its exit status.

use std::process::ExitCode;

use appstreaming_exporter::{cli, commands};

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match commands::run(cli::parse()) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("appstreaming-exporter: {}", commands::chain(&error));
            ExitCode::FAILURE
        }
    }
}
