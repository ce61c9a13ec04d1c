//! Answers for people and programs that come back: packed, and not sent again while they stay the same.

use std::hash::{BuildHasher, Hasher};

use bytes::Bytes;
use foldhash::fast::FixedState;
use hyper::header::{CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, VARY};
use hyper::{Response, StatusCode};

use crate::scrape::negotiation::negotiate;
use crate::server::response::{self, ResponseBody};

/// The body under a tag of its contents, packed as the client likes it, or 304 without it where the client
/// has it already.
pub(crate) fn respond_if_changed(
    status: StatusCode,
    content_type: &'static str,
    body: Vec<u8>,
    headers: &HeaderMap,
) -> Response<ResponseBody> {
    let tag = tag(&body);
    let mut response = if status == StatusCode::OK && has(headers, &tag) {
        let mut unchanged = response::new(StatusCode::NOT_MODIFIED, content_type, []);
        unchanged.headers_mut().remove(hyper::header::CONTENT_TYPE);
        unchanged
    } else {
        let representation = negotiate(headers);
        let compressed = representation.encoding.compress(Bytes::from(body));
        let mut whole = response::new(status, content_type, compressed.complete(Vec::new()));
        if let Some(encoding) = representation.content_encoding() {
            response::set_header(&mut whole, CONTENT_ENCODING, encoding);
        }
        whole
    };
    response::set_header(&mut response, VARY, "Accept-Encoding");
    let tag = HeaderValue::from_str(&tag).expect("a tag is a W, hexadecimal digits and quotes");
    response.headers_mut().insert(ETAG, tag);
    // May be kept, must be asked for.
    response::set_header(&mut response, CACHE_CONTROL, "private, no-cache");
    response
}

/// A weak tag, for it is the same however the body is packed; also after a restart.
fn tag(body: &[u8]) -> String {
    let mut hasher = FixedState::default().build_hasher();
    hasher.write(body);
    format!("W/\"{:016x}\"", hasher.finish())
}

/// RFC 9110, 13.1.2: compared weakly, any of a list, `*` for whatever there is.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|theirs| theirs == "*" || opaque(theirs) == opaque(tag))
}

/// A tag without its strength.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use hyper::body::Body as _;

    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (IF_NONE_MATCH, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_tag_is_recognised_in_any_list_and_strength() {
        for known in [&["\"a\""][..], &["W/\"a\""], &["\"b\", \"a\""], &["\"b\"", "\"a\""], &["*"]] {
            assert!(has(&headers(known), "W/\"a\""), "{known:?}");
        }
        for other in [&[][..], &["\"b\""], &["a"], &["\"ab\""]] {
            assert!(!has(&headers(other), "W/\"a\""), "{other:?}");
        }
    }

    #[test]
    fn what_is_packed_comes_with_the_tag_of_what_is_in_it() {
        let answer = |accepted: &'static str| {
            let headers =
                HeaderMap::from_iter([(hyper::header::ACCEPT_ENCODING, HeaderValue::from_static(accepted))]);
            respond_if_changed(StatusCode::OK, "text/html", b"again ".repeat(1000), &headers)
        };
        let (plain, packed) = (answer("identity"), answer("gzip, deflate, br, zstd"));
        assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip");
        assert!(!plain.headers().contains_key(CONTENT_ENCODING));
        assert!(packed.body().size_hint().lower() < plain.body().size_hint().lower() / 10);
        assert_eq!(packed.headers()[ETAG], plain.headers()[ETAG]);
        for response in [plain, packed] {
            assert_eq!(response.headers()[VARY], "Accept-Encoding");
        }
    }

    #[test]
    fn other_bytes_have_another_tag() {
        assert_eq!(tag(b"one"), tag(b"one"));
        assert_ne!(tag(b"one"), tag(b"two"));
    }
}
