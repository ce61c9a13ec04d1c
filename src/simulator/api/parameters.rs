//! The parameters of a request: query and form as one list of decoded names and values.

use percent_encoding::percent_decode;

use super::error::ApiError;

/// The most entries that the API accepts in a list of ids or users.
const MAX_LIST_LENGTH: usize = 100;

/// Decoded parameters, sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestParameters(Vec<(String, String)>);

impl RequestParameters {
    /// Decodes a query string or a form body.
    pub fn decode(encoded: &[u8]) -> Vec<(String, String)> {
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

    /// Parameters from pairs in any order.
    pub fn new(mut pairs: Vec<(String, String)>) -> Self {
        pairs.sort();
        Self(pairs)
    }

    /// All names and values.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The value of a parameter; `None` also for an empty value.
    pub fn get(&self, name: &str) -> Option<&str> {
        let first = self.0.partition_point(|(other, _)| other.as_str() < name);
        match self.0.get(first) {
            Some((other, value)) if other == name && !value.is_empty() => Some(value),
            _ => None,
        }
    }

    /// The value of a required parameter.
    ///
    /// # Errors
    /// `Missing{name}` if it is missing or empty.
    pub fn required(&self, name: &'static str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::missing(name))
    }

    /// The value of a parameter as a whole number; `None` if it is missing.
    ///
    /// # Errors
    /// `InvalidParameter.{name}` if the value is not a whole number.
    pub fn number(&self, name: &'static str) -> Result<Option<u64>, ApiError> {
        self.get(name).map(|value| value.parse().map_err(|_| ApiError::invalid(name))).transpose()
    }

    /// The value of a parameter as a boolean; `false` if it is missing. Upper and lower case are
    /// equal, because an official SDK sends `True`.
    ///
    /// # Errors
    /// `InvalidParameter.{name}` if the value is not a boolean.
    pub fn flag(&self, name: &'static str) -> Result<bool, ApiError> {
        match self.get(name) {
            None => Ok(false),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(ApiError::invalid(name)),
        }
    }

    /// The values of `Name.1`, `Name.2` and so on, up to the first missing number.
    pub fn list(&self, name: &str) -> Vec<&str> {
        (1..).map_while(|number| self.get(&format!("{name}.{number}"))).collect()
    }

    /// Like [`list`](Self::list), for a list whose length the API limits.
    ///
    /// # Errors
    /// `InvalidParameter.{name}` if the list is too long.
    pub fn limited_list(&self, name: &str) -> Result<Vec<&str>, ApiError> {
        let list = self.list(name);
        if list.len() > MAX_LIST_LENGTH { Err(ApiError::invalid(name)) } else { Ok(list) }
    }

    /// The pairs of `Tag.1.Key` and `Tag.1.Value`, `Tag.2.Key` and `Tag.2.Value` and so on. A value
    /// may be missing.
    pub fn tags(&self) -> Vec<(&str, Option<&str>)> {
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
    let with_blanks: Vec<u8> = encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&with_blanks).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(encoded: &str) -> RequestParameters {
        RequestParameters::new(RequestParameters::decode(encoded.as_bytes()))
    }

    #[test]
    fn a_blank_may_be_a_plus_sign_or_percent_encoded() {
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
