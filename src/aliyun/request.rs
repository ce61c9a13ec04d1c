//! A call of one operation as data: its parameters, before they are encoded and signed.
//!
//! Lists and objects are flattened as RPC operations require (`Status.1`, `Tag.1.Key`). Encoding
//! and sorting parameters is in [`signature`](super::signature).

use std::borrow::Cow;

use super::turn::Turn;

/// A parameter's flattened name and its value, both unencoded.
pub type Parameter = (Cow<'static, str>, String);

/// A call of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `Action`, e.g. `ListAppInstances`; also the metric label `operation`.
    pub operation: &'static str,
    /// `Version` of the product's API, e.g. `2021-09-01`.
    pub version: &'static str,
    /// When it is admitted, relative to other requests; not sent.
    pub turn: Turn,
    /// Parameters in the query, unsorted.
    pub query: Vec<Parameter>,
    /// Parameters in the form body. `None` for an operation without form parameters: then no
    /// content type is sent. Empty for an operation whose form parameters are all absent.
    pub form: Option<Vec<Parameter>>,
}

impl Request {
    /// A call without parameters, in the query or in a form.
    pub fn new(operation: &'static str, version: &'static str) -> Self {
        Self { operation, version, turn: Turn::default(), query: Vec::new(), form: None }
    }
}

/// A single parameter. An empty value is sent and signed as `Name=`.
pub fn value(name: &'static str, value: impl Into<String>) -> Parameter {
    (Cow::Borrowed(name), value.into())
}

/// A list of values: `Status.1`, `Status.2` and so on. An empty list has no parameters.
pub fn list<V: Into<String>>(
    name: &'static str,
    values: impl IntoIterator<Item = V>,
) -> impl Iterator<Item = Parameter> {
    values
        .into_iter()
        .enumerate()
        .map(move |(index, value)| (Cow::Owned(format!("{name}.{}", index + 1)), value.into()))
}

/// A list of objects: `Tag.1.Key`, `Tag.1.Value`, `Tag.2.Key` and so on. Each object is a list of
/// its fields; the caller leaves out a field that has no value.
pub fn objects<O, V>(
    name: &'static str,
    objects: impl IntoIterator<Item = O>,
) -> impl Iterator<Item = Parameter>
where
    O: IntoIterator<Item = (&'static str, V)>,
    V: Into<String>,
{
    objects.into_iter().enumerate().flat_map(move |(index, fields)| {
        fields
            .into_iter()
            .map(move |(field, value)| (Cow::Owned(format!("{name}.{}.{field}", index + 1)), value.into()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_numbered_from_one_without_gaps() {
        let values = (1..=11).map(|number| format!("ai-{number:02}"));
        let parameters: Vec<_> = list("AppInstanceIdList", values).collect();
        assert_eq!(parameters[0], value("AppInstanceIdList.1", "ai-01"));
        assert_eq!(parameters[10], value("AppInstanceIdList.11", "ai-11"));
    }

    #[test]
    fn an_empty_list_has_no_parameters() {
        assert_eq!(list("Status", [""; 0]).count(), 0);
        assert_eq!(objects("Tag", [[("Key", ""); 2]; 0]).count(), 0);
    }

    #[test]
    fn parameters_of_objects_have_number_and_field() {
        let tags = [("department", "design"), ("env", "")];
        let parameters: Vec<_> =
            objects("Tag", tags.iter().map(|(key, value)| [("Key", *key), ("Value", *value)])).collect();
        let expected = [
            value("Tag.1.Key", "department"),
            value("Tag.1.Value", "design"),
            value("Tag.2.Key", "env"),
            value("Tag.2.Value", ""),
        ];
        assert_eq!(parameters, expected);
    }
}
