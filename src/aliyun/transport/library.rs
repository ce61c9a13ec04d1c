//! The HTTP library, reqwest, for requests that are rare: credentials, other replicas, Kubernetes.

use std::error::Error as StdError;

use rustls::ClientConfig;

use super::Cause;
use crate::aliyun::error::{Error, ErrorKind};

/// A builder of clients with the settings that all clients of this program have in common:
/// HTTP/1.1, no redirects, which could send credentials to another host, no retries, and no proxy
/// of the environment, because the rules of `proxy` differ from those of the HTTP library.
pub fn client_builder(tls: ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .tcp_nodelay(true)
}

/// Converts an error of the HTTP library; the result does not contain the URL.
pub(in crate::aliyun) fn exchange_error(operation: &'static str, error: reqwest::Error) -> Error {
    let (kind, message) = if error.is_connect() {
        (ErrorKind::Connect, "no connection")
    } else if error.is_timeout() {
        (ErrorKind::Timeout, "no response in time")
    } else if error.is_decode() && causes(&error).all(|cause| !cause.is::<hyper::Error>()) {
        (ErrorKind::Protocol, "cannot decode the body")
    } else {
        // Includes a connection that breaks during decompression, which is a decode error as well.
        (ErrorKind::Connect, "the connection broke")
    };
    // Without the URL: with V2 it contains token and signature.
    let error = error.without_url();
    let mut texts: Vec<String> = causes(&error).map(ToString::to_string).collect();
    // `client error (...)` of the HTTP library is replaced by our message.
    texts.retain(|text| !text.starts_with("client error"));
    // A text that contains the text of its cause is dropped.
    let distinct: Vec<_> = (0..texts.len())
        .filter(|index| texts.get(index + 1).is_none_or(|cause| !texts[*index].contains(cause.as_str())))
        .map(|index| texts[index].as_str())
        .collect();
    let cause = if distinct.is_empty() { error.to_string() } else { distinct.join(": ") };
    Error::local(operation, kind, message).with_source(Cause(cause))
}

/// The causes of an error, without the error itself.
fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors((error as &'a dyn StdError).source(), |&cause| cause.source())
}
