//! Serves scrapes: one thread per connection.

use std::io::{IoSlice, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use memchr::memmem;

use crate::text::Snapshot;

/// The newest snapshot, which the polling thread replaces.
pub type Shared = Arc<Mutex<Arc<Snapshot>>>;

/// Serves on `port` until the process ends.
pub fn serve(port: u16, shared: &Shared) {
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    for stream in listener.incoming().flatten() {
        let shared = shared.clone();
        // A connection ends when its client disconnects.
        std::thread::spawn(move || serve_connection(stream, &shared).ok());
    }
}

fn serve_connection(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut received = Vec::new();
    while let Some(end) = read_head(&mut stream, &mut received)? {
        let head = &received[..end];
        let snapshot = shared.lock().expect("no thread panics while it holds the lock").clone();
        let is_gzip = !snapshot.gzip.is_empty() && memmem::find(head, b"gzip").is_some();
        let closes = memmem::find(head, b"onnection: close").is_some();
        received.drain(..end);
        respond(&mut stream, &snapshot, is_gzip)?;
        if closes {
            break;
        }
    }
    Ok(())
}

/// The length of the next request's head, or none if the client disconnected.
fn read_head(stream: &mut TcpStream, received: &mut Vec<u8>) -> std::io::Result<Option<usize>> {
    let mut part = [0; 4096];
    loop {
        if let Some(end) = memmem::find(received, b"\r\n\r\n") {
            return Ok(Some(end + 4));
        }
        match stream.read(&mut part)? {
            0 => return Ok(None),
            count => received.extend_from_slice(&part[..count]),
        }
    }
}

fn respond(stream: &mut TcpStream, snapshot: &Snapshot, is_gzip: bool) -> std::io::Result<()> {
    let body = if is_gzip { &snapshot.gzip } else { &snapshot.body };
    let encoding = if is_gzip { "content-encoding: gzip\r\n" } else { "" };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\n{encoding}content-length: {length}\r\n\r\n"
    );
    let sent = stream.write_vectored(&[IoSlice::new(head.as_bytes()), IoSlice::new(body)])?;
    stream.write_all(&head.as_bytes()[sent.min(head.len())..])?;
    stream.write_all(&body[sent.saturating_sub(head.len())..])
}
