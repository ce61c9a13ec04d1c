//! `GET /-/state`: the state, for other replicas that show the token.
//!
//! What is not here: the state and its tags (`replica::publication`).

use std::time::Duration;

use hyper::header::{AUTHORIZATION, CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};

use crate::replica::protocol::{PREFER_HEADER, ROLE_HEADER, STANDBY_HEADER};
use crate::replica::publication::{Publication, StateRequest};
use crate::server::response::{self, ResponseBody};

/// Responds to a request for the state. Without the token the response is 401 and empty; it has no
/// challenge, because no browser should ask for the token.
pub(super) async fn respond(publication: &Publication, request: &Parts) -> Response<ResponseBody> {
    let headers = &request.headers;
    let is_accepted = match bearer_token(headers) {
        Some(token) => publication.accepts(token).await,
        None => false,
    };
    if !is_accepted {
        return response::new(StatusCode::UNAUTHORIZED, response::PLAIN_TEXT, []);
    }
    let request = StateRequest {
        known: text(headers, IF_NONE_MATCH.as_str()).and_then(|tag| tag.parse().ok()),
        wait: preferred_wait(headers),
        standby: text(headers, STANDBY_HEADER).and_then(|id| u64::from_str_radix(id, 16).ok()),
    };
    let answer = match publication.answer(request).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, "encoding the state failed");
            return response::text(StatusCode::INTERNAL_SERVER_ERROR, "");
        }
    };
    let mut response = match answer.body {
        Some(body) => response::new(StatusCode::OK, "application/octet-stream", [body]),
        None => response::new(StatusCode::NOT_MODIFIED, response::PLAIN_TEXT, []),
    };
    let tag = HeaderValue::try_from(answer.tag.to_string())
        .expect("a tag consists of letters, digits, hyphens and quotes");
    response.headers_mut().insert(ETAG, tag);
    response.headers_mut().insert(ROLE_HEADER, HeaderValue::from_static(answer.tag.role.as_str()));
    response::set_header(&mut response, CACHE_CONTROL, "no-store");
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = text(headers, AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

/// The value of `wait` in `Prefer`; 0 without one.
fn preferred_wait(headers: &HeaderMap) -> Duration {
    let preferences = text(headers, PREFER_HEADER).unwrap_or_default().split([',', ';']);
    let mut waits = preferences.filter_map(|preference| {
        let (name, value) = preference.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().parse().ok())?
    });
    waits.next().map_or(Duration::ZERO, Duration::from_secs)
}
