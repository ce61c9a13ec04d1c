//! One operation's call as data: where each parameter goes, before anything is signed or encoded.
//!
//! Lists and objects are flattened here as RPC operations want it (`Status.1`, `Tag.1.Key`). How a
//! parameter is encoded and sorted is the business of [`signature`](super::signature).

use std::borrow::Cow;

/// A parameter's flattened name and its value, both unencoded.
pub type Parameter = (Cow<'static, str>, String);

/// A call of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `Action`, e.g. `ListAppInstances`; also the metric label `operation`.
    pub operation: &'static str,
    /// `Version` of the product's API, e.g. `2021-09-01`.
    pub version: &'static str,
    /// Parameters in the query, unsorted.
    pub query: Vec<Parameter>,
    /// Parameters in the form body; `None` for an operation that has no form parameters at all
    /// (then no content type is sent), empty for one that could have some.
    pub form: Option<Vec<Parameter>>,
}

impl Request {
    /// A call without any parameter or form.
    pub fn new(operation: &'static str, version: &'static str) -> Self {
        Self { operation, version, query: Vec::new(), form: None }
    }
}

/// A single parameter; an empty value is sent, and signed, as `Name=`.
pub fn value(name: &'static str, value: impl Into<String>) -> Parameter {
    (Cow::Borrowed(name), value.into())
}

/// A list of values: `Status.1`, `Status.2` and so on. An empty list sends nothing.
pub fn list<V: Into<String>>(
    name: &'static str,
    values: impl IntoIterator<Item = V>,
) -> impl Iterator<Item = Parameter> {
    values
        .into_iter()
        .enumerate()
        .map(move |(index, value)| (Cow::Owned(format!("{name}.{}", index + 1)), value.into()))
}

/// A list of objects: `Tag.1.Key`, `Tag.1.Value`, `Tag.2.Key` and so on. Fields without a value are left
/// out by not being among an object's fields.
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
    fn an_empty_list_sends_nothing() {
        assert_eq!(list("Status", [""; 0]).count(), 0);
        assert_eq!(objects("Tag", [[("Key", ""); 2]; 0]).count(), 0);
    }

    #[test]
    fn objects_carry_their_number_and_field() {
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
