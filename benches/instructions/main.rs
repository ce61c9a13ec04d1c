//! Counts the instructions of fixed jobs with valgrind, and compares them with `counts.toml`.
//!
//! ```text
//! just instructions            fails if a job needs more than 5 % more instructions than recorded
//! just instructions --write    records the counts
//! ```
//!
//! A time depends on the machine and on its other load; a number of instructions does not.

mod counts;
mod jobs;
#[path = "../pages/mod.rs"]
mod pages;
mod request;
mod scrape;
mod valgrind;

use std::process::ExitCode;

use self::jobs::JOBS;

/// The runs of a job whose difference is measured: everything that a process does before and after
/// its runs cancels out, and so does what only a first run does.
const RUNS: [u64; 2] = [20, 100];

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(),
        ["--write"] => {
            counts::write(&measure());
            ExitCode::SUCCESS
        }
        [valgrind::RUN_JOB, name, runs] => {
            run_job(name, runs.parse().expect("a number of runs"));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: just instructions [--write]");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Vec<(&'static str, u64)> {
    JOBS.iter().map(|job| (job.name, valgrind::instructions(job.name, RUNS))).collect()
}

fn compare() -> ExitCode {
    let comparisons = counts::compare(&measure());
    comparisons.iter().for_each(|comparison| println!("{comparison}"));
    let bad = comparisons.iter().filter(|comparison| !comparison.is_accepted()).count();
    if bad == 0 {
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "\n{bad} of {} jobs cost more than recorded in {}, or are not recorded. If the cost is worth it, \
         record it with `just instructions --write`. Otherwise find it: \
         callgrind_annotate target/instructions/JOB.out",
        comparisons.len(),
        counts::FILE,
    );
    ExitCode::FAILURE
}

/// Runs a job in this process, under valgrind.
fn run_job(name: &str, runs: u64) {
    let job = JOBS.iter().find(|job| job.name == name).expect("the name of a job");
    let mut run = (job.prepare)();
    (0..runs).for_each(|_| run());
}
