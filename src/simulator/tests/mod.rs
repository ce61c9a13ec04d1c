//! Tests of the simulated cloud as a client sees it: signed requests and their responses.

mod credentials;
mod listing;
mod rejection;
mod scenarios;
mod serving;
mod truth;
mod vectors;

use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Method};
use jiff::Timestamp;
use serde_json::Value;

use super::authentication::IncomingRequest;
use super::dispatch;
use super::reply::CloudReply;
use super::state::CloudState;
use super::{ACCESS_KEY_ID, ACCESS_KEY_SECRET, SimulatorOptions};
use crate::aliyun::access_key::Credentials;
use crate::aliyun::request::Parameter;
use crate::aliyun::signature::{SignedRequest, SigningContext, v2, v3};
use crate::aliyun::{Request, Secret};

const HOST: &str = "127.0.0.1:9878";

/// A request as it is sent. Tests change its parts.
struct Sent {
    method: Method,
    path: &'static str,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// A cloud without sockets, and its client.
struct TestCloud {
    state: CloudState,
    now: Timestamp,
    nonce: u64,
}

/// An error's status, code and body.
type RejectedCall = (u16, String, Vec<u8>);

impl TestCloud {
    fn new(options: SimulatorOptions) -> Self {
        let now = "2026-11-23T02:30:00Z".parse().unwrap();
        Self { state: CloudState::new(options, now), now, nonce: 0 }
    }

    fn frozen() -> Self {
        Self::new(SimulatorOptions { speed: 0.0, ..SimulatorOptions::default() })
    }

    fn request(
        operation: &'static str,
        query: &[(&'static str, &str)],
        form: &[(&'static str, &str)],
    ) -> Request {
        let owned = |pairs: &[(&'static str, &str)]| -> Vec<Parameter> {
            pairs.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect()
        };
        let mut request = Request::new(operation, super::api::VERSION);
        request.query = owned(query);
        request.form = (operation != "ListPersistentAppInstances").then(|| owned(form));
        request
    }

    fn sign(&mut self, request: &Request, version: u8, credentials: &Credentials) -> Sent {
        self.nonce += 1;
        let nonce = format!("nonce-{}", self.nonce);
        let context = SigningContext { host: HOST, credentials, now: self.now, nonce: &nonce };
        let signed = if version == 2 { v2::sign(request, &context) } else { v3::sign(request, &context) };
        Sent::from(signed)
    }

    fn send(&self, sent: &Sent) -> Result<Vec<u8>, RejectedCall> {
        match dispatch::call(&self.state, &sent.incoming(), self.now).reply {
            CloudReply::Success(body) => Ok(body),
            CloudReply::Error { error, body, .. } => Err((error.status, error.code.into_owned(), body)),
            other => panic!("{other:?}"),
        }
    }

    fn call(
        &mut self,
        operation: &'static str,
        query: &[(&'static str, &str)],
        form: &[(&'static str, &str)],
    ) -> Result<Value, RejectedCall> {
        let sent = self.sign(&Self::request(operation, query, form), 3, &keys());
        self.send(&sent).map(|body| serde_json::from_slice(&body).unwrap())
    }

    /// Status and code of a rejected call.
    fn rejected(
        &mut self,
        operation: &'static str,
        query: &[(&'static str, &str)],
        form: &[(&'static str, &str)],
    ) -> (u16, String) {
        let (status, code, _) = self.call(operation, query, form).unwrap_err();
        (status, code)
    }

    /// All records of a listing, requested page by page.
    fn list_all(
        &mut self,
        operation: &'static str,
        field: &str,
        query: &[(&'static str, &str)],
    ) -> Vec<Value> {
        let mut records = Vec::new();
        for page in 1.. {
            let page = page.to_string();
            let mut query = query.to_vec();
            query.extend([("PageSize", "9"), ("PageNumber", page.as_str())]);
            let response = self.call(operation, &query, &[]).unwrap();
            let found = response[field].as_array().unwrap();
            records.extend_from_slice(found);
            if found.is_empty() {
                assert_eq!(response["TotalCount"], records.len());
                return records;
            }
        }
        unreachable!("the range of pages has no end")
    }

    fn truth(&self) -> Value {
        self.truth_of(false)
    }

    fn truth_of(&self, with_details: bool) -> Value {
        let clock = *self.state.clock.lock();
        let fleet = self.state.fleet.read();
        let view = fleet.at(clock.at(self.now));
        serde_json::to_value(super::truth::FleetTruth::of(&view, &clock, with_details)).unwrap()
    }

    fn control(&self, control: &str) -> Result<Value, String> {
        let control: super::control::ControlRequest =
            serde_json::from_str(control).map_err(|error| error.to_string())?;
        control.apply(&self.state, self.now).map(|done| serde_json::to_value(done).unwrap())
    }

    fn group_ids(&self) -> Vec<String> {
        let truth = self.truth();
        let ids = truth["groups"].as_array().unwrap().iter().map(|group| group["group_id"].as_str().unwrap());
        ids.map(str::to_owned).collect()
    }
}

impl Sent {
    fn incoming(&self) -> IncomingRequest<'_> {
        IncomingRequest {
            method: &self.method,
            path: self.path,
            query: &self.query,
            headers: &self.headers,
            body: &self.body,
        }
    }
}

impl From<SignedRequest> for Sent {
    fn from(signed: SignedRequest) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static(HOST));
        headers.insert("user-agent", HeaderValue::from_static("tests"));
        for (name, value) in signed.headers {
            headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        Self { method: Method::POST, path: "/", query: signed.query, headers, body: signed.body.into_bytes() }
    }
}

fn keys() -> Credentials {
    Credentials::new(ACCESS_KEY_ID, Secret::new(ACCESS_KEY_SECRET), None)
}
