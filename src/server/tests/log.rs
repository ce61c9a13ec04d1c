//! The log of requests.

use std::io::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::super::connection::{ConnectionContext, serve};
use super::super::options::ConnectionLimits;
use super::super::stream::Peer;
use super::{TestClient, TestHandler};
use crate::web_config::AccessControl;

/// Collects the log of the current thread.
#[derive(Clone, Default)]
struct CollectedLog(Arc<Mutex<Vec<u8>>>);

impl Write for CollectedLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn requests_are_logged_without_their_query_and_headers() {
    let log = CollectedLog::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let context = ConnectionContext {
        access: Arc::new(AccessControl::new(None).unwrap()),
        handler: TestHandler::new(),
        limits: ConnectionLimits::default(),
        permits: Arc::new(Semaphore::new(1)),
        shutdown: CancellationToken::new(),
    };
    let (client, stream) = tokio::io::duplex(4096);
    let exchange = async move {
        let mut client = TestClient(client);
        client
            .send("GET /path?token=SECRET HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer SECRET\r\n\r\n")
            .await;
        assert_eq!(client.response().await.unwrap().status, 200);
    };
    let peer = Peer::Tcp(([192, 0, 2, 1], 50_000).into());
    tokio::join!(exchange, serve(stream, peer, &context, false));

    let text = String::from_utf8(log.0.lock().clone()).unwrap();
    assert!(text.contains("/path") && text.contains("status=200"), "{text}");
    assert!(text.contains("peer=192.0.2.1:50000"), "{text}");
    assert!(!text.contains("SECRET"), "{text}");
}
