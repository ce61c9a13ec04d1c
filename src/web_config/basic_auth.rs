//! Basic authentication: who may ask, checked against bcrypt hashes.
//!
//! A hash takes some 70 ms on purpose, and Prometheus sends its password with every scrape: what was
//! checked once is remembered, by a keyed hash that says nothing about the password. One check at a time
//! runs, beside the workers that serve requests, so that guessing costs the guesser time and nobody else.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::header::HeaderValue;
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

/// Verdicts of each kind that are remembered; beyond it that kind is forgotten as a whole.
const MOST_VERDICTS: usize = 256;
/// Characters of a salt and a result in bcrypt's alphabet, in which a dot is zero.
const SALT_AND_RESULT: usize = 53;

/// The users and their hashes.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Users {
    hashes: BTreeMap<String, String>,
    /// What the password of somebody unknown is checked against: as costly as the costliest user's.
    decoy: String,
}

/// What isn't a bcrypt hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no bcrypt hash, such as `htpasswd -nBC 10 \"\"` prints: $2y$10$ and 53 characters")]
pub(crate) struct NoHash;

impl Users {
    /// Adds a user; gives the cost of the hash, each step doubling what a check takes.
    pub(crate) fn add(&mut self, name: String, hash: String) -> Result<u32, NoHash> {
        let parts: bcrypt::HashParts = hash.parse().map_err(|_| NoHash)?;
        let cost = parts.get_cost();
        if !(4..=31).contains(&cost) {
            return Err(NoHash);
        }
        self.hashes.insert(name, hash);
        let costs = self.hashes.values().filter_map(|hash| hash.get(4..6)?.parse::<u32>().ok());
        let costliest = costs.max().unwrap_or(cost);
        // The hash of no password that anybody knows.
        self.decoy = format!("$2y${costliest:02}${}", ".".repeat(SALT_AND_RESULT));
        Ok(cost)
    }

    /// Whether anybody may ask.
    pub(crate) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// The hash to check, and whether there is such a user at all.
    fn hash_of(&self, name: &[u8]) -> (&str, bool) {
        let found = std::str::from_utf8(name).ok().and_then(|name| self.hashes.get(name));
        found.map_or((&self.decoy, false), |hash| (hash, true))
    }
}

/// Checks logins, and remembers what came of it.
pub(crate) struct Logins {
    check: Check,
    key: Zeroizing<[u8; 32]>,
    verdicts: Mutex<Verdicts>,
    turn: Arc<Semaphore>,
}

/// Whether a password is that of a hash.
type Check = Arc<dyn Fn(&[u8], &str) -> bool + Send + Sync>;

/// Kept apart, so that guesses can't push out those who know their password.
#[derive(Default)]
struct Verdicts {
    accepted: HashSet<Fingerprint>,
    refused: HashSet<Fingerprint>,
}

/// A keyed hash of user, stored hash and password.
type Fingerprint = [u8; 32];

impl Logins {
    /// Checks with bcrypt.
    pub(crate) fn new() -> Logins {
        Logins::checked_by(|password, hash| bcrypt::verify(password, hash).unwrap_or(false))
    }

    fn checked_by(check: impl Fn(&[u8], &str) -> bool + Send + Sync + 'static) -> Logins {
        Logins {
            check: Arc::new(check),
            key: Zeroizing::new(rand::random()),
            verdicts: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// Whether the header `Authorization` is that of one of the users.
    pub(crate) async fn accept(&self, users: &Users, authorization: Option<&HeaderValue>) -> bool {
        let Some(login) = authorization.and_then(decode) else { return false };
        // The first colon ends the name; a password may have more.
        let Some(colon) = login.iter().position(|byte| *byte == b':') else { return false };
        let (name, password) = (&login[..colon], &login[colon + 1..]);
        let (hash, known) = users.hash_of(name);
        let fingerprint = self.fingerprint([name, hash.as_bytes(), password]);
        if let Some(verdict) = self.remembered(&fingerprint) {
            return verdict;
        }
        // Never closed, so that the turn always comes.
        let Ok(turn) = Arc::clone(&self.turn).acquire_owned().await else { return false };
        // Whoever had the turn before may have asked the same.
        if let Some(verdict) = self.remembered(&fingerprint) {
            return verdict;
        }
        let (check, hash) = (Arc::clone(&self.check), hash.to_owned());
        let password = Zeroizing::new(password.to_vec());
        let checked = spawn_blocking(move || {
            // Until it is done, also when the client gives up waiting.
            let _turn = turn;
            check(&password, &hash)
        });
        let verdict = checked.await.unwrap_or(false) && known;
        self.remember(fingerprint, verdict);
        verdict
    }

    fn fingerprint(&self, parts: [&[u8]; 3]) -> Fingerprint {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.key).expect("HMAC takes keys of every length");
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn remembered(&self, fingerprint: &Fingerprint) -> Option<bool> {
        // A panic can't leave a set half written that would matter: a verdict is there or not.
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        // Comparing keyed hashes tells nothing about what was hashed, however long it takes.
        if verdicts.accepted.contains(fingerprint) {
            return Some(true);
        }
        verdicts.refused.contains(fingerprint).then_some(false)
    }

    fn remember(&self, fingerprint: Fingerprint, verdict: bool) {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let set = if verdict { &mut verdicts.accepted } else { &mut verdicts.refused };
        if set.len() >= MOST_VERDICTS {
            set.clear();
        }
        set.insert(fingerprint);
    }
}

/// `name:password` out of `Basic bmFtZTpwYXNzd29yZA==`.
fn decode(header: &HeaderValue) -> Option<Zeroizing<Vec<u8>>> {
    let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    BASE64_STANDARD.decode(encoded.trim()).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn users(names: &[&str]) -> Users {
        let mut users = Users::default();
        for name in names {
            users.add((*name).to_owned(), hashed("secret")).unwrap();
        }
        users
    }

    /// As cheap as bcrypt gets.
    fn hashed(password: &str) -> String {
        bcrypt::hash_with_salt(password, 4, [7; 16]).unwrap().to_string()
    }

    fn header(login: &str) -> HeaderValue {
        format!("basic {}", BASE64_STANDARD.encode(login)).parse().unwrap()
    }

    fn counted() -> (Logins, Arc<Mutex<Vec<String>>>) {
        let checks = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&checks);
        let logins = Logins::checked_by(move |password, hash| {
            seen.lock().unwrap().push(hash.to_owned());
            bcrypt::verify(password, hash).unwrap_or(false)
        });
        (logins, checks)
    }

    #[tokio::test]
    async fn a_login_is_checked_once_however_often_it_comes() {
        let (logins, checks) = counted();
        let users = users(&["alice"]);
        for _ in 0..3 {
            assert!(logins.accept(&users, Some(&header("alice:secret"))).await);
            assert!(!logins.accept(&users, Some(&header("alice:wrong"))).await);
        }
        assert_eq!(checks.lock().unwrap().len(), 2, "one for each password");
    }

    #[tokio::test]
    async fn somebody_unknown_costs_the_same_check_and_never_gets_in() {
        let (logins, checks) = counted();
        let mut users = users(&["alice"]);
        users.add("costly".to_owned(), hashed("secret").replace("$04$", "$05$")).unwrap();
        assert!(!logins.accept(&users, Some(&header("mallory:secret"))).await);
        let checked = checks.lock().unwrap().clone();
        assert_eq!(checked.len(), 1);
        assert!(checked[0].starts_with("$2y$05$"), "as costly as the costliest: {}", checked[0]);
        assert!(bcrypt::verify("x", &checked[0]).is_ok(), "a hash that bcrypt really computes");

        let always = Logins::checked_by(|_, _| true);
        assert!(!always.accept(&users, Some(&header("mallory:secret"))).await, "even if the decoy fitted");
    }

    #[tokio::test]
    async fn a_new_password_is_in_force_at_once() {
        let (logins, _) = counted();
        let mut users = users(&["alice"]);
        assert!(logins.accept(&users, Some(&header("alice:secret"))).await);
        users.add("alice".to_owned(), hashed("another")).unwrap();
        assert!(!logins.accept(&users, Some(&header("alice:secret"))).await);
        assert!(logins.accept(&users, Some(&header("alice:another"))).await);
    }

    #[tokio::test]
    async fn guesses_are_forgotten_before_they_fill_the_memory_and_push_out_nobody() {
        let checks = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&checks);
        let logins = Logins::checked_by(move |password, _| {
            seen.fetch_add(1, Ordering::SeqCst);
            password == b"secret"
        });
        let users = users(&["alice"]);
        assert!(logins.accept(&users, Some(&header("alice:secret"))).await);
        for guess in 0..3 * MOST_VERDICTS {
            assert!(!logins.accept(&users, Some(&header(&format!("alice:{guess}")))).await);
        }
        assert!(logins.verdicts.lock().unwrap().refused.len() <= MOST_VERDICTS);
        let before = checks.load(Ordering::SeqCst);
        assert!(logins.accept(&users, Some(&header("alice:secret"))).await);
        assert_eq!(checks.load(Ordering::SeqCst), before, "still remembered");
    }

    #[tokio::test]
    async fn what_is_no_login_is_refused_without_a_check() {
        let (logins, checks) = counted();
        let users = users(&["alice"]);
        assert!(!logins.accept(&users, None).await);
        for text in ["", "Basic", "Basic !!!", "Bearer c2VjcmV0", "Basic YWxpY2U="] {
            assert!(!logins.accept(&users, Some(&text.parse().unwrap())).await, "{text}");
        }
        assert!(checks.lock().unwrap().is_empty());
    }

    #[test]
    fn only_bcrypt_hashes_are_taken() {
        let mut users = Users::default();
        for version in ["2a", "2b", "2y"] {
            assert_eq!(users.add("a".into(), hashed("x").replace("2b", version)), Ok(4), "{version}");
        }
        for hash in ["", "secret", "$2y$10$short", "$1$abc$def", &hashed("x").replace("$04$", "$03$")] {
            assert_eq!(users.add("b".into(), hash.into()), Err(NoHash), "{hash}");
        }
    }
}
