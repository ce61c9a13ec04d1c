//! Answers that need not be sent again: entity tags, and the requests that bring them back.

use std::hash::{BuildHasher, Hasher};

use bytes::Bytes;
use foldhash::fast::FixedState;
use hyper::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use hyper::{Response, StatusCode};

use super::respond::{Chunks, respond};

/// The body under a tag of its contents, or 304 without it where the client has it already.
pub(super) fn respond_if_changed(
    status: StatusCode,
    content_type: &'static str,
    body: Vec<u8>,
    headers: &HeaderMap,
) -> Response<Chunks> {
    let tag = tag(&body);
    let mut response = if status == StatusCode::OK && has(headers, &tag) {
        let mut unchanged = respond(StatusCode::NOT_MODIFIED, content_type, []);
        unchanged.headers_mut().remove(hyper::header::CONTENT_TYPE);
        unchanged
    } else {
        respond(status, content_type, [Bytes::from(body)])
    };
    let tag = HeaderValue::from_str(&tag).expect("a tag is hexadecimal digits in quotes");
    response.headers_mut().insert(ETAG, tag);
    // May be kept, must be asked for.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// A strong tag: the same bytes have the same one, also after a restart.
fn tag(body: &[u8]) -> String {
    let mut hasher = FixedState::default().build_hasher();
    hasher.write(body);
    format!("\"{:016x}\"", hasher.finish())
}

/// RFC 9110, 13.1.2: compared weakly, any of a list, `*` for whatever there is.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|theirs| theirs == "*" || theirs.strip_prefix("W/").unwrap_or(theirs) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (IF_NONE_MATCH, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_tag_is_recognised_in_any_list_and_strength() {
        for known in [&["\"a\""][..], &["W/\"a\""], &["\"b\", \"a\""], &["\"b\"", "\"a\""], &["*"]] {
            assert!(has(&headers(known), "\"a\""), "{known:?}");
        }
        for other in [&[][..], &["\"b\""], &["a"], &["\"ab\""]] {
            assert!(!has(&headers(other), "\"a\""), "{other:?}");
        }
    }

    #[test]
    fn other_bytes_have_another_tag() {
        assert_eq!(tag(b"one"), tag(b"one"));
        assert_ne!(tag(b"one"), tag(b"two"));
    }
}
