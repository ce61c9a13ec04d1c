//! An API on loopback that can violate HTTP, which no server library does.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{ClientOptions, Endpoint};

/// How the server replies to one request.
#[derive(Clone)]
pub enum Reply {
    /// With a status line, further header lines and a body.
    Respond(&'static str, &'static str, Vec<u8>),
    /// Closes the connection without a response.
    HangUp,
    /// Announces more bytes than it sends, then closes the connection.
    Truncate,
    /// Never sends anything.
    Silence,
}

pub fn respond(status: &'static str, body: impl Into<Vec<u8>>) -> Reply {
    Reply::Respond(status, "", body.into())
}

pub fn ok(body: &str) -> Reply {
    respond("200 OK", body)
}

pub fn error(code: &str) -> Reply {
    respond("400 Bad Request", format!(r#"{{"RequestId":"E1","Code":"{code}","Message":"m"}}"#))
}

/// An API on loopback that sends its replies in order and records the requests.
pub struct Server {
    pub endpoint: Endpoint,
    pub connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Received>>>,
    task: JoinHandle<()>,
}

#[derive(Clone, Debug)]
pub struct Received {
    pub request_line: String,
    pub body: String,
    headers: Vec<(String, String)>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Server {
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let replies = Arc::new(Mutex::new(replies.into_iter().collect::<VecDeque<_>>()));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (received, count) = (Arc::clone(&requests), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, Arc::clone(&replies), Arc::clone(&received)));
            }
        });
        Self { endpoint, requests, connections, task }
    }

    pub fn options(&self) -> ClientOptions {
        ClientOptions { requests_per_second: 1000.0, ..ClientOptions::new(self.endpoint.clone()) }
    }

    pub fn requests(&self) -> Vec<Received> {
        self.requests.lock().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    requests: Arc<Mutex<Vec<Received>>>,
) {
    let mut buffer = Vec::new();
    while let Some(request) = receive(&mut stream, &mut buffer).await {
        requests.lock().push(request);
        let reply = replies.lock().pop_front().unwrap_or(Reply::HangUp);
        let _ = match reply {
            Reply::Respond(status, headers, body) => {
                let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
                stream.write_all(&[head.as_bytes(), &body].concat()).await
            }
            Reply::HangUp => return,
            Reply::Truncate => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await;
                return;
            }
            Reply::Silence => std::future::pending().await,
        };
    }
}

async fn receive(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Received> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
            let mut lines = head.lines();
            let request_line = lines.next().unwrap().to_owned();
            let headers: Vec<_> = lines
                .map(|line| line.split_once(": ").unwrap())
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length = headers
                .iter()
                .find(|(name, _)| name == "content-length")
                .map_or(0, |(_, value)| value.parse().unwrap());
            if buffer.len() >= end + 4 + length {
                let body = String::from_utf8(buffer[end + 4..end + 4 + length].to_vec()).unwrap();
                buffer.drain(..end + 4 + length);
                return Some(Received { request_line, headers, body });
            }
        }
        if stream.read_buf(buffer).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}
