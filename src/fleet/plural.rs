//! Counts with their nouns, for people.

use std::fmt;

/// `count` and `noun`, such as `1 group` or `3 groups`, for nouns whose plural adds an `s`.
pub fn plural(count: impl fmt::Display, noun: &str) -> String {
    let count = count.to_string();
    let ending = if count == "1" { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::plural;

    #[test]
    fn only_one_is_singular() {
        assert_eq!(plural(0, "group"), "0 groups");
        assert_eq!(plural(1, "group"), "1 group");
        assert_eq!(plural(1.0, "node"), "1 node");
        assert_eq!(plural(1.5, "node"), "1.5 nodes");
    }
}
