//! The provider of a profile in a file of another Alibaba Cloud tool: the CLI's JSON, the SDKs'
//! INI.
//!
//! The files are never written, and they are read for each fetch, so a rotated key is noticed. A
//! profile becomes a [`ProviderConfig`]; the two formats are in [`cli_file`] and [`ini_file`].

mod cli_file;
mod ini_file;
mod query;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Mutex;

use self::query::ProfileQuery;
use super::environment::{self, Environment};
use super::error::Error;
use super::provider::{FetchFuture, Provider, ProviderBuilder};
use super::provider_config::{ProviderConfig, ServiceEndpoints};
use super::text_file::read_text_file;
use crate::aliyun::access_key::Credentials;

/// Maximum size of a profile file. A larger file is probably the wrong one.
const MAX_PROFILE_FILE_BYTES: u64 = 1024 * 1024;

/// One profile, from the first of several files that contains it.
pub(super) struct ProfileProvider {
    name: &'static str,
    files: Vec<PathBuf>,
    profile: Option<String>,
    endpoints: ServiceEndpoints,
    builder: ProviderBuilder,
    /// The provider of the last fetch, kept while the profile does not change.
    current: Mutex<Option<(ProviderConfig, Arc<dyn Provider>)>>,
}

impl ProfileProvider {
    /// A configured profile. Without a `file`, the default files of both formats are searched.
    pub(super) fn configured(
        profile: Option<String>,
        file: Option<PathBuf>,
        endpoints: ServiceEndpoints,
        builder: ProviderBuilder,
    ) -> Self {
        let environment = &builder.context.environment;
        let files = match file {
            Some(file) => vec![file],
            None => [cli_files(environment), ini_files(environment)].concat(),
        };
        Self::new("profile", files, profile, endpoints, builder)
    }

    /// The profile in the CLI's file, for the default chain.
    ///
    /// # Errors
    /// "Not configured" when the environment disables the CLI's file.
    pub(super) fn of_cli_file(endpoints: ServiceEndpoints, builder: ProviderBuilder) -> Result<Self, Error> {
        const NAME: &str = "cli_profile";
        let environment = &builder.context.environment;
        if environment.is_true(environment::CLI_PROFILE_DISABLED) {
            let message = format!("{} is true", environment::CLI_PROFILE_DISABLED);
            return Err(Error::not_configured(NAME, message));
        }
        let files = cli_files(environment);
        Ok(Self::new(NAME, files, None, endpoints, builder))
    }

    /// The profile in the INI file, for the default chain.
    pub(super) fn of_credentials_file(endpoints: ServiceEndpoints, builder: ProviderBuilder) -> Self {
        let files = ini_files(&builder.context.environment);
        Self::new("credentials_file", files, None, endpoints, builder)
    }

    fn new(
        name: &'static str,
        files: Vec<PathBuf>,
        profile: Option<String>,
        endpoints: ServiceEndpoints,
        builder: ProviderBuilder,
    ) -> Self {
        let environment_profile = || builder.context.environment.get(environment::PROFILE).map(str::to_owned);
        let profile = profile.or_else(environment_profile);
        Self { name, files, profile, endpoints, builder, current: Mutex::default() }
    }

    async fn fetch_with_profile(&self) -> Result<Credentials, Error> {
        let config = self.read_profile().await?;
        let mut current = self.current.lock().await;
        let provider = match &*current {
            Some((known, provider)) if *known == config => Arc::clone(provider),
            _ => {
                let provider = self.builder.build(&config).map_err(|error| self.wrap(error))?;
                *current = Some((config, Arc::clone(&provider)));
                provider
            }
        };
        provider.fetch().await.map_err(|error| self.wrap(error))
    }

    /// The profile in the first file that contains it.
    async fn read_profile(&self) -> Result<ProviderConfig, Error> {
        let mut missing = Vec::new();
        for path in &self.files {
            match self.read_file(path).await {
                Ok(config) => return Ok(config),
                Err(error) if error.is_not_configured() => missing.push(error.message().to_owned()),
                Err(error) => return Err(error),
            }
        }
        let message = match missing.is_empty() {
            true => "no home directory is set, so there are no files to search".to_owned(),
            false => missing.join(", "),
        };
        Err(Error::not_configured(self.name, message))
    }

    /// The profile in one file; "not configured" when the file or the profile does not exist.
    async fn read_file(&self, path: &Path) -> Result<ProviderConfig, Error> {
        let shown = path.display();
        let text = match read_text_file(path, MAX_PROFILE_FILE_BYTES).await {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::not_configured(self.name, format!("{shown} does not exist")));
            }
            Err(error) => {
                return Err(Error::new(self.name, format!("cannot read {shown}")).with_source(error));
            }
        };
        let query = ProfileQuery {
            profile: self.profile.as_deref(),
            credentials_uri: self.builder.context.environment.get(environment::CREDENTIALS_URI),
            ..ProfileQuery::new(self.name, &self.endpoints)
        };
        // The CLI's document is a JSON object; a section of an INI file never begins with a brace.
        let is_json = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
        let config = if is_json { cli_file::parse(&text, query) } else { ini_file::parse(&text, query) };
        config.map_err(|error| match error.is_not_configured() {
            true => Error::not_configured(self.name, format!("{shown} {}", error.message())),
            false => Error::new(self.name, format!("{shown}: {}", error.message())),
        })
    }

    fn wrap(&self, error: Error) -> Error {
        Error::new(self.name, "cannot obtain the credentials that the profile refers to").with_source(error)
    }
}

impl Provider for ProfileProvider {
    fn name(&self) -> &'static str {
        self.name
    }

    fn fetch(&self) -> FetchFuture<'_> {
        Box::pin(self.fetch_with_profile())
    }
}

fn cli_files(environment: &Environment) -> Vec<PathBuf> {
    let configured = environment.get(environment::CONFIG_FILE).map(PathBuf::from);
    configured.or_else(|| environment.in_home(".aliyun/config.json")).into_iter().collect()
}

/// The SDKs for Go and for Python have different default file names.
fn ini_files(environment: &Environment) -> Vec<PathBuf> {
    match environment.get(environment::CREDENTIALS_FILE) {
        Some(path) => vec![PathBuf::from(path)],
        None => [".alibabacloud/credentials", ".alibabacloud/credentials.ini"]
            .into_iter()
            .filter_map(|path| environment.in_home(path))
            .collect(),
    }
}
