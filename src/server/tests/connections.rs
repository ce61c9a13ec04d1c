//! The limits and the end of a connection, in memory and with paused time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::super::connection::{ConnectionContext, serve};
use super::super::options::ConnectionLimits;
use super::super::stream::Peer;
use super::{LARGE, TestClient, TestHandler, assert_elapsed};
use crate::web_config::AccessControl;

/// Bytes that the memory between client and server holds in each direction.
const STREAM_BUFFER: usize = 64 * 1024;

/// The server whose connections a test opens.
struct TestServer {
    handler: Arc<TestHandler>,
    context: ConnectionContext,
    http1_only: bool,
}

impl TestServer {
    fn new() -> Self {
        let handler = TestHandler::new();
        let context = ConnectionContext {
            access: Arc::new(AccessControl::new(None).unwrap()),
            handler: Arc::clone(&handler) as _,
            limits: ConnectionLimits::default(),
            permits: Arc::new(Semaphore::new(1)),
            shutdown: CancellationToken::new(),
        };
        Self { handler, context, http1_only: false }
    }

    fn connect(&self) -> TestClient<DuplexStream> {
        self.connect_with_task().0
    }

    /// The client, and the task that serves its connection.
    fn connect_with_task(&self) -> (TestClient<DuplexStream>, JoinHandle<()>) {
        let (client, stream) = tokio::io::duplex(STREAM_BUFFER);
        let (context, http1_only) = (self.context.clone(), self.http1_only);
        let peer = Peer::Tcp(([192, 0, 2, 1], 50_000).into());
        let task = tokio::spawn(async move { serve(stream, peer, &context, http1_only).await });
        (TestClient(client), task)
    }
}

fn limits() -> ConnectionLimits {
    ConnectionLimits::default()
}

#[tokio::test(start_paused = true)]
async fn one_connection_serves_many_requests_even_if_they_are_sent_at_once() {
    let mut client = TestServer::new().connect();
    client.send(&"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3)).await;
    for _ in 0..3 {
        assert_eq!(client.response().await.unwrap().body, b"fine\n");
    }
    assert_eq!(client.get("/").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_request_with_too_large_headers_gets_status_431() {
    let server = TestServer::new();
    let request = |length: usize| {
        let start = "GET / HTTP/1.1\r\nHost: x\r\nX-Long: ";
        format!("{start}{}\r\n\r\n", "x".repeat(length - start.len() - 4))
    };
    let max = limits().max_header_bytes;
    for (length, status) in [(max, 200), (max + 1, 431), (200_000, 431)] {
        let mut client = server.connect();
        client.send(&request(length)).await;
        assert_eq!(client.response().await.unwrap().status, status, "{length} bytes");
    }
    let mut client = server.connect();
    client.send_request(&format!("/{}", "x".repeat(20_000))).await;
    assert_eq!(client.response().await.unwrap().status, 431);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_its_first_headers_too_slowly_is_disconnected() {
    let server = TestServer::new();
    assert_elapsed(server.connect().time_until_closed().await, limits().header_timeout);

    let mut slow = server.connect();
    let started = Instant::now();
    for byte in b"GET / HTTP/1.1\r\nHost: exporter\r\n\r\n" {
        if slow.0.write_all(&[*byte]).await.is_err() {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    let elapsed = started.elapsed();
    assert!(elapsed >= limits().header_timeout, "{elapsed:?}");
    assert!(
        elapsed <= limits().header_timeout + Duration::from_secs(2),
        "bytes extend the limit: {elapsed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_for_the_idle_timeout() {
    let server = TestServer::new();
    let mut idle = server.connect();
    assert_eq!(idle.get("/").await.status, 200);
    sleep(limits().idle_timeout - Duration::from_secs(1)).await;
    assert_eq!(idle.get("/").await.status, 200);
    assert_elapsed(idle.time_until_closed().await, limits().idle_timeout);
}

#[tokio::test(start_paused = true)]
async fn a_further_request_has_the_header_timeout_from_its_first_byte() {
    let mut client = TestServer::new().connect();
    assert_eq!(client.get("/").await.status, 200);
    sleep(Duration::from_secs(60)).await;
    client.send("GET /incompl").await;
    assert_elapsed(client.time_until_closed().await, limits().header_timeout);
}

#[tokio::test(start_paused = true)]
async fn a_request_may_be_handled_for_any_time() {
    let server = TestServer::new();
    let mut client = server.connect();
    client.send_request("/wait").await;
    sleep(Duration::from_secs(3600)).await;
    server.handler.proceed.add_permits(1);
    assert_eq!(client.response().await.unwrap().body, b"waited\n");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_disconnected() {
    let (mut client, task) = TestServer::new().connect_with_task();
    let started = Instant::now();
    client.send_request("/large").await;
    task.await.unwrap();
    assert_elapsed(started.elapsed(), limits().write_timeout);
    assert!(client.response().await.is_err(), "the response is incomplete");
}

/// Requests `/large` and reads `bytes` every 9 seconds, which is within each period of the write
/// timeout.
async fn read_slowly(bytes: usize) -> usize {
    let mut client = TestServer::new().connect();
    client.send_request("/large").await;
    let (mut buffer, mut received) = (vec![0; bytes], 0);
    loop {
        sleep(Duration::from_secs(9)).await;
        match client.0.read(&mut buffer).await {
            Ok(0) | Err(_) => return received,
            Ok(count) => received += count,
        }
        if received >= LARGE {
            return received;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_is_served_as_long_as_it_reads_the_minimum() {
    assert!(read_slowly(2 * limits().min_write_bytes).await >= LARGE);
    assert!(read_slowly(limits().min_write_bytes / 4).await < LARGE);
}

#[tokio::test(start_paused = true)]
async fn a_large_response_is_sent_completely() {
    let mut client = TestServer::new().connect();
    assert_eq!(client.get("/large").await.body.len(), LARGE);
    assert_eq!(client.get("/").await.status, 200, "the connection stays open");
}

#[tokio::test(start_paused = true)]
async fn no_connection_is_kept_open_while_other_clients_wait() {
    let mut server = TestServer::new();
    server.context.permits = Arc::new(Semaphore::new(0));
    let mut client = server.connect();
    assert!(client.get("/").await.closes_connection());
    client.time_until_closed().await;
}

#[tokio::test(start_paused = true)]
async fn on_shutdown_idle_connections_are_closed_and_running_requests_finish() {
    let server = TestServer::new();
    let (mut fresh, mut idle, mut running) = (server.connect(), server.connect(), server.connect());
    assert_eq!(idle.get("/").await.status, 200);
    running.send_request("/wait").await;
    server.handler.wait_for_arrivals(1).await;

    server.context.shutdown.cancel();
    assert_elapsed(fresh.time_until_closed().await, Duration::ZERO);
    assert_elapsed(idle.time_until_closed().await, Duration::ZERO);
    sleep(Duration::from_secs(5)).await;
    server.handler.proceed.add_permits(1);
    let response = running.response().await.unwrap();
    assert_eq!(response.status, 200);
    assert!(response.closes_connection());
    running.time_until_closed().await;
}

/// The first bytes of an HTTP/2 client: the preface, and an empty SETTINGS frame.
const HTTP2_START: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0";

#[tokio::test(start_paused = true)]
async fn http2_is_detected_and_has_a_limit_for_the_first_request() {
    const SETTINGS: u8 = 4;
    let server = TestServer::new();
    let mut client = server.connect();
    let started = Instant::now();
    client.send(HTTP2_START).await;
    let mut received = Vec::new();
    client.0.read_to_end(&mut received).await.unwrap();
    assert_eq!(received[3], SETTINGS, "{received:?}");
    assert_elapsed(started.elapsed(), limits().header_timeout);
    assert_eq!(server.handler.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn http2_can_be_disabled() {
    let server = TestServer { http1_only: true, ..TestServer::new() };
    let mut client = server.connect();
    client.send(HTTP2_START).await;
    let mut received = Vec::new();
    client.0.read_to_end(&mut received).await.unwrap();
    assert!(received.is_empty() || received.starts_with(b"HTTP/1.1 4"), "{received:?}");
}
