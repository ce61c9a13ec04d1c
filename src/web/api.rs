//! `/api/v1/fleet` and `/api/v1/groups/...`: the data of the pages as JSON. `docs/api.md` documents
//! it.

use serde::Serialize;

/// The content type.
pub(super) const JSON: &str = "application/json; charset=utf-8";

/// `value` as JSON with a line feed at the end, for terminals.
pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut body = serde_json::to_vec(value).expect("views consist of numbers, strings and lists");
    body.push(b'\n');
    body
}
