//! A request's parameters: query and form as one list of decoded names and values.

use percent_encoding::percent_decode;

use super::ApiError;

/// How long a list of ids or users may be.
const MAX_LIST: usize = 100;

/// Decoded parameters, sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Those of a query string or of a form body.
    pub(in super::super) fn decode(encoded: &[u8]) -> Vec<(String, String)> {
        encoded
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let mut halves = pair.splitn(2, |byte| *byte == b'=');
                let name = halves.next().unwrap_or_default();
                (decode(name), decode(halves.next().unwrap_or_default()))
            })
            .collect()
    }

    /// These, in any order.
    pub(in super::super) fn new(mut pairs: Vec<(String, String)>) -> Self {
        pairs.sort();
        Self(pairs)
    }

    /// All of them.
    pub(in super::super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The value of one; an empty one is as good as none.
    pub(in super::super) fn get(&self, name: &str) -> Option<&str> {
        let first = self.0.partition_point(|(other, _)| other.as_str() < name);
        match self.0.get(first) {
            Some((other, value)) if other == name && !value.is_empty() => Some(value),
            _ => None,
        }
    }

    /// The value of one that must be there.
    pub(in super::super) fn required(&self, name: &'static str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::missing(name))
    }

    /// A whole number.
    pub(in super::super) fn number(&self, name: &'static str) -> Result<Option<u64>, ApiError> {
        self.get(name).map(|value| value.parse().map_err(|_| ApiError::invalid(name))).transpose()
    }

    /// A truth value in any case: an official SDK writes `True`.
    pub(super) fn flag(&self, name: &'static str) -> Result<bool, ApiError> {
        match self.get(name) {
            None => Ok(false),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(ApiError::invalid(name)),
        }
    }

    /// `Name.1`, `Name.2` ...: as far as they follow one another.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        (1..).map_while(|number| self.get(&format!("{name}.{number}"))).collect()
    }

    /// The same for a list whose length the API limits.
    pub(super) fn limited_list(&self, name: &str) -> Result<Vec<&str>, ApiError> {
        let list = self.list(name);
        if list.len() > MAX_LIST { Err(ApiError::invalid(name)) } else { Ok(list) }
    }

    /// `Tag.1.Key` and `Tag.1.Value` ...; `None` as value where there is none.
    pub(super) fn tags(&self) -> Vec<(&str, Option<&str>)> {
        (1..)
            .map_while(|number| {
                let key = self.get(&format!("Tag.{number}.Key"))?;
                Some((key, self.get(&format!("Tag.{number}.Value"))))
            })
            .collect()
    }
}

fn decode(encoded: &[u8]) -> String {
    if !encoded.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return String::from_utf8_lossy(encoded).into_owned();
    }
    let blanks: Vec<u8> = encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&blanks).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(encoded: &str) -> Parameters {
        Parameters::new(Parameters::decode(encoded.as_bytes()))
    }

    #[test]
    fn both_ways_to_write_a_blank_are_understood() {
        let parameters = parameters("A=x+y&B=x%20y&C=x%2By&D=&E=%E5%BC%A0");
        assert_eq!(parameters.get("A"), Some("x y"));
        assert_eq!(parameters.get("B"), Some("x y"));
        assert_eq!(parameters.get("C"), Some("x+y"));
        assert_eq!(parameters.get("D"), None);
        assert_eq!(parameters.get("E"), Some("张"));
    }

    #[test]
    fn lists_are_numbered_from_one_and_keep_their_order_beyond_nine() {
        let query: Vec<String> = (1..=12).map(|number| format!("Status.{number}=S{number}")).collect();
        let parameters = parameters(&query.join("&"));
        let expected: Vec<String> = (1..=12).map(|number| format!("S{number}")).collect();
        assert_eq!(parameters.list("Status"), expected);
    }

    #[test]
    fn tags_come_in_pairs() {
        let parameters = parameters("Tag.1.Key=a&Tag.1.Value=b&Tag.2.Key=c&Tag.2.Value=");
        assert_eq!(parameters.tags(), [("a", Some("b")), ("c", None)]);
    }
}
