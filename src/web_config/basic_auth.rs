//! Basic authentication: passwords are checked against bcrypt hashes.
//!
//! Checking a hash takes about 70 ms by design, and Prometheus sends its password with every
//! scrape: the results are cached under a keyed hash that does not reveal the password. One
//! password is checked at a time, on a blocking thread, so that an attacker who guesses passwords
//! cannot occupy the workers.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::header::HeaderValue;
use parking_lot::Mutex;
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

/// Cached results of each kind (accepted, rejected); a full set is cleared.
const MAX_CACHED_RESULTS: usize = 256;
/// Characters of salt and digest in a bcrypt hash.
const SALT_AND_DIGEST_CHARACTERS: usize = 53;

/// The users and the hashes of their passwords.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct PasswordHashes {
    by_user: BTreeMap<String, String>,
    /// The hash that passwords of unknown users are checked against. Its cost is the highest of all
    /// hashes, so that the response time does not reveal which users exist.
    decoy: String,
}

/// A text that is not a bcrypt hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a bcrypt hash (generate one with `htpasswd -nBC 10 \"\"`)")]
pub(super) struct InvalidBcryptHash;

impl PasswordHashes {
    /// Adds or replaces a user. Returns the cost of the hash, 4 to 31; each step doubles the time
    /// of a check.
    ///
    /// # Errors
    /// The text is not a bcrypt hash.
    pub(super) fn add(&mut self, user: String, hash: String) -> Result<u32, InvalidBcryptHash> {
        let parts: bcrypt::HashParts = hash.parse().map_err(|_| InvalidBcryptHash)?;
        let cost = parts.get_cost();
        if !(4..=31).contains(&cost) {
            return Err(InvalidBcryptHash);
        }
        self.by_user.insert(user, hash);
        let costs = self.by_user.values().filter_map(|hash| hash.get(4..6)?.parse::<u32>().ok());
        let max_cost = costs.max().unwrap_or(cost);
        // A valid hash of an unknown password: a dot is zero in bcrypt's alphabet.
        self.decoy = format!("$2y${max_cost:02}${}", ".".repeat(SALT_AND_DIGEST_CHARACTERS));
        Ok(cost)
    }

    /// Whether there are no users, so that every request is admitted.
    pub(super) fn is_empty(&self) -> bool {
        self.by_user.is_empty()
    }

    /// The hash to check, and whether the user exists.
    fn hash_of(&self, user: &[u8]) -> (&str, bool) {
        let found = std::str::from_utf8(user).ok().and_then(|user| self.by_user.get(user));
        found.map_or((&self.decoy, false), |hash| (hash, true))
    }
}

/// Checks user names and passwords, and caches the results.
pub(super) struct BasicAuth {
    check: PasswordCheck,
    cache_key: Zeroizing<[u8; 32]>,
    cache: Mutex<AuthCache>,
    /// One permit: one password is checked at a time.
    permit: Arc<Semaphore>,
}

/// Whether a password matches a hash.
type PasswordCheck = Arc<dyn Fn(&[u8], &str) -> bool + Send + Sync>;

/// Two sets, so that rejected guesses cannot displace accepted users.
#[derive(Default)]
struct AuthCache {
    accepted: HashSet<Fingerprint>,
    rejected: HashSet<Fingerprint>,
}

/// A keyed hash of user, stored hash and password.
type Fingerprint = [u8; 32];

impl BasicAuth {
    /// Checks passwords with bcrypt.
    pub(super) fn new() -> Self {
        Self::with_check(|password, hash| bcrypt::verify(password, hash).unwrap_or(false))
    }

    fn with_check(check: impl Fn(&[u8], &str) -> bool + Send + Sync + 'static) -> Self {
        Self {
            check: Arc::new(check),
            cache_key: Zeroizing::new(rand::random()),
            cache: Mutex::default(),
            permit: Arc::new(Semaphore::new(1)),
        }
    }

    /// Whether the header `Authorization` has the name and the password of a user.
    pub(super) async fn accepts(&self, users: &PasswordHashes, authorization: Option<&HeaderValue>) -> bool {
        let Some(credentials) = authorization.and_then(decode) else { return false };
        // The first colon ends the name; the password may contain colons.
        let Some(colon) = credentials.iter().position(|byte| *byte == b':') else { return false };
        let (user, password) = (&credentials[..colon], &credentials[colon + 1..]);
        let (hash, is_known) = users.hash_of(user);
        let fingerprint = self.fingerprint([user, hash.as_bytes(), password]);
        if let Some(result) = self.cached(&fingerprint) {
            return result;
        }
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&self.permit).acquire_owned().await else { return false };
        // The previous holder of the permit may have checked the same password.
        if let Some(result) = self.cached(&fingerprint) {
            return result;
        }
        let (check, hash) = (Arc::clone(&self.check), hash.to_owned());
        let password = Zeroizing::new(password.to_vec());
        let checked = spawn_blocking(move || {
            // Held until the check is done, even if the client disconnects before.
            let _permit = permit;
            check(&password, &hash)
        });
        let result = checked.await.unwrap_or(false) && is_known;
        self.cache(fingerprint, result);
        result
    }

    fn fingerprint(&self, parts: [&[u8]; 3]) -> Fingerprint {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&*self.cache_key).expect("HMAC accepts keys of every length");
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn cached(&self, fingerprint: &Fingerprint) -> Option<bool> {
        let cache = self.cache.lock();
        // The lookup need not take constant time: a keyed hash reveals nothing about the password.
        if cache.accepted.contains(fingerprint) {
            return Some(true);
        }
        cache.rejected.contains(fingerprint).then_some(false)
    }

    fn cache(&self, fingerprint: Fingerprint, result: bool) {
        let mut cache = self.cache.lock();
        let set = if result { &mut cache.accepted } else { &mut cache.rejected };
        if set.len() >= MAX_CACHED_RESULTS {
            set.clear();
        }
        set.insert(fingerprint);
    }
}

/// `name:password` from `Basic bmFtZTpwYXNzd29yZA==`.
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

    fn users(names: &[&str]) -> PasswordHashes {
        let mut users = PasswordHashes::default();
        for name in names {
            users.add((*name).to_owned(), hashed("secret")).unwrap();
        }
        users
    }

    /// The lowest cost that bcrypt has.
    fn hashed(password: &str) -> String {
        bcrypt::hash_with_salt(password, 4, [7; 16]).unwrap().to_string()
    }

    fn header(credentials: &str) -> HeaderValue {
        format!("basic {}", BASE64_STANDARD.encode(credentials)).parse().unwrap()
    }

    /// Authentication that records the hashes that it checks.
    fn recorded() -> (BasicAuth, Arc<Mutex<Vec<String>>>) {
        let checks = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&checks);
        let auth = BasicAuth::with_check(move |password, hash| {
            seen.lock().push(hash.to_owned());
            bcrypt::verify(password, hash).unwrap_or(false)
        });
        (auth, checks)
    }

    #[tokio::test]
    async fn each_password_is_checked_once() {
        let (auth, checks) = recorded();
        let users = users(&["alice"]);
        for _ in 0..3 {
            assert!(auth.accepts(&users, Some(&header("alice:secret"))).await);
            assert!(!auth.accepts(&users, Some(&header("alice:wrong"))).await);
        }
        assert_eq!(checks.lock().len(), 2, "one check for each password");
    }

    #[tokio::test]
    async fn an_unknown_user_costs_the_same_check_and_is_always_rejected() {
        let (auth, checks) = recorded();
        let mut users = users(&["alice"]);
        users.add("costly".to_owned(), hashed("secret").replace("$04$", "$05$")).unwrap();
        assert!(!auth.accepts(&users, Some(&header("mallory:secret"))).await);
        let checked = checks.lock().clone();
        assert_eq!(checked.len(), 1);
        assert!(checked[0].starts_with("$2y$05$"), "the highest cost of all users: {}", checked[0]);
        assert!(bcrypt::verify("x", &checked[0]).is_ok(), "bcrypt computes it");

        let always = BasicAuth::with_check(|_, _| true);
        assert!(
            !always.accepts(&users, Some(&header("mallory:secret"))).await,
            "even if the password matches the decoy"
        );
    }

    #[tokio::test]
    async fn a_changed_password_takes_effect_at_once() {
        let (auth, _) = recorded();
        let mut users = users(&["alice"]);
        assert!(auth.accepts(&users, Some(&header("alice:secret"))).await);
        users.add("alice".to_owned(), hashed("another")).unwrap();
        assert!(!auth.accepts(&users, Some(&header("alice:secret"))).await);
        assert!(auth.accepts(&users, Some(&header("alice:another"))).await);
    }

    #[tokio::test]
    async fn rejected_guesses_use_bounded_memory_and_displace_no_accepted_user() {
        let checks = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&checks);
        let auth = BasicAuth::with_check(move |password, _| {
            seen.fetch_add(1, Ordering::SeqCst);
            password == b"secret"
        });
        let users = users(&["alice"]);
        assert!(auth.accepts(&users, Some(&header("alice:secret"))).await);
        for guess in 0..3 * MAX_CACHED_RESULTS {
            assert!(!auth.accepts(&users, Some(&header(&format!("alice:{guess}")))).await);
        }
        assert!(auth.cache.lock().rejected.len() <= MAX_CACHED_RESULTS);
        let before = checks.load(Ordering::SeqCst);
        assert!(auth.accepts(&users, Some(&header("alice:secret"))).await);
        assert_eq!(checks.load(Ordering::SeqCst), before, "still cached");
    }

    #[tokio::test]
    async fn a_header_without_credentials_is_rejected_without_a_check() {
        let (auth, checks) = recorded();
        let users = users(&["alice"]);
        assert!(!auth.accepts(&users, None).await);
        for text in ["", "Basic", "Basic !!!", "Bearer c2VjcmV0", "Basic YWxpY2U="] {
            assert!(!auth.accepts(&users, Some(&text.parse().unwrap())).await, "{text}");
        }
        assert!(checks.lock().is_empty());
    }

    #[test]
    fn only_bcrypt_hashes_are_accepted() {
        let mut users = PasswordHashes::default();
        for version in ["2a", "2b", "2y"] {
            assert_eq!(users.add("a".into(), hashed("x").replace("2b", version)), Ok(4), "{version}");
        }
        for hash in ["", "secret", "$2y$10$short", "$1$abc$def", &hashed("x").replace("$04$", "$03$")] {
            assert_eq!(users.add("b".into(), hash.into()), Err(InvalidBcryptHash), "{hash}");
        }
    }
}
