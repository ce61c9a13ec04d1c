//! Reads TOML, YAML and JSON documents, and reports every problem with its file and line.
//!
//! | file | does |
//! |---|---|
//! | `parse` | parses one document |
//! | `line_numbers` | finds the line of each key |
//! | `diagnostics` | collects the problems and warnings of a document |
//! | `problem` | one problem, where it is, and the sorted list of all |
//! | `table` | reads typed values of a table and reports the values that do not fit |
//! | `quantity` | durations and sizes as text |
//! | `suggestion` | "did you mean" |
//! | `small_file` | reads a file up to a limit |
//!
//! What is not here: which keys a document may have, their defaults and their meaning (`config`,
//! `web_config`), and merging documents with other sources (`config`).

mod diagnostics;
mod line_numbers;
mod parse;
mod problem;
mod quantity;
mod small_file;
mod suggestion;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use diagnostics::{Diagnostics, Locate};
pub(crate) use line_numbers::LineNumbers;
pub(crate) use parse::{Document, Language};
pub use problem::{Origin, Problem, Problems};
pub(crate) use quantity::{format_duration, format_size, parse_duration, parse_size};
pub(crate) use small_file::{read_small_file, read_small_text, strip_byte_order_mark, trim_text};
pub(crate) use suggestion::{closest, closest_within, did_you_mean, max_typos};
pub(crate) use table::Table;

/// The path of the key `name` in the table at `path`; either may be empty.
pub(crate) fn join_path(path: &str, name: &str) -> String {
    match (path, name) {
        ("", name) => name.to_owned(),
        (path, "") => path.to_owned(),
        (path, name) => format!("{path}.{name}"),
    }
}
