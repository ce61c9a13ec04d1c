//! Responds to requests from the lists of a fleet.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::rc::Rc;

use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};

use crate::fleet::{Fleet, Records, VARIANTS};
use crate::request::Parameters;
use crate::response::Parts;
use crate::statistics::{OPERATIONS, Statistics};

/// The server of one fleet.
pub struct Server {
    fleet: Fleet,
    by_id: HashMap<String, usize>,
    /// How often each page of instances was requested, by group and page number.
    turns: RefCell<HashMap<(usize, usize), usize>>,
    statistics: RefCell<Statistics>,
    responses: Cell<u64>,
}

/// A successful response with its operation, or an error.
type Outcome = Result<(usize, Parts), (StatusCode, Parts)>;

impl Server {
    pub fn new(fleet: Fleet) -> Self {
        Self {
            by_id: fleet.group_ids.iter().cloned().zip(0..).collect(),
            fleet,
            turns: RefCell::default(),
            statistics: RefCell::new(Statistics::new()),
            responses: Cell::new(0),
        }
    }

    /// Handles one request. Any signature is accepted.
    pub async fn handle(self: Rc<Self>, request: Request<Incoming>) -> Result<Response<Parts>, Infallible> {
        if request.uri().path() == "/_stats" {
            return Ok(json(StatusCode::OK, Parts::one(self.statistics.borrow().to_json())));
        }
        self.statistics.borrow_mut().arrive();
        let arrived_us = self.statistics.borrow().now_us();
        let parameters = parameters(request).await;
        let outcome = self.respond(&parameters, arrived_us);
        let operation = outcome.as_ref().ok().map(|(operation, _)| *operation);
        let (status, body) = match outcome {
            Ok((_, body)) => (StatusCode::OK, body),
            Err(error) => error,
        };
        self.statistics.borrow_mut().respond(operation, body.len());
        Ok(json(status, body))
    }

    fn respond(&self, parameters: &Parameters, arrived_us: u64) -> Outcome {
        let Parameters { action, group, page_size: size, page_number: number } = parameters;
        let operation = OPERATIONS.iter().position(|name| Some(*name) == action.as_deref());
        let operation =
            operation.ok_or_else(|| self.error(StatusCode::NOT_FOUND, "InvalidAction.NotFound"))?;
        if *size == 0 || *size > 100 || *number == 0 {
            return Err(self.error(StatusCode::BAD_REQUEST, "InvalidParameter"));
        }
        if operation == 0 {
            if *number == 1 {
                self.statistics.borrow_mut().begin_poll(arrived_us);
            }
            let page = self.page("AppInstanceGroupModels", &self.fleet.groups, *size, *number);
            return Ok((operation, page));
        }
        let group = group.as_ref().and_then(|id| self.by_id.get(id)).copied();
        let group = group.ok_or_else(|| self.error(StatusCode::BAD_REQUEST, "MissingParameter"))?;
        let page = if operation == 1 {
            let variant = self.next_variant(group, *number);
            self.page("AppInstanceModels", &self.fleet.instances[group][variant], *size, *number)
        } else {
            self.page("PersistentAppInstanceModels", &self.fleet.persistent[group], *size, *number)
        };
        Ok((operation, page))
    }

    fn next_variant(&self, group: usize, number: usize) -> usize {
        let mut turns = self.turns.borrow_mut();
        let turn = turns.entry((group, number)).or_insert(0);
        *turn += 1;
        (*turn - 1) % VARIANTS
    }

    fn page(&self, list: &str, records: &Records, size: usize, number: usize) -> Parts {
        let (id, total) = (self.request_id(), records.len());
        let head = format!(
            r#"{{"RequestId":"{id}","TotalCount":{total},"PageSize":{size},"PageNumber":{number},"{list}":["#
        );
        Parts::new([head.into(), records.page(size, number), Bytes::from_static(b"]}")])
    }

    fn error(&self, status: StatusCode, code: &str) -> (StatusCode, Parts) {
        let id = self.request_id();
        let body =
            format!(r#"{{"RequestId":"{id}","HostId":"localhost","Code":"{code}","Message":"{code}"}}"#);
        (status, Parts::one(body))
    }

    /// A new id for each response, so that a client cannot benefit from equal responses.
    fn request_id(&self) -> String {
        let number = self.responses.get() + 1;
        self.responses.set(number);
        let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let (a, b, c, d) = (mixed >> 32, mixed >> 16 & 0xFFFF, mixed & 0xFFF, mixed >> 4 & 0xFFF);
        format!("{a:08X}-{b:04X}-4{c:03X}-A{d:03X}-{number:012X}")
    }
}

async fn parameters(request: Request<Incoming>) -> Parameters {
    let mut found = Parameters::default();
    if let Some(query) = request.uri().query() {
        found.add(query);
    }
    if let Some(action) = request.headers().get("x-acs-action") {
        found.action = action.to_str().ok().map(str::to_owned);
    }
    let body = request.into_body();
    if !body.is_end_stream()
        && let Ok(body) = body.collect().await
    {
        found.add(&String::from_utf8_lossy(&body.to_bytes()));
    }
    found
}

fn json(status: StatusCode, body: Parts) -> Response<Parts> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8"));
    response
}
