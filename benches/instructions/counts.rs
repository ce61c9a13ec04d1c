//! The recorded counts, and the comparison with them.

use std::fmt::{self, Write as _};
use std::fs;

/// The file of the counts, from the root of the repository.
pub const FILE: &str = "benches/instructions/counts.toml";

/// The share by which a count may grow: less than a fault costs, and more than a compiler's choice
/// what to inline usually changes.
const TOLERANCE: f64 = 0.05;

const HEADER: &str = "# Instructions of one run of each job, written by `just instructions --write`.\n";

/// A job's count beside the recorded one.
pub struct Comparison {
    job: &'static str,
    recorded: Option<u64>,
    counted: u64,
}

impl Comparison {
    /// Whether the count is recorded, and has not grown by more than the tolerance.
    pub fn is_accepted(&self) -> bool {
        self.change().is_some_and(|change| change <= TOLERANCE)
    }

    /// The growth, as a share of the recorded count.
    fn change(&self) -> Option<f64> {
        self.recorded.map(|recorded| self.counted as f64 / recorded as f64 - 1.0)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { job, recorded, counted } = self;
        let verdict = match self.change() {
            None => "not recorded",
            Some(change) if change > TOLERANCE => "MORE THAN 5 % WORSE",
            // Otherwise a later loss of the same size would pass.
            Some(change) if change < -TOLERANCE => "better: record it with `just instructions --write`",
            Some(_) => "",
        };
        let change = self.change().unwrap_or_default() * 100.0;
        let recorded = recorded.unwrap_or_default();
        write!(f, "{job:<24} {recorded:>12} -> {counted:>12}  {change:>+7.2} %  {verdict}")
    }
}

/// Compares counts with the recorded ones.
pub fn compare(counts: &[(&'static str, u64)]) -> Vec<Comparison> {
    let text = fs::read_to_string(FILE).unwrap_or_else(|error| panic!("cannot read {FILE}: {error}"));
    let recorded: toml::Table = text.parse().unwrap_or_else(|error| panic!("{FILE}: {error}"));
    let recorded = |job: &str| u64::try_from(recorded.get(job)?.as_integer()?).ok();
    counts.iter().map(|&(job, counted)| Comparison { job, recorded: recorded(job), counted }).collect()
}

/// Records counts.
pub fn write(counts: &[(&'static str, u64)]) {
    let mut text = HEADER.to_owned();
    for (job, count) in counts {
        writeln!(text, "{job} = {count}").expect("writing into a String never fails");
    }
    fs::write(FILE, &text).unwrap_or_else(|error| panic!("cannot write {FILE}: {error}"));
    print!("{text}");
}
