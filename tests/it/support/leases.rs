//! The Leases of one namespace, as an API server of Kubernetes serves them: what the exporter needs
//! to elect the active replica. The election itself is tested next to its code.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// An API server. Its threads end with the test.
pub struct ApiServer {
    state: Arc<Mutex<State>>,
    url: String,
}

#[derive(Default)]
struct State {
    leases: BTreeMap<String, Value>,
    version: u64,
    /// Requests are closed without a response.
    is_down: bool,
}

impl ApiServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                // That a client closes its connection is not a failure.
                thread::spawn(move || serve(&stream, &state).ok());
            }
        });
        Self { state, url }
    }

    /// Writes a kubeconfig for this server into the directory.
    pub fn kubeconfig(&self, directory: &Path) -> PathBuf {
        let path = directory.join("kubeconfig");
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": self.url}}],
            "users": [{"name": "test", "user": {"token": "test"}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "monitoring"}}],
            "current-context": "test",
        });
        std::fs::write(&path, config.to_string()).expect("written");
        path
    }

    /// The identity of the Lease's holder; `None` if there is none.
    pub fn holder(&self, lease: &str) -> Option<String> {
        let state = self.state.lock().expect("no thread panics");
        let holder = state.leases.get(lease)?["spec"]["holderIdentity"].as_str()?;
        Some(holder.to_owned()).filter(|holder| !holder.is_empty())
    }

    /// The names of the Leases.
    pub fn names(&self) -> Vec<String> {
        self.state.lock().expect("no thread panics").leases.keys().cloned().collect()
    }

    /// Whether every request fails from now on.
    pub fn set_down(&self, is_down: bool) {
        self.state.lock().expect("no thread panics").is_down = is_down;
    }
}

impl State {
    fn execute(&mut self, method: &str, name: Option<&str>, body: &[u8]) -> (u16, Value) {
        let failure = |code: u16, reason: &str| {
            let status = json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": reason});
            (code, status)
        };
        let mut lease: Value = serde_json::from_slice(body).unwrap_or_default();
        let named = name.or_else(|| lease["metadata"]["name"].as_str()).unwrap_or_default().to_owned();
        let known = self.leases.get(&named).map(|lease| lease["metadata"]["resourceVersion"].clone());
        match (method, known) {
            ("GET", Some(_)) => return (200, self.leases[&named].clone()),
            ("GET", None) => return failure(404, "NotFound"),
            ("POST", Some(_)) => return failure(409, "AlreadyExists"),
            ("PUT", Some(version)) if lease["metadata"]["resourceVersion"] != version => {
                return failure(409, "Conflict");
            }
            ("PUT", None) => return failure(404, "NotFound"),
            ("POST", None) | ("PUT", Some(_)) => {}
            _ => return failure(405, "MethodNotAllowed"),
        }
        self.version += 1;
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        lease["metadata"]["uid"] = json!(format!("uid-of-{named}"));
        lease["metadata"]["namespace"] = json!("monitoring");
        self.leases.insert(named, lease.clone());
        (200, lease)
    }
}

/// Serves the requests of one connection.
fn serve(stream: &TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            match header.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().unwrap_or_default();
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let mut parts = request.split(' ');
        let (method, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let path = path.split('?').next().unwrap_or_default();
        let name = path.split_once("/leases/").map(|(_, name)| name);
        let mut state = state.lock().expect("no thread panics");
        if state.is_down {
            return Ok(());
        }
        let (status, lease) = state.execute(method, name, &body);
        drop(state);
        let body = lease.to_string();
        write!(
            &mut &*stream,
            "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
    }
}
