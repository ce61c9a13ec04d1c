//! Runs a job of this program under callgrind.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The argument after which this program runs a job: its name, and how often.
pub const RUN_JOB: &str = "--run-job";

/// Where the profiles of the jobs are.
const PROFILES: &str = "target/instructions";

/// The instructions of one run of a job: those of `more` runs without those of `fewer`, divided by
/// the difference.
pub fn instructions(job: &str, [fewer, more]: [u64; 2]) -> u64 {
    (total(job, more) - total(job, fewer)) / (more - fewer)
}

/// The instructions of a process that runs a job. Its profile is kept.
fn total(job: &str, runs: u64) -> u64 {
    fs::create_dir_all(PROFILES).expect("the target directory is writable");
    let profile = Path::new(PROFILES).join(format!("{job}.out"));
    let program = std::env::current_exe().expect("a program knows its path");
    let output = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--error-exitcode=1"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .args([RUN_JOB, job, &runs.to_string()])
        // The environment is on the stack, and its size could change how data is aligned.
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("cannot run valgrind, install it: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{job} failed under valgrind: {errors}");
    let text = fs::read_to_string(&profile).expect("callgrind writes its profile");
    let line = text.lines().find_map(|line| line.strip_prefix("totals: "));
    line.and_then(|count| count.trim().parse().ok()).expect("a profile has the number of all instructions")
}
