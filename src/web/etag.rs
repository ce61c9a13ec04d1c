//! Responses with an entity tag: compressed, and not sent again while they are unchanged.

use std::hash::{BuildHasher, Hasher};

use bytes::Bytes;
use foldhash::fast::FixedState;
use hyper::header::{CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, VARY};
use hyper::{Response, StatusCode};

use crate::metrics::compress::Following;
use crate::scrape::negotiation::negotiate;
use crate::server::response::{self, ResponseBody};

/// The body with an entity tag, in the encoding that the client prefers; 304 without a body if the
/// request has the same tag.
pub(super) fn respond_if_changed(
    status: StatusCode,
    content_type: &'static str,
    body: Vec<u8>,
    headers: &HeaderMap,
) -> Response<ResponseBody> {
    let tag = tag(&body);
    let mut response = if status == StatusCode::OK && is_known(headers, &tag) {
        let mut unchanged = response::new(StatusCode::NOT_MODIFIED, content_type, []);
        unchanged.headers_mut().remove(hyper::header::CONTENT_TYPE);
        unchanged
    } else {
        let representation = negotiate(headers);
        let compressed = representation.encoding.compress(Bytes::from(body));
        let chunks = compressed.complete(&Following::default(), Vec::new());
        let mut whole = response::new(status, content_type, chunks);
        if let Some(encoding) = representation.content_encoding() {
            response::set_header(&mut whole, CONTENT_ENCODING, encoding);
        }
        whole
    };
    response::set_header(&mut response, VARY, "Accept-Encoding");
    let tag = HeaderValue::from_str(&tag).expect("a tag is a W, hexadecimal digits and quotes");
    response.headers_mut().insert(ETAG, tag);
    // A client may store the response, but must revalidate it before every use.
    response::set_header(&mut response, CACHE_CONTROL, "private, no-cache");
    response
}

/// A weak tag, because it is the same for every encoding. A restart does not change the tag of a
/// body.
fn tag(body: &[u8]) -> String {
    let mut hasher = FixedState::default().build_hasher();
    hasher.write(body);
    format!("W/\"{:016x}\"", hasher.finish())
}

/// Whether `If-None-Match` contains the tag (RFC 9110, 13.1.2: weak comparison; `*` matches every
/// tag).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|theirs| theirs == "*" || opaque(theirs) == opaque(tag))
}

/// A tag without its weakness prefix.
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
    fn a_tag_matches_in_any_list_weak_or_strong() {
        for known in [&["\"a\""][..], &["W/\"a\""], &["\"b\", \"a\""], &["\"b\"", "\"a\""], &["*"]] {
            assert!(is_known(&headers(known), "W/\"a\""), "{known:?}");
        }
        for other in [&[][..], &["\"b\""], &["a"], &["\"ab\""]] {
            assert!(!is_known(&headers(other), "W/\"a\""), "{other:?}");
        }
    }

    #[test]
    fn the_tag_is_the_same_for_every_encoding() {
        let respond = |accepted: &'static str| {
            let headers =
                HeaderMap::from_iter([(hyper::header::ACCEPT_ENCODING, HeaderValue::from_static(accepted))]);
            respond_if_changed(StatusCode::OK, "text/html", b"again ".repeat(1000), &headers)
        };
        let (plain, compressed) = (respond("identity"), respond("gzip, deflate, br, zstd"));
        assert_eq!(compressed.headers()[CONTENT_ENCODING], "gzip");
        assert!(!plain.headers().contains_key(CONTENT_ENCODING));
        assert!(compressed.body().size_hint().lower() < plain.body().size_hint().lower() / 10);
        assert_eq!(compressed.headers()[ETAG], plain.headers()[ETAG]);
        for response in [plain, compressed] {
            assert_eq!(response.headers()[VARY], "Accept-Encoding");
        }
    }

    #[test]
    fn different_bodies_have_different_tags() {
        assert_eq!(tag(b"one"), tag(b"one"));
        assert_ne!(tag(b"one"), tag(b"two"));
    }
}
