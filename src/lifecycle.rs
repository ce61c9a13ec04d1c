//! The life of the process: signals, readiness, and drain with a time limit.
//!
//! The first SIGTERM or SIGINT begins a graceful shutdown: the process stops being ready, then the
//! cancellation token that every task watches is cancelled. The second signal ends the process at
//! once with status 1, so that an operator can end a shutdown that hangs. SIGHUP requests a reload
//! of the configuration.
//!
//! What is not here: what each task does once the token is cancelled.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Default of `poll.shutdown_grace`: how long running requests may take to finish after SIGTERM.
pub const DEFAULT_SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Whether the exporter is ready: while all latches are open, until the shutdown.
///
/// Clones share their latches. Without a latch the exporter is ready.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    state: Arc<Mutex<ReadinessState>>,
}

/// A condition of readiness. A latch that is dropped before it opens stays closed, because its
/// condition can no longer become true.
#[derive(Debug)]
pub struct Latch {
    state: Arc<Mutex<ReadinessState>>,
    index: usize,
}

/// Why the exporter is not ready.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct NotReady {
    reasons: Vec<String>,
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// All tasks finished in time.
    Clean,
    /// The number of tasks that were still running at the end of the time limit.
    Abandoned(usize),
}

/// The operator's requests that arrive as signals.
#[derive(Debug)]
pub struct Signals {
    /// Cancelled by the first SIGTERM or SIGINT, after the exporter has stopped being ready.
    pub shutdown: CancellationToken,
    /// One message for each SIGHUP. Signals that arrive before the last message is received are
    /// merged. Without a receiver SIGHUP has no effect; it never ends the process.
    pub reload: mpsc::Receiver<()>,
}

/// Installs the signal handlers, and starts the task that handles the signals.
///
/// # Errors
/// The operating system does not allow a signal handler.
///
/// # Panics
/// Outside a tokio runtime.
pub fn install_signal_handlers(readiness: Readiness) -> io::Result<Signals> {
    let shutdown = CancellationToken::new();
    let (reload_sender, reload) = mpsc::channel(1);
    let signals = listen()?;
    let exit = |status| std::process::exit(status);
    tokio::spawn(handle(signals, readiness, shutdown.clone(), reload_sender, exit));
    Ok(Signals { shutdown, reload })
}

/// Notifies systemd that the process serves requests, if the unit has `Type=notify`.
pub fn notify_ready() {
    notify(ServiceState::Ready);
}

/// Notifies systemd that the process is shutting down, if the unit has `Type=notify`.
pub fn notify_stopping() {
    notify(ServiceState::Stopping);
}

#[derive(Debug, Clone, Copy)]
enum ServiceState {
    Ready,
    Stopping,
}

#[cfg(unix)]
fn notify(state: ServiceState) {
    use sd_notify::NotifyState;
    let message = match state {
        ServiceState::Ready => NotifyState::Ready,
        ServiceState::Stopping => NotifyState::Stopping,
    };
    if let Err(error) = sd_notify::notify(&[message]) {
        tracing::warn!(%error, ?state, "cannot notify systemd");
    }
}

/// There is no systemd on this platform.
#[cfg(not(unix))]
fn notify(_: ServiceState) {}

/// Lowers the priority of the calling thread, so that the other threads of the process run first
/// when the machine is busy.
#[cfg(target_os = "linux")]
pub fn lower_thread_priority() {
    /// At nice +5 a thread gets about a third of the CPU time that a thread at +0 gets.
    const NICE_INCREMENT: i32 = 5;
    // If a sandbox forbids the change, all threads have the same priority.
    let _ = rustix::process::nice(NICE_INCREMENT);
}

/// Has no effect: only on Linux does `nice` apply to a single thread.
#[cfg(not(target_os = "linux"))]
pub fn lower_thread_priority() {}

/// Waits until all tasks have finished, but not longer than `limit`. No task is aborted.
pub async fn drain(tasks: &TaskTracker, limit: Duration) -> Drained {
    tasks.close();
    match tokio::time::timeout(limit, tasks.wait()).await {
        Ok(()) => Drained::Clean,
        Err(_) => Drained::Abandoned(tasks.len()),
    }
}

impl Readiness {
    /// Adds a closed latch; `name` is its condition, such as `first poll of default/CloudApp`.
    pub fn latch(&self, name: impl Into<String>) -> Latch {
        let mut state = self.state.lock();
        state.latches.push((name.into(), false));
        Latch { state: Arc::clone(&self.state), index: state.latches.len() - 1 }
    }

    /// Marks the exporter as shutting down, which cannot be undone.
    pub fn shut_down(&self) {
        self.state.lock().shutting_down = true;
    }

    /// Whether the exporter is ready.
    ///
    /// # Errors
    /// The reasons why it is not, at least one.
    pub fn check(&self) -> Result<(), NotReady> {
        let state = self.state.lock();
        if state.shutting_down {
            return Err(NotReady { reasons: vec!["shutting down".to_owned()] });
        }
        let closed = state.latches.iter().filter(|(_, is_open)| !is_open);
        let reasons: Vec<String> = closed.map(|(name, _)| format!("waiting for {name}")).collect();
        if reasons.is_empty() { Ok(()) } else { Err(NotReady { reasons }) }
    }
}

impl Latch {
    /// Opens the latch; opening it again has no effect.
    pub fn open(&self) {
        self.set(true);
    }

    /// Closes the latch, because its condition is no longer true.
    pub fn close(&self) {
        self.set(false);
    }

    fn set(&self, is_open: bool) {
        // Latches are never removed: the index from `Readiness::latch` stays valid.
        self.state.lock().latches[self.index].1 = is_open;
    }
}

impl NotReady {
    /// One reason for each closed latch, in the order in which the latches were added.
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not ready: {}", self.reasons.join(", "))
    }
}

#[derive(Debug, Default)]
struct ReadinessState {
    /// The condition of each latch, and whether the latch is open.
    latches: Vec<(String, bool)>,
    shutting_down: bool,
}

/// The meaning of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SignalKind {
    /// Shut down; has the name of the signal.
    Shutdown(&'static str),
    /// Load the configuration again.
    Reload,
}

async fn handle(
    mut signals: mpsc::Receiver<SignalKind>,
    readiness: Readiness,
    shutdown: CancellationToken,
    reload: mpsc::Sender<()>,
    exit: impl Fn(i32),
) {
    while let Some(signal) = signals.recv().await {
        match signal {
            SignalKind::Reload => match reload.try_send(()) {
                // If the channel is full, the pending reload has not begun: it reads the
                // configuration after this signal.
                Ok(()) | Err(TrySendError::Full(())) => {}
                Err(TrySendError::Closed(())) => {
                    tracing::info!("SIGHUP ignored: this command has no configuration to reload");
                }
            },
            SignalKind::Shutdown(name) if !shutdown.is_cancelled() => {
                tracing::info!(
                    signal = name,
                    "shutting down gracefully; a second signal ends the process at once"
                );
                readiness.shut_down();
                shutdown.cancel();
            }
            SignalKind::Shutdown(name) => {
                tracing::warn!(signal = name, "exiting at once, without waiting for running tasks");
                exit(1);
            }
        }
    }
}

#[cfg(unix)]
fn listen() -> io::Result<mpsc::Receiver<SignalKind>> {
    use tokio::signal::unix;

    let (sender, receiver) = mpsc::channel(8);
    for (kind, meaning) in [
        (unix::SignalKind::terminate(), SignalKind::Shutdown("SIGTERM")),
        (unix::SignalKind::interrupt(), SignalKind::Shutdown("SIGINT")),
        (unix::SignalKind::hangup(), SignalKind::Reload),
    ] {
        let mut signals = unix::signal(kind)?;
        let sender = sender.clone();
        tokio::spawn(
            async move { while signals.recv().await.is_some() && sender.send(meaning).await.is_ok() {} },
        );
    }
    Ok(receiver)
}

#[cfg(not(unix))]
fn listen() -> io::Result<mpsc::Receiver<SignalKind>> {
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok()
            && sender.send(SignalKind::Shutdown("Ctrl-C")).await.is_ok()
        {}
    });
    Ok(receiver)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI32, Ordering};

    use super::*;

    #[test]
    fn the_exporter_is_ready_once_all_latches_are_open() {
        let readiness = Readiness::default();
        assert_eq!(readiness.check(), Ok(()));

        let (first, second) = (readiness.latch("first poll of a/CloudApp"), readiness.latch("b"));
        assert_eq!(
            readiness.check().unwrap_err().reasons(),
            ["waiting for first poll of a/CloudApp", "waiting for b"]
        );
        first.open();
        first.open();
        assert_eq!(readiness.clone().check().unwrap_err().to_string(), "not ready: waiting for b");
        second.open();
        assert_eq!(readiness.check(), Ok(()));
    }

    #[test]
    fn a_latch_that_is_dropped_stays_closed() {
        let readiness = Readiness::default();
        drop(readiness.latch("a task that died"));
        assert!(readiness.check().is_err());
    }

    #[test]
    fn the_exporter_is_not_ready_during_the_shutdown() {
        let readiness = Readiness::default();
        readiness.latch("a").open();
        readiness.shut_down();
        assert_eq!(readiness.check().unwrap_err().reasons(), ["shutting down"]);
    }

    #[tokio::test]
    async fn the_first_signal_begins_a_graceful_shutdown_and_the_second_exits() {
        let (sender, receiver) = mpsc::channel(8);
        let (readiness, shutdown) = (Readiness::default(), CancellationToken::new());
        let status = Arc::new(AtomicI32::new(0));
        let exited = Arc::clone(&status);
        let exit = move |code| exited.store(code, Ordering::SeqCst);
        let (reload_sender, mut reload) = mpsc::channel(1);
        let task = tokio::spawn(handle(receiver, readiness.clone(), shutdown.clone(), reload_sender, exit));

        sender.send(SignalKind::Reload).await.unwrap();
        reload.recv().await.unwrap();
        sender.send(SignalKind::Shutdown("SIGTERM")).await.unwrap();
        shutdown.cancelled().await;
        assert!(readiness.check().is_err(), "readiness changes before the token");
        assert_eq!(status.load(Ordering::SeqCst), 0);

        sender.send(SignalKind::Shutdown("SIGINT")).await.unwrap();
        drop(sender);
        task.await.unwrap();
        assert_eq!(status.load(Ordering::SeqCst), 1);
    }

    /// Runs itself as a child process, because a signal would disturb the other tests of this
    /// process.
    #[cfg(unix)]
    #[test]
    fn real_signals_are_handled_and_the_second_exits_with_status_1() {
        const CHILD: &str = "LIFECYCLE_TEST_CHILD";
        if std::env::var_os(CHILD).is_none() {
            let name = std::thread::current().name().unwrap().to_owned();
            let mut child = std::process::Command::new(std::env::current_exe().unwrap());
            let output = child.args(["--exact", &name]).env(CHILD, "1").output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            return;
        }
        let send = |signal: &str| {
            let process = std::process::id().to_string();
            assert!(std::process::Command::new("kill").args([signal, &process]).status().unwrap().success());
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let readiness = Readiness::default();
            let Signals { shutdown, mut reload } = install_signal_handlers(readiness.clone()).unwrap();
            send("-HUP");
            reload.recv().await.unwrap();
            assert!(!shutdown.is_cancelled(), "SIGHUP does not shut down");
            send("-TERM");
            shutdown.cancelled().await;
            assert!(readiness.check().is_err());
            send("-INT");
            std::future::pending::<()>().await;
        });
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_waits_for_running_tasks_up_to_its_limit() {
        let tasks = TaskTracker::new();
        let done = tasks.spawn(async { tokio::time::sleep(Duration::from_secs(4)).await });
        assert_eq!(drain(&tasks, Duration::from_secs(5)).await, Drained::Clean);
        assert!(done.is_finished());

        let stuck = tasks.spawn(std::future::pending::<()>());
        assert_eq!(drain(&tasks, Duration::from_secs(5)).await, Drained::Abandoned(1));
        stuck.abort();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn lowering_the_priority_of_a_thread_does_not_affect_the_others() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        let other = std::thread::spawn(move || {
            lower_thread_priority();
            niceness()
        });
        assert!(other.join().unwrap() > before || before == 19, "19 is the maximum");
        assert_eq!(niceness(), before);
    }
}
