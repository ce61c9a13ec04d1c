//! The interface between the server and the application that it serves.

use futures_util::future::BoxFuture;
use hyper::Response;
use hyper::http::request::Parts;

use super::response::ResponseBody;

/// An HTTP application. Called for each request, from several threads; it must not block.
pub trait Handler: Send + Sync + 'static {
    /// Responds to a request. Request bodies are never read.
    fn handle<'a>(&'a self, request: &'a Parts) -> BoxFuture<'a, Response<ResponseBody>>;

    /// Whether the handler itself decides who may send this request, so that the users and the rate
    /// limit of the web configuration do not apply to it.
    fn has_own_access_rule(&self, _request: &Parts) -> bool {
        false
    }
}
