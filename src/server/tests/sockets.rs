//! Listening, accepting and the shutdown, through loopback sockets.

use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::{JoinHandle, yield_now};
use tokio_util::sync::CancellationToken;

use super::super::options::ConnectionLimits;
use super::super::{BoundAddress, Error, Server, ServerOptions};
use super::{TestClient, TestHandler};
use crate::lifecycle::Drained;
use crate::web_config::AccessControl;

struct RunningServer {
    handler: Arc<TestHandler>,
    addresses: Vec<SocketAddr>,
    shutdown: CancellationToken,
    task: JoinHandle<Drained>,
}

fn bind(listen: &[&str], limits: ConnectionLimits, handler: Arc<TestHandler>) -> Result<Server, Error> {
    let listen = listen.iter().map(|address| address.parse().unwrap()).collect();
    let options = ServerOptions { listen, limits, ..ServerOptions::default() };
    Server::bind(&options, AccessControl::new(None).unwrap(), handler)
}

fn start(listen: &[&str], limits: ConnectionLimits, grace: Duration) -> RunningServer {
    let handler = TestHandler::new();
    let server = bind(listen, limits, Arc::clone(&handler)).unwrap();
    let addresses = server.addresses().iter().filter_map(BoundAddress::tcp).collect();
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(server.run(shutdown.clone(), move || grace));
    RunningServer { handler, addresses, shutdown, task }
}

const LOOPBACK: &[&str] = &["127.0.0.1:0"];
const GRACE: Duration = Duration::from_secs(60);

async fn connect(address: SocketAddr) -> TestClient<TcpStream> {
    TestClient(TcpStream::connect(address).await.unwrap())
}

#[tokio::test]
async fn connections_above_the_limit_wait() {
    let limits = ConnectionLimits { max_connections: 2, ..ConnectionLimits::default() };
    let server = start(LOOPBACK, limits, GRACE);
    let address = server.addresses[0];
    let (mut first, mut second) = (connect(address).await, connect(address).await);
    first.send_request("/wait").await;
    second.send_request("/wait").await;
    server.handler.wait_for_arrivals(2).await;

    let mut third = connect(address).await;
    third.send_request("/").await;
    // The runtime has one thread and polls the sockets every 61 tasks: an accepted request would
    // arrive.
    for _ in 0..1_000 {
        yield_now().await;
    }
    assert_eq!(server.handler.requests.load(Ordering::SeqCst), 2);

    server.handler.proceed.add_permits(2);
    assert!(first.response().await.unwrap().closes_connection(), "another client waits");
    drop(first);
    assert_eq!(third.response().await.unwrap().status, 200);
}

#[tokio::test]
async fn on_shutdown_no_connection_is_accepted_and_running_requests_finish() {
    let server = start(LOOPBACK, ConnectionLimits::default(), GRACE);
    let address = server.addresses[0];
    let (mut idle, mut running) = (connect(address).await, connect(address).await);
    assert_eq!(idle.get("/").await.status, 200);
    running.send_request("/wait").await;
    server.handler.wait_for_arrivals(1).await;

    server.shutdown.cancel();
    idle.time_until_closed().await;
    assert!(TcpStream::connect(address).await.is_err());
    server.handler.proceed.add_permits(1);
    assert_eq!(running.response().await.unwrap().status, 200);
    drop((idle, running));
    assert_eq!(server.task.await.unwrap(), Drained::Clean);
}

#[tokio::test]
async fn the_shutdown_waits_only_for_the_grace_period() {
    let server = start(LOOPBACK, ConnectionLimits::default(), Duration::ZERO);
    let mut client = connect(server.addresses[0]).await;
    client.send_request("/wait").await;
    server.handler.wait_for_arrivals(1).await;
    server.shutdown.cancel();
    assert_eq!(server.task.await.unwrap(), Drained::Abandoned(1));
    client.time_until_closed().await;
}

#[tokio::test]
async fn both_address_families_are_listened_on_by_default() {
    let server = start(&[":0"], ConnectionLimits::default(), GRACE);
    let port = server.addresses[0].port();
    assert_eq!(connect(([127, 0, 0, 1], port).into()).await.get("/").await.status, 200);
    if server.addresses[0].is_ipv6()
        && let Ok(stream) = TcpStream::connect(("::1", port)).await
    {
        assert_eq!(TestClient(stream).get("/").await.status, 200);
    }
}

#[tokio::test]
async fn every_address_is_served() {
    let server = start(&["127.0.0.1:0", "localhost:0"], ConnectionLimits::default(), GRACE);
    assert_eq!(server.addresses.len(), 2);
    for address in &server.addresses {
        assert_eq!(connect(*address).await.get("/").await.status, 200);
    }
}

#[tokio::test]
async fn an_address_in_use_is_reported_with_the_reason_and_advice() {
    let in_use = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = in_use.local_addr().unwrap();
    let listen = ["127.0.0.1:0", &address.to_string()];
    let error = bind(&listen, ConnectionLimits::default(), TestHandler::new()).err().unwrap();
    assert_eq!(error.to_string(), format!("cannot listen on {address}"));
    assert!(error.source().unwrap().to_string().starts_with("Address already in use"));
    assert!(error.advice().unwrap().contains("--web.listen-address"));
}
