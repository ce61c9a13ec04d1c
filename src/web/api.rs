//! `/api/v1/fleet` and `/api/v1/groups/...`: what the pages show, as JSON. Its shape is documented in
//! `docs/api.md`.

use serde::Serialize;

/// The type of what is answered.
pub(crate) const JSON: &str = "application/json; charset=utf-8";

/// `value` as JSON, with a line feed behind it for whoever reads it in a terminal.
pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut body = serde_json::to_vec(value).expect("views are made of numbers, texts and lists of them");
    body.push(b'\n');
    body
}
