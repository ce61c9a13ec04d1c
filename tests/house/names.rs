//! A type's name means one thing in the whole crate.

use std::collections::BTreeMap;

use crate::house::sources;

/// Percent of the types whose name another type has, too; `Error`, one a module, is not counted.
const MAX_REUSED_PERCENT: usize = 8;

#[test]
fn few_types_share_their_name_with_another() {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in sources() {
        for (number, line) in file.code().lines().enumerate() {
            if let Some(name) = defined_type(line).filter(|name| *name != "Error") {
                names.entry(name.to_owned()).or_default().push(format!("{}:{}", file.path, number + 1));
            }
        }
    }
    let all: usize = names.values().map(Vec::len).sum();
    names.retain(|_, places| places.len() > 1);
    let reused: usize = names.values().map(Vec::len).sum();
    let list: Vec<String> =
        names.iter().map(|(name, places)| format!("{name}: {}", places.join(", "))).collect();
    assert!(
        reused * 100 <= all * MAX_REUSED_PERCENT,
        "{reused} of {all} types share their name, more than {MAX_REUSED_PERCENT} %:\n{}",
        list.join("\n")
    );
}

/// The name of the type that a line at the top of a module defines.
fn defined_type(line: &str) -> Option<&str> {
    let line = match line.strip_prefix("pub") {
        Some(after) if after.starts_with('(') => after.split_once(") ")?.1,
        Some(after) => after.trim_start(),
        None => line,
    };
    let name =
        ["struct ", "enum ", "trait ", "type "].into_iter().find_map(|word| line.strip_prefix(word))?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}
