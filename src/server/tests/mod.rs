//! The server with a small application: connections in memory with paused time, and real sockets
//! where the sockets matter.

mod connections;
mod handshake;
mod log;
mod sockets;
mod timeout_io;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::handler::Handler;
use super::response::{self, PLAIN_TEXT, ResponseBody};

/// Bytes of the response to `/large`.
const LARGE: usize = 4 * 1024 * 1024;

/// An application with a short response, a large one, and one that waits.
struct TestHandler {
    requests: AtomicUsize,
    /// One permit for each request to `/wait` that has arrived.
    arrived: Semaphore,
    /// One permit for each request to `/wait` that may finish.
    proceed: Semaphore,
}

impl TestHandler {
    fn new() -> Arc<Self> {
        let (arrived, proceed) = (Semaphore::new(0), Semaphore::new(0));
        Arc::new(Self { requests: AtomicUsize::new(0), arrived, proceed })
    }

    /// Waits until `count` further requests to `/wait` have arrived.
    async fn wait_for_arrivals(&self, count: u32) {
        self.arrived.acquire_many(count).await.unwrap().forget();
    }
}

impl Handler for TestHandler {
    fn handle<'a>(&'a self, request: &'a Parts) -> BoxFuture<'a, Response<ResponseBody>> {
        Box::pin(async move {
            self.requests.fetch_add(1, Ordering::SeqCst);
            match request.uri.path() {
                "/large" => response::new(StatusCode::OK, PLAIN_TEXT, [Bytes::from(vec![b'x'; LARGE])]),
                "/wait" => {
                    self.arrived.add_permits(1);
                    self.proceed.acquire().await.unwrap().forget();
                    response::text(StatusCode::OK, "waited\n")
                }
                _ => response::text(StatusCode::OK, "fine\n"),
            }
        })
    }
}

/// A client that speaks HTTP/1.1.
struct TestClient<S>(S);

#[derive(Debug)]
struct TestResponse {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TestClient<S> {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    async fn send_request(&mut self, path: &str) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: exporter\r\n\r\n")).await;
    }

    async fn get(&mut self, path: &str) -> TestResponse {
        self.send_request(path).await;
        self.response().await.unwrap()
    }

    /// Reads a response; without a body if it has no length.
    async fn response(&mut self) -> io::Result<TestResponse> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await?);
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut response = TestResponse { status, head, body: Vec::new() };
        let length = response.header("content-length").map_or(0, |length| length.parse().unwrap());
        response.body.resize(length, 0);
        self.0.read_exact(&mut response.body).await?;
        Ok(response)
    }

    /// The time until the server closes the connection; it must not send another byte.
    async fn time_until_closed(&mut self) -> Duration {
        let started = Instant::now();
        match self.0.read(&mut [0; 64]).await {
            Ok(0) => started.elapsed(),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => started.elapsed(),
            other => panic!("not closed: {other:?}"),
        }
    }
}

impl TestResponse {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn closes_connection(&self) -> bool {
        self.header("connection") == Some("close")
    }
}

/// Fails unless `elapsed` is `expected`. The paused clock has a resolution of one millisecond.
fn assert_elapsed(elapsed: Duration, expected: Duration) {
    let range = expected..expected + Duration::from_millis(10);
    assert!(range.contains(&elapsed), "{elapsed:?} instead of {expected:?}");
}
