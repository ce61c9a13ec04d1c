//! The token that replicas show each other, and its rotation.
//!
//! A token in a file is read again when another replica shows or expects a different one: during a
//! rollout with a new token, the replicas that run then learn it from the file. What is not here:
//! requests (`publication`, `peer`).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::aliyun::Secret;
use crate::document::{read_small_text, trim_text};

/// Time between two readings of the file, so that requests with a wrong token cost little.
const READ_INTERVAL: Duration = Duration::from_secs(1);
/// A token has less than a kilobyte.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// The token. Clones share it.
#[derive(Debug, Clone)]
pub struct SharedToken {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: Option<PathBuf>,
    state: Mutex<TokenState>,
}

#[derive(Debug)]
struct TokenState {
    token: Secret,
    /// When the file was last read; `None` before the first time.
    read_at: Option<Instant>,
}

impl SharedToken {
    /// The token as it was configured, and the file that it comes from, if it does.
    pub fn new(token: Secret, file: Option<PathBuf>) -> Self {
        let state = Mutex::new(TokenState { token, read_at: None });
        Self { inner: Arc::new(Inner { file, state }) }
    }

    /// The token that is shown to other replicas.
    pub fn current(&self) -> Secret {
        self.inner.state.lock().token.clone()
    }

    /// Whether another replica that shows `token` may fetch the state. Takes the same time for each
    /// wrong token of the same length.
    pub async fn accepts(&self, token: &str) -> bool {
        let token = Secret::new(token);
        self.current() == token || (self.read_again().await && self.current() == token)
    }

    /// Reads the file again. Returns whether it contains another token now.
    pub async fn read_again(&self) -> bool {
        let now = Instant::now();
        {
            let mut state = self.inner.state.lock();
            if state.read_at.is_some_and(|at| now.duration_since(at) < READ_INTERVAL) {
                return false;
            }
            state.read_at = Some(now);
        }
        let Some(path) = self.inner.file.clone() else { return false };
        // Reading a file blocks, for long if it is on a network.
        let read = spawn_blocking(move || read_small_text(&path, MAX_FILE_BYTES)).await;
        let Ok(Ok(text)) = read else { return false };
        let token = Secret::new(trim_text(&text));
        let mut state = self.inner.state.lock();
        let is_new = !token.expose().is_empty() && token != state.token;
        if is_new {
            state.token = token;
            tracing::info!("replicas.token was read again: it has changed");
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_token_that_was_rotated_in_its_file_is_accepted_without_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, "second-token-0123\n").unwrap();
        let token = SharedToken::new(Secret::new("first-token-01234"), Some(path));
        assert!(token.accepts("first-token-01234").await);
        assert!(token.accepts("second-token-0123").await);
        assert_eq!(token.current().expose(), "second-token-0123");
        assert!(!token.accepts("first-token-01234").await, "the old one is no longer valid");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_is_read_at_most_once_a_second_and_an_unreadable_one_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let token = SharedToken::new(Secret::new("first-token-01234"), Some(path.clone()));
        assert!(!token.accepts("second-token-0123").await, "there is no file");
        std::fs::write(&path, "second-token-0123").unwrap();
        assert!(!token.accepts("second-token-0123").await);
        tokio::time::sleep(READ_INTERVAL).await;
        assert!(token.accepts("second-token-0123").await);
    }

    #[tokio::test]
    async fn only_the_token_itself_is_accepted() {
        let token = SharedToken::new(Secret::new("0123456789abcdef"), None);
        assert!(token.accepts("0123456789abcdef").await);
        for other in ["", "0123456789abcdeF", "0123456789abcdef0"] {
            assert!(!token.accepts(other).await);
        }
    }
}
