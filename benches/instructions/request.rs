//! A client that sends signed requests to a peer in this process.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use appstreaming_exporter::internals::{
    Call as _, ClientOptions, Credentials, CredentialsFuture, CredentialsSource, Request, RpcClient, Secret,
};
use tokio::runtime::{Builder, Runtime};

/// More than the jobs send: waiting would change the number of instructions.
const REQUESTS_PER_SECOND: f64 = 100_000.0;

const HEAD_END: &[u8] = b"\r\n\r\n";

/// The client, and the runtime that polls use.
pub struct Sender {
    runtime: Runtime,
    client: RpcClient,
}

impl Sender {
    /// A client of a peer that responds to every request with `body`.
    pub fn new(body: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        thread::spawn(move || {
            let (stream, _) = listener.accept().expect("the client connects");
            respond(stream, &body);
        });
        let endpoint = format!("http://{address}").parse().expect("a valid endpoint");
        let options =
            ClientOptions { requests_per_second: REQUESTS_PER_SECOND, ..ClientOptions::new(endpoint) };
        let client = RpcClient::new(options, Arc::new(Fixed::new()), Arc::new(())).expect("a client");
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { runtime, client }
    }

    /// Sends a request and reads its response. Returns the length of the body.
    pub fn send(&self, request: &Request) -> usize {
        let sent = self.client.call(request, |body| Ok(body.len()));
        self.runtime.block_on(sent).expect("the peer responds with 200")
    }
}

/// Responds to the requests of one connection, which have no body.
fn respond(mut stream: TcpStream, body: &[u8]) {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let response = [head.as_bytes(), body].concat();
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => received.extend_from_slice(&buffer[..length]),
        }
        if received.ends_with(HEAD_END) {
            received.clear();
            if stream.write_all(&response).is_err() {
                return;
            }
        }
    }
}

/// Credentials that never expire.
struct Fixed(Arc<Credentials>);

impl Fixed {
    fn new() -> Self {
        let secret = Secret::new("simulated-secret-of-30-letters");
        Self(Arc::new(Credentials::new("LTAI5tExampleAbCd", secret, None)))
    }
}

impl CredentialsSource for Fixed {
    fn name(&self) -> &'static str {
        "fixed"
    }

    fn current(&self) -> CredentialsFuture<'_> {
        let credentials = Arc::clone(&self.0);
        Box::pin(async { Ok(credentials) })
    }

    fn invalidate(&self, _: &Credentials) {}
}
