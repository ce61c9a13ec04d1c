//! The process' life: signals, readiness as a set of latches, draining under a limit.
//!
//! The first SIGTERM or SIGINT asks for an orderly end: readiness goes first, then the token is
//! cancelled that every task watches. The second ends the process at once, with status 1, so that an
//! operator is never left with a process that doesn't want to die. SIGHUP asks for the configuration to
//! be read again. What is not here: what each task does once the token is cancelled.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Default of `poll.shutdown_grace`: how long running requests may take to finish after SIGTERM.
pub const DEFAULT_SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Whether the exporter should be sent work: once every latch is open, and until it shuts down.
///
/// Clones share their latches. Without any latch it is ready.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    state: Arc<Mutex<State>>,
}

/// One thing that must have happened before the exporter is ready. It opens once and stays open; one
/// that is dropped unopened stays shut, for then what it waits for will never happen.
#[derive(Debug)]
pub struct Latch {
    state: Arc<Mutex<State>>,
    index: usize,
}

/// Why the exporter isn't ready.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct NotReady {
    reasons: Vec<String>,
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Everything finished in time.
    Clean,
    /// So many tasks still ran when time was up.
    Abandoned(usize),
}

/// What signals ask for.
#[derive(Debug)]
pub struct Signals {
    /// Cancelled by the first SIGTERM or SIGINT, after the readiness has been shut down.
    pub shutdown: CancellationToken,
    /// One message for each SIGHUP, except that those which come before the last was taken are one.
    /// Without a receiver SIGHUP does nothing; it never ends the process.
    pub reload: mpsc::Receiver<()>,
}

/// Starts to listen for signals, and obeys them in a task of its own.
///
///
/// # Errors
/// The operating system refuses to install a signal handler.
///
/// # Panics
/// Outside a tokio runtime.
pub fn install_signal_handlers(readiness: Readiness) -> io::Result<Signals> {
    let shutdown = CancellationToken::new();
    let (asked, reload) = mpsc::channel(1);
    let heard = listen()?;
    let abort = |status| std::process::exit(status);
    tokio::spawn(obey(heard, readiness, shutdown.clone(), asked, abort));
    Ok(Signals { shutdown, reload })
}

/// Tells systemd, if it wants to know (`Type=notify`), that the process serves.
pub fn notify_ready() {
    tell(Told::Serving);
}

/// Tells systemd, if it wants to know, that the process is about to end.
pub fn notify_stopping() {
    tell(Told::Ending);
}

#[derive(Debug, Clone, Copy)]
enum Told {
    Serving,
    Ending,
}

#[cfg(unix)]
fn tell(what: Told) {
    use sd_notify::NotifyState;
    let state = match what {
        Told::Serving => NotifyState::Ready,
        Told::Ending => NotifyState::Stopping,
    };
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, ?what, "cannot tell the service manager");
    }
}

/// There is no systemd here.
#[cfg(not(unix))]
fn tell(_: Told) {}

/// Lets the calling thread give way to the process' other threads while the machine can't run all of them.
#[cfg(target_os = "linux")]
pub fn lower_thread_priority() {
    /// A third of the share that a thread has otherwise.
    const NICER_BY: i32 = 5;
    // Where a sandbox forbids it, threads are equals.
    let _ = rustix::process::nice(NICER_BY);
}

/// Lets the calling thread give way to the process' other threads: only Linux does that by thread.
#[cfg(not(target_os = "linux"))]
pub fn lower_thread_priority() {}

/// Waits until every task of `tasks` has finished, at most for `limit`. Nothing is aborted.
pub async fn drain(tasks: &TaskTracker, limit: Duration) -> Drained {
    tasks.close();
    match tokio::time::timeout(limit, tasks.wait()).await {
        Ok(()) => Drained::Clean,
        Err(_) => Drained::Abandoned(tasks.len()),
    }
}

impl Readiness {
    /// Adds a shut latch; `name` says what is being waited for (`first poll of default/CloudApp`).
    pub fn latch(&self, name: impl Into<String>) -> Latch {
        let mut state = lock(&self.state);
        state.latches.push((name.into(), false));
        Latch { state: Arc::clone(&self.state), index: state.latches.len() - 1 }
    }

    /// Says that the exporter is about to end. There is no way back.
    pub fn shut_down(&self) {
        lock(&self.state).shutting_down = true;
    }

    /// Whether it is ready.
    ///
    /// # Errors
    /// The reasons why it isn't, never empty.
    pub fn check(&self) -> Result<(), NotReady> {
        let state = lock(&self.state);
        if state.shutting_down {
            return Err(NotReady { reasons: vec!["shutting down".to_owned()] });
        }
        let shut = state.latches.iter().filter(|(_, open)| !open);
        let reasons: Vec<String> = shut.map(|(name, _)| format!("waiting for {name}")).collect();
        if reasons.is_empty() { Ok(()) } else { Err(NotReady { reasons }) }
    }
}

impl Latch {
    /// Opens the latch; opening it again does nothing.
    pub fn open(&self) {
        // Latches are only ever added, so the index made by `Readiness::latch` stays good.
        lock(&self.state).latches[self.index].1 = true;
    }
}

impl NotReady {
    /// One reason for each thing that is missing, in the order in which the latches were made.
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
struct State {
    latches: Vec<(String, bool)>,
    shutting_down: bool,
}

/// A panic elsewhere can't leave the state half written: every change is one assignment.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a signal means to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    End(&'static str),
    Reload,
}

async fn obey(
    mut heard: mpsc::Receiver<Heard>,
    readiness: Readiness,
    shutdown: CancellationToken,
    reload: mpsc::Sender<()>,
    abort: impl Fn(i32),
) {
    while let Some(signal) = heard.recv().await {
        match signal {
            Heard::Reload => match reload.try_send(()) {
                // The reload that is still to come sees what this one is about.
                Ok(()) | Err(TrySendError::Full(())) => {}
                Err(TrySendError::Closed(())) => tracing::info!("SIGHUP ignored: nothing to read again"),
            },
            Heard::End(name) if !shutdown.is_cancelled() => {
                tracing::info!(signal = name, "shutting down; a second signal ends the process at once");
                readiness.shut_down();
                shutdown.cancel();
            }
            Heard::End(name) => {
                tracing::warn!(signal = name, "ending at once, without waiting for what still runs");
                abort(1);
            }
        }
    }
}

#[cfg(unix)]
fn listen() -> io::Result<mpsc::Receiver<Heard>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (sender, receiver) = mpsc::channel(8);
    for (kind, meaning) in [
        (SignalKind::terminate(), Heard::End("SIGTERM")),
        (SignalKind::interrupt(), Heard::End("SIGINT")),
        (SignalKind::hangup(), Heard::Reload),
    ] {
        let mut signals = signal(kind)?;
        let sender = sender.clone();
        tokio::spawn(
            async move { while signals.recv().await.is_some() && sender.send(meaning).await.is_ok() {} },
        );
    }
    Ok(receiver)
}

#[cfg(not(unix))]
fn listen() -> io::Result<mpsc::Receiver<Heard>> {
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() && sender.send(Heard::End("Ctrl-C")).await.is_ok() {}
    });
    Ok(receiver)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI32, Ordering};

    use super::*;

    #[test]
    fn it_is_ready_once_every_latch_is_open_and_says_which_is_not() {
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
    fn a_latch_that_is_given_up_stays_shut() {
        let readiness = Readiness::default();
        drop(readiness.latch("a task that died"));
        assert!(readiness.check().is_err());
    }

    #[test]
    fn shutting_down_is_not_ready_whatever_was_reached() {
        let readiness = Readiness::default();
        readiness.latch("a").open();
        readiness.shut_down();
        assert_eq!(readiness.check().unwrap_err().reasons(), ["shutting down"]);
    }

    #[tokio::test]
    async fn the_first_signal_ends_in_order_and_the_second_at_once() {
        let (sender, receiver) = mpsc::channel(8);
        let (readiness, shutdown) = (Readiness::default(), CancellationToken::new());
        let status = Arc::new(AtomicI32::new(0));
        let exited = Arc::clone(&status);
        let abort = move |code| exited.store(code, Ordering::SeqCst);
        let (asked, mut reload) = mpsc::channel(1);
        let task = tokio::spawn(obey(receiver, readiness.clone(), shutdown.clone(), asked, abort));

        sender.send(Heard::Reload).await.unwrap();
        reload.recv().await.unwrap();
        sender.send(Heard::End("SIGTERM")).await.unwrap();
        shutdown.cancelled().await;
        assert!(readiness.check().is_err(), "readiness goes before the token");
        assert_eq!(status.load(Ordering::SeqCst), 0);

        sender.send(Heard::End("SIGINT")).await.unwrap();
        drop(sender);
        task.await.unwrap();
        assert_eq!(status.load(Ordering::SeqCst), 1);
    }

    /// In a process of its own: a signal would disturb every other test of this one.
    #[cfg(unix)]
    #[test]
    fn real_signals_are_heard_and_the_second_exits_with_status_1() {
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
            assert!(!shutdown.is_cancelled(), "SIGHUP ends nothing");
            send("-TERM");
            shutdown.cancelled().await;
            assert!(readiness.check().is_err());
            send("-INT");
            std::future::pending::<()>().await;
        });
    }

    #[tokio::test]
    async fn a_drain_waits_for_what_runs_but_not_for_ever() {
        let tasks = TaskTracker::new();
        let done = tasks.spawn(async { tokio::time::sleep(Duration::from_millis(5)).await });
        assert_eq!(drain(&tasks, Duration::from_secs(5)).await, Drained::Clean);
        assert!(done.is_finished());

        let stuck = tasks.spawn(std::future::pending::<()>());
        assert_eq!(drain(&tasks, Duration::from_millis(5)).await, Drained::Abandoned(1));
        stuck.abort();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_gives_way_leaves_the_others_as_they_were() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        let other = std::thread::spawn(move || {
            lower_thread_priority();
            niceness()
        });
        assert!(other.join().unwrap() > before || before == 19, "19 is the nicest there is");
        assert_eq!(niceness(), before);
    }
}
