//! The log of requests.

use super::*;

/// Collects what is logged on the thread that it is made on.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_log_tells_of_requests_but_not_what_may_be_secret_in_them() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options =
            ServerOptions { listen: vec!["127.0.0.1:0".parse().unwrap()], ..ServerOptions::default() };
        let server = bind(&options, Arc::new(polled()), false).unwrap();
        let (address, shutdown) = (server.addresses()[0].tcp().unwrap(), CancellationToken::new());
        let task = tokio::spawn(server.run(shutdown.clone(), || GRACE));
        let request = tokio::task::spawn_blocking(move || {
            let mut client = Client::to(address);
            client.send("GET /metrics?token=HUSH HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer HUSH\r\n\r\n");
            client.reply(false).unwrap().status
        });
        assert_eq!(request.await.unwrap(), 200);
        shutdown.cancel();
        task.await.unwrap();
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("/metrics") && text.contains("status=200"), "{text}");
    assert!(!text.contains("HUSH"), "{text}");
}
