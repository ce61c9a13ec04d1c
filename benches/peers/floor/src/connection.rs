//! One blocking HTTP connection.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use memchr::memmem;

/// The largest response header.
const MAX_HEAD: usize = 1024;
/// Larger than a page of 100 instances.
const INITIAL_BUFFER: usize = 128 * 1024;

/// A connection and the buffer that all its responses use.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub fn new(endpoint: &str) -> Self {
        let stream = TcpStream::connect(endpoint).expect("the API is reachable");
        stream.set_nodelay(true).expect("TCP_NODELAY can be set");
        Self { stream, buffer: vec![0; INITIAL_BUFFER] }
    }

    /// Sends a request, and returns the body of its response.
    pub fn get(&mut self, query: &str) -> &[u8] {
        write!(self.stream, "GET /?{query} HTTP/1.1\r\nhost: x\r\n\r\n").expect("the request is sent");
        let mut received = 0;
        let start = loop {
            received += self.read(received);
            let head = &self.buffer[..received.min(MAX_HEAD)];
            if let Some(end) = memmem::find(head, b"\r\n\r\n") {
                break end + 4;
            }
        };
        let end = start + content_length(&self.buffer[..start]);
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        while received < end {
            received += self.read(received);
        }
        &self.buffer[start..end]
    }

    fn read(&mut self, received: usize) -> usize {
        let count = self.stream.read(&mut self.buffer[received..]).expect("the response is readable");
        assert!(count > 0, "the API closed the connection");
        count
    }
}

fn content_length(head: &[u8]) -> usize {
    let head = std::str::from_utf8(head).expect("a header is ASCII").to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    length.and_then(|length| length.parse().ok()).expect("a response has a Content-Length")
}
