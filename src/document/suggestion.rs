//! "Did you mean": the known name that is closest to a misspelt one.

/// The end of an error message, such as `; did you mean "x"?`; empty if no candidate is close.
pub(crate) fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    closest(name, candidates).map_or_else(String::new, |known| format!("; did you mean {known:?}?"))
}

/// The candidate that `name` most likely stands for, regardless of upper and lower case.
pub(crate) fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    closest_within(name, candidates, max_typos(name))
}

/// The candidate with the fewest typos in `name`, at most `max_typos` of them.
pub(crate) fn closest_within<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    max_typos: usize,
) -> Option<&'a str> {
    let name = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&name, &candidate.to_lowercase()), candidate))
        .min_by_key(|(typos, _)| *typos)
        .filter(|(typos, _)| *typos <= max_typos)
        .map(|(_, candidate)| candidate)
}

/// The largest number of wrong, missing, additional or swapped characters in `name` with which
/// another name is suggested. It is at most 3, and smaller for a short name: with three typos, a
/// name of three letters resembles nothing.
pub(crate) fn max_typos(name: &str) -> usize {
    (name.chars().count() / 2).clamp(1, 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_suggests_the_closest_known_one() {
        let known = ["off", "aggregate", "detailed"];
        assert_eq!(did_you_mean("agregate", known), "; did you mean \"aggregate\"?");
        assert_eq!(closest("DETAILED", known), Some("detailed"));
        assert_eq!(closest("of", known), Some("off"));
        assert_eq!(closest("aig_007", ["aig-006", "aig-007"]), Some("aig-007"));
    }

    #[test]
    fn a_name_that_resembles_nothing_has_no_suggestion() {
        assert_eq!(did_you_mean("all", ["off", "aggregate", "detailed"]), "");
        assert_eq!(closest("zzz", ["a", "b c"]), None);
        assert_eq!(closest("", ["cn-shanghai"]), None);
        assert_eq!(closest("off", []), None);
    }
}
