//! A small blocking HTTP client that returns responses with any status.

use std::time::Duration;

use ureq::http::Response;

/// A response.
#[derive(Debug)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl HttpResponse {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }
}

/// Like [`get`], but returns an error if there is no response.
pub fn try_get(url: &str) -> Result<HttpResponse, ureq::Error> {
    agent().get(url).call().map(read)
}

pub fn get(url: &str) -> HttpResponse {
    try_get(url).unwrap_or_else(|error| panic!("GET {url}: {error}"))
}

/// GET with headers.
pub fn get_with(url: &str, headers: &[(&str, &str)]) -> HttpResponse {
    let request =
        headers.iter().fold(agent().get(url), |request, (name, value)| request.header(*name, *value));
    read(request.call().unwrap_or_else(|error| panic!("GET {url}: {error}")))
}

pub fn head(url: &str) -> HttpResponse {
    read(agent().head(url).call().unwrap_or_else(|error| panic!("HEAD {url}: {error}")))
}

pub fn post(url: &str, body: &serde_json::Value) -> HttpResponse {
    let sent = agent().post(url).content_type("application/json").send(body.to_string());
    read(sent.unwrap_or_else(|error| panic!("POST {url}: {error}")))
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(20)))
        .proxy(None)
        .build()
        .into()
}

fn read(mut response: Response<ureq::Body>) -> HttpResponse {
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(1 << 30).read_to_string().unwrap_or_default();
    HttpResponse { status, headers, body }
}
