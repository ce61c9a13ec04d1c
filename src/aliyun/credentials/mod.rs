//! Who signs: AccessKeys, and the sources they come from.
//!
//! A [`Recipe`] says where credentials are to come from; [`source`] makes of it a [`Source`], which hands out what is
//! good now.
//!
//! | file | does |
//! |---|---|
//! | `recipe` | what to use, as data |
//! | `provider` | fetches once: one file for each of `keys`, `oidc_role`, `assume_role`, `ecs_ram_role`, `uri`, `profile`, `default_chain` |
//! | `refreshing`, `refresh` | keeps what was fetched and fetches again in time; its decisions |
//! | `sts`, `web`, `answer` | whom providers ask, and how answers are read |
//! | `environment` | the SDKs' variables |
//! | `observer` | what a log and statistics are told |
//!
//! Not here: which source an account uses (configuration), and any metric.

pub mod environment;

mod answer;
mod assume_role;
mod default_chain;
mod ecs_ram_role;
mod keys;
mod observer;
mod oidc_role;
mod profile;
mod provider;
mod recipe;
mod refresh;
mod refreshing;
mod static_keys;
mod sts;
mod uri;
mod web;

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;

pub use super::access_key::Credentials;
pub use environment::Environment;
pub use observer::{Event, Observer, Unobserved};
pub use provider::Surroundings;
pub use recipe::{KeyText, Places, Recipe, Role, SESSION_DURATION, SESSION_NAME, StsPlace};
pub use static_keys::StaticSource;
pub use uri::parse as parse_uri;

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

    /// What is known without asking anybody.
    fn describe(&self) -> Description {
        Description { source: self.name(), access_key_id: None, expires: None, failure: None }
    }
}

/// A source as it may be shown.
#[derive(Debug, Clone)]
pub struct Description {
    /// Its [name](Source::name); of the default chain, that of the source that won, once one has.
    pub source: &'static str,
    /// The id it last handed out, by its last four characters.
    pub access_key_id: Option<String>,
    /// When what it last handed out ends, where it does.
    pub expires: Option<Timestamp>,
    /// Why the last attempt to get others failed, if it did.
    pub failure: Option<Error>,
}

/// Makes a source of a recipe. Nothing is read or sent before somebody asks it, and then everything happens in the
/// background of the runtime that the question came from.
///
/// # Errors
///
/// When no client can be set up for where the recipe points to.
pub fn source(
    recipe: &Recipe,
    surroundings: &Surroundings,
    observer: Arc<dyn Observer>,
) -> Result<Arc<dyn Source>, Error> {
    let provider = provider::provider(recipe, surroundings, &observer)?;
    Ok(Arc::new(refreshing::Refreshing::new(provider, observer)))
}

/// Why a source has no credentials. Holds no value of any of them.
#[derive(Debug, Clone)]
pub struct Error {
    from: &'static str,
    message: String,
    not_configured: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// `from` is the [name](Source::name) of the source; the message says what is missing or went wrong.
    pub fn new(from: &'static str, message: impl Into<String>) -> Self {
        Self { from, message: message.into(), not_configured: false, source: None }
    }

    /// Nobody asked for this source: in the default chain that is no mistake.
    pub(super) fn not_configured(from: &'static str, message: impl Into<String>) -> Self {
        Self { not_configured: true, ..Self::new(from, message) }
    }

    /// The name of the source that says so.
    pub fn from(&self) -> &'static str {
        self.from
    }

    /// Whether nobody asked for the source.
    pub fn is_not_configured(&self) -> bool {
        self.not_configured
    }

    /// What is missing or went wrong, without the source's name and without its causes.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Adds what caused it. The cause's own text must be free of secrets.
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// The source's name, what went wrong and its causes: as part of a list.
    pub(super) fn brief(&self) -> String {
        let mut text = format!("{}: {}", self.from, self.message);
        if let Some(cause) = &self.source {
            text.push_str(&format!(": {}", super::error::chain(&**cause)));
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "credentials from {}: {}", self.from, self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}
