//! Who signs: AccessKeys, and the sources they come from.
//!
//! One file a source. A source hands out credentials that are good now; refreshing ahead of expiry,
//! if a source can, is its own business.

pub mod environment;
mod static_keys;

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;

use super::Secret;

pub use static_keys::StaticSource;

/// An AccessKey, with a token when it is a temporary one.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `LTAI...` for a long-lived key, `STS....` for a temporary one. Shown by its last four characters only.
    pub access_key_id: String,
    /// The key of the signature.
    pub access_key_secret: Secret,
    /// Must go with every request when the credentials are temporary.
    pub security_token: Option<Secret>,
    /// When the service stops accepting them; `None` where the source doesn't know of an end.
    pub expires: Option<Timestamp>,
}

impl Credentials {
    /// Credentials of no known end.
    pub fn new(
        access_key_id: impl Into<String>,
        access_key_secret: Secret,
        security_token: Option<Secret>,
    ) -> Self {
        Self { access_key_id: access_key_id.into(), access_key_secret, security_token, expires: None }
    }

    /// The id as it may be shown: its last four characters, after an ellipsis.
    pub fn shown_id(&self) -> String {
        last_four(&self.access_key_id)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("access_key_id", &self.shown_id())
            .field("security_token", &self.security_token)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// What a source is going to say.
pub type Pending<'a> = Pin<Box<dyn Future<Output = Result<Arc<Credentials>, Error>> + Send + 'a>>;

/// Where credentials come from.
pub trait Source: Send + Sync {
    /// The source's name for logs and metrics, e.g. `environment`.
    fn name(&self) -> &'static str;

    /// Credentials that are good now. Called for every attempt: a source keeps what it has fetched.
    fn current(&self) -> Pending<'_>;

    /// The service said that these are expired or unknown: whatever can get others should do so when next
    /// asked, whatever the clock says. Told by every request that meets it: a source compares the credentials
    /// with those it has, since they may have been replaced already.
    fn refused(&self, credentials: &Credentials);
}

/// Why a source has no credentials. Holds no value of any of them.
#[derive(Debug, Clone, thiserror::Error)]
#[error("credentials from {from}: {message}")]
pub struct Error {
    from: &'static str,
    message: String,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// `from` is the [name](Source::name) of the source; the message says what is missing or went wrong.
    pub fn new(from: &'static str, message: impl Into<String>) -> Self {
        Self { from, message: message.into(), source: None }
    }

    /// Adds what caused it. The cause's own text must be free of secrets.
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }
}

/// The sources that the official SDKs look through, as far as they are known here, in their order. The first
/// that has credentials is taken and kept. `lookup` reads a variable of the environment.
pub fn default_chain(lookup: impl Fn(&str) -> Option<String>) -> Result<Arc<dyn Source>, Error> {
    match environment::read(lookup)? {
        Some(credentials) => Ok(Arc::new(StaticSource::named(environment::NAME, credentials))),
        None => Err(Error::new(
            "the default chain",
            format!("none found: set {} and {}", environment::ACCESS_KEY_ID, environment::ACCESS_KEY_SECRET),
        )),
    }
}

/// An AccessKey id as it may be shown. Of one too short to be real nothing is shown.
pub(super) fn last_four(id: &str) -> String {
    let shown = match id.char_indices().rev().nth(3) {
        Some((start, _)) if start >= 4 => &id[start..],
        _ => "",
    };
    format!("…{shown}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_show_no_more_than_the_end_of_their_id() {
        let credentials =
            Credentials::new("LTAI5tExampleAbCd", Secret::new("hunter2"), Some(Secret::new("CAIS-token")));
        let shown = format!("{credentials:?} {credentials:#?}");
        assert!(shown.contains("…AbCd"), "{shown}");
        for hidden in ["LTAI", "hunter2", "CAIS"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }

    #[test]
    fn an_id_too_short_to_be_real_is_not_shown_at_all() {
        for (id, shown) in [
            ("", "…"),
            ("abcd", "…"),
            ("abcdefg", "…"),
            ("abcdefgh", "…efgh"),
            ("键键键键键键键键", "…键键键键"),
        ] {
            assert_eq!(last_four(id), shown, "{id}");
        }
    }

    #[test]
    fn without_keys_the_chain_says_which_variables_it_looked_for() {
        let error = default_chain(|_| None).err().unwrap();
        assert_eq!(
            error.to_string(),
            "credentials from the default chain: none found: set ALIBABA_CLOUD_ACCESS_KEY_ID and \
             ALIBABA_CLOUD_ACCESS_KEY_SECRET"
        );
    }

    #[tokio::test]
    async fn keys_in_the_environment_win_the_chain() {
        let source = default_chain(|name| Some(format!("value of {name}"))).unwrap();
        assert_eq!(source.name(), "environment");
        let credentials = source.current().await.unwrap();
        assert_eq!(credentials.access_key_id, "value of ALIBABA_CLOUD_ACCESS_KEY_ID");
        assert!(credentials.security_token.is_some());
    }
}
