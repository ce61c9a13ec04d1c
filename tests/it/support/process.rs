//! The exporter and the simulated cloud as processes. A process ends when its value is dropped.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use super::{Exposition, eventually, http};

/// The program under test, without the settings of the user who runs the tests.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_appstreaming-exporter"));
    for (name, _) in std::env::vars_os() {
        let ours = name.to_string_lossy().starts_with("APPSTREAMING_EXPORTER_");
        let clouds = name.to_string_lossy().starts_with("ALIBABA_CLOUD_");
        if ours || clouds {
            command.env_remove(name);
        }
    }
    command
}

/// The result of a command.
#[derive(Debug)]
pub struct Finished {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Finished {
    let output = command.stdin(Stdio::null()).output().expect("the binary runs");
    Finished {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A Python interpreter that can import `modules`, in a virtual environment with the packages of
/// `tests/NAME/requirements.txt`. It is created once and kept in the target directory.
pub fn python(name: &str, modules: &str) -> PathBuf {
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let python = environment.join("bin/python");
    let requirements =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name).join("requirements.txt");
    let imports = format!("import {modules}");
    if !python.exists() || run(Command::new(&python).args(["-c", &imports])).status != 0 {
        let created = run(Command::new("python3").args(["-m", "venv"]).arg(&environment));
        assert_eq!(created.status, 0, "{}", created.stderr);
        let install = ["-m", "pip", "install", "--quiet", "--requirement"];
        let installed = run(Command::new(&python).args(install).arg(requirements));
        assert_eq!(installed.status, 0, "{}", installed.stderr);
    }
    python
}

/// A process whose output is collected. It is killed when the value is dropped.
struct Running {
    child: Child,
    output: Arc<Mutex<String>>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        Self::start_with(command, Stdio::null())
    }

    fn start_with(command: &mut Command, stdin: Stdio) -> Self {
        let mut child = command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let output = Arc::new(Mutex::new(String::new()));
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().expect("piped")), Box::new(child.stderr.take().expect("piped"))];
        for stream in streams {
            let output = Arc::clone(&output);
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let mut output = output.lock().expect("no reader panics");
                    output.push_str(&line);
                    output.push('\n');
                }
            });
        }
        Self { child, output }
    }

    fn output(&self) -> String {
        self.output.lock().expect("no reader panics").clone()
    }

    /// Waits for a line with `before` and returns the text after `before`, up to a blank or a quote.
    fn wait_for(&mut self, before: &str) -> String {
        eventually(before, || {
            let output = self.output();
            if let Some(at) = output.find(before) {
                let rest = &output[at + before.len()..];
                // The line may not be complete yet.
                return rest
                    .contains('\n')
                    .then(|| rest.split([' ', '\n', '"']).next().unwrap_or("").to_owned());
            }
            if let Some(status) = self.child.try_wait().expect("a child process") {
                panic!("ended with {status} before it printed {before:?}:\n{}", self.output());
            }
            None
        })
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").arg(signal).arg(self.child.id().to_string()).status();
        assert!(status.expect("kill runs").success());
    }

    fn wait(&mut self) -> i32 {
        eventually("the process ends", || self.child.try_wait().expect("a child process"))
            .code()
            .unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The process may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- output of process {}\n{}", self.child.id(), self.output());
        }
    }
}

/// A simulated cloud.
pub struct Cloud {
    running: Running,
    pub url: String,
}

impl Cloud {
    /// A cloud whose fleet does not change, unless `arguments` set another speed.
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = binary();
        command.args(["simulate", "--listen", "127.0.0.1:0", "--speed", "0"]).args(arguments);
        let mut running = Running::start(&mut command);
        let url = running.wait_for("listens at ");
        Self { running, url }
    }

    /// The true values of the fleet.
    pub fn truth(&self) -> Value {
        http::get(&format!("{}/_truth", self.url)).json()
    }

    /// The numbers of requests and of responses.
    pub fn stats(&self) -> Value {
        http::get(&format!("{}/_stats", self.url)).json()
    }

    /// Changes the fleet or the behaviour of the cloud.
    pub fn control(&self, command: &Value) -> Value {
        let response = http::post(&format!("{}/_control", self.url), command);
        assert_eq!(response.status, 200, "{command}: {}", response.body);
        response.json()
    }

    /// Kills the cloud.
    pub fn stop(&mut self) {
        self.running.signal("-KILL");
        self.running.wait();
    }

    /// Settings of an account that uses this cloud.
    pub fn account(&self, index: usize, name: &str) -> Vec<String> {
        use appstreaming_exporter::simulator::{ACCESS_KEY_ID, ACCESS_KEY_SECRET};
        let key = |key: &str, value: &str| format!("accounts.{index}.{key}={value}");
        vec![
            key("name", name),
            key("endpoint", &self.url),
            key("credentials.source", "access_key"),
            key("credentials.access_key_id", ACCESS_KEY_ID),
            key("credentials.access_key_secret", ACCESS_KEY_SECRET),
        ]
    }
}

/// A running daemon.
pub struct Exporter {
    running: Running,
    pub url: String,
}

impl Exporter {
    /// A daemon that polls one cloud every second.
    pub fn polling(cloud: &Cloud, settings: &[&str]) -> Self {
        Self::start(&Self::settings(cloud, settings))
    }

    /// The settings of [`Exporter::polling`].
    pub fn settings(cloud: &Cloud, settings: &[&str]) -> Vec<String> {
        let mut all = cloud.account(0, "test");
        all.extend(["poll.interval=1s", "api.requests_per_second=5000"].map(String::from));
        all.extend(settings.iter().map(ToString::to_string));
        all
    }

    /// A daemon with these values of `--set`.
    pub fn start(settings: &[String]) -> Self {
        let mut command = binary();
        command.arg("run").args(settings.iter().flat_map(|setting| ["--set", setting]));
        Self::spawn(&mut command)
    }

    /// Starts a daemon with this command, on a free port of the loopback interface.
    pub fn spawn(command: &mut Command) -> Self {
        Self::spawn_as_is(command.args(["--web.listen-address", "127.0.0.1:0"]))
    }

    /// Starts a daemon with this command, which contains the address to listen on.
    pub fn spawn_as_is(command: &mut Command) -> Self {
        Self::listening(Running::start(command))
    }

    /// Starts a daemon whose standard input is a listening socket.
    #[cfg(unix)]
    pub fn spawn_activated(command: &mut Command, socket: std::net::TcpListener) -> Self {
        Self::listening(Running::start_with(command, std::os::fd::OwnedFd::from(socket).into()))
    }

    fn listening(mut running: Running) -> Self {
        let address = running.wait_for("listening address=");
        Self { running, url: format!("http://{address}") }
    }

    /// Sends a signal that does not end the daemon.
    pub fn signal(&self, signal: &str) {
        self.running.signal(signal);
    }

    /// The URL of the true values of a demo's cloud.
    pub fn truth_url(&self) -> String {
        let output = self.log();
        let line = output
            .lines()
            .find(|line| line.contains("/_truth"))
            .expect("a demo prints the address of its cloud");
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).expect("an address");
        url.to_owned()
    }

    pub fn get(&self, path: &str) -> http::HttpResponse {
        http::get(&format!("{}{path}", self.url))
    }

    /// The result of a scrape.
    pub fn scrape(&self) -> Exposition {
        let response = self.get("/metrics");
        assert_eq!(response.status, 200, "{}", response.body);
        Exposition::parse(&response.body)
    }

    /// The result of a scrape after every target was polled.
    pub fn first_poll(&self) -> Exposition {
        eventually("the exporter is ready", || (self.get("/-/ready").status == 200).then_some(()));
        self.scrape()
    }

    /// Scrapes until `check` returns `true`.
    pub fn scrape_until(&self, what: &str, check: impl Fn(&Exposition) -> bool) -> Exposition {
        eventually(what, || Some(self.scrape()).filter(|exposition| check(exposition)))
    }

    /// The standard output and standard error so far.
    pub fn log(&self) -> String {
        self.running.output()
    }

    /// Ends the daemon with a signal. Returns its exit status and its whole output.
    pub fn end(mut self, signal: &str) -> (i32, String) {
        self.running.signal(signal);
        (self.running.wait(), self.running.output())
    }
}
