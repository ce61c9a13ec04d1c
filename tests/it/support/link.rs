//! A network between two processes that can be cut.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Forwards connections to a port of this machine.
pub struct Link {
    pub url: String,
    state: Arc<Mutex<LinkState>>,
}

#[derive(Default)]
struct LinkState {
    is_cut: bool,
    /// Both ends of every connection.
    streams: Vec<TcpStream>,
}

impl Link {
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(LinkState::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for from in listener.incoming().map_while(Result::ok) {
                let mut state = shared.lock().unwrap();
                let Some(to) = TcpStream::connect(("127.0.0.1", port)).ok().filter(|_| !state.is_cut) else {
                    continue;
                };
                for (from, to) in [(&from, &to), (&to, &from)].map(|(from, to)| (clone(from), clone(to))) {
                    thread::spawn(move || copy(from, to));
                }
                state.streams.extend([from, to]);
            }
        });
        Self { url, state }
    }

    /// Ends all connections and refuses new ones, or forwards again.
    pub fn cut(&self, is_cut: bool) {
        let mut state = self.state.lock().unwrap();
        state.is_cut = is_cut;
        state.streams.drain(..).for_each(|stream| close(&stream));
    }
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().unwrap()
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    // A connection that ends ends both directions.
    let _ = io::copy(&mut from, &mut to);
    close(&from);
    close(&to);
}

fn close(stream: &TcpStream) {
    // It may be closed already.
    let _ = stream.shutdown(Shutdown::Both);
}
