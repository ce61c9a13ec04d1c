//! Profiles of files that other tools of Alibaba Cloud keep: the CLI's JSON and the SDKs' INI.
//!
//! The files are only ever read, and read again for each fetch: whoever rotates keys rewrites them. What a profile
//! says becomes a [`Recipe`]; how the two formats are read is in [`cli_file`] and [`ini_file`].

mod cli_file;
mod ini_file;

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::environment::{self, Environment};
use super::observer::Observer;
use super::provider::{Fetching, Provider, provider};
use super::{Credentials, Error, Places, Recipe, Surroundings, keys};

const LONGEST_FILE: u64 = 1024 * 1024;

/// One profile, in the first of some files that has it.
pub(super) struct Profiles {
    name: &'static str,
    files: Vec<PathBuf>,
    profile: Option<String>,
    places: Places,
    surroundings: Surroundings,
    observer: Arc<dyn Observer>,
    /// Of the last fetch: a profile that hasn't changed keeps what was set up for it.
    made: Mutex<Option<(Recipe, Arc<dyn Provider>)>>,
}

/// Who reads a profile, and what it must know for that.
#[derive(Debug, Clone, Copy)]
struct Reading<'a> {
    from: &'static str,
    profile: Option<&'a str>,
    places: &'a Places,
}

impl Profiles {
    /// A profile that a configuration asks for, in a file of either kind.
    pub(super) fn configured(
        profile: Option<String>,
        file: Option<PathBuf>,
        places: Places,
        surroundings: Surroundings,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let environment = &surroundings.environment;
        let files = match file {
            Some(file) => vec![file],
            None => [cli_files(environment), ini_files(environment)].concat(),
        };
        Self::new("profile", files, profile, places, surroundings, observer)
    }

    /// The CLI's file, as the default chain looks for it.
    pub(super) fn of_cli(
        places: Places,
        surroundings: Surroundings,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, Error> {
        const NAME: &str = "cli_profile";
        let environment = &surroundings.environment;
        if environment.is_true(environment::CLI_PROFILE_DISABLED) {
            let message = format!("{} is true", environment::CLI_PROFILE_DISABLED);
            return Err(Error::not_configured(NAME, message));
        }
        let files = cli_files(environment);
        Ok(Self::new(NAME, files, None, places, surroundings, observer))
    }

    /// The INI file, as the default chain looks for it.
    pub(super) fn of_credentials_file(
        places: Places,
        surroundings: Surroundings,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let files = ini_files(&surroundings.environment);
        Self::new("credentials_file", files, None, places, surroundings, observer)
    }

    fn new(
        name: &'static str,
        files: Vec<PathBuf>,
        profile: Option<String>,
        places: Places,
        surroundings: Surroundings,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let of_environment = || surroundings.environment.get(environment::PROFILE).map(str::to_owned);
        let profile = profile.or_else(of_environment);
        Self { name, files, profile, places, surroundings, observer, made: Mutex::default() }
    }

    async fn ask(&self) -> Result<Credentials, Error> {
        let recipe = self.read().await?;
        let mut made = self.made.lock().await;
        let provider = match &*made {
            Some((known, provider)) if *known == recipe => Arc::clone(provider),
            _ => {
                let provider = provider(&recipe, &self.surroundings, &self.observer)
                    .map_err(|error| self.beneath(error))?;
                *made = Some((recipe, Arc::clone(&provider)));
                provider
            }
        };
        provider.fetch().await.map_err(|error| self.beneath(error))
    }

    /// What the first file that has the profile says about it.
    async fn read(&self) -> Result<Recipe, Error> {
        let mut absent = Vec::new();
        for path in &self.files {
            let text = match keys::read(path, LONGEST_FILE).await {
                Ok(text) => text,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    absent.push(format!("{} is not there", path.display()));
                    continue;
                }
                Err(error) => {
                    let message = format!("{} cannot be read", path.display());
                    return Err(Error::new(self.name, message).with_source(error));
                }
            };
            let reading = Reading { from: self.name, profile: self.profile.as_deref(), places: &self.places };
            // A JSON document is an object here, and no section of an INI file begins with a brace.
            let is_json = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
            let recipe =
                if is_json { cli_file::recipe(&text, reading) } else { ini_file::recipe(&text, reading) };
            match recipe {
                Ok(recipe) => return Ok(recipe),
                Err(error) if error.is_not_configured() => {
                    absent.push(format!("{} {}", path.display(), error.message()));
                }
                Err(error) => {
                    return Err(Error::new(self.name, format!("{}: {}", path.display(), error.message())));
                }
            }
        }
        let message = match absent.is_empty() {
            true => "there is no home directory to look for files in".to_owned(),
            false => absent.join(", "),
        };
        Err(Error::not_configured(self.name, message))
    }

    fn beneath(&self, error: Error) -> Error {
        Error::new(self.name, "what the profile asks for can't be had").with_source(error)
    }
}

impl Provider for Profiles {
    fn name(&self) -> &'static str {
        self.name
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.ask())
    }
}

fn cli_files(environment: &Environment) -> Vec<PathBuf> {
    let written = environment.get(environment::CONFIG_FILE).map(PathBuf::from);
    written.or_else(|| environment.at_home(".aliyun/config.json")).into_iter().collect()
}

/// The SDK for Go and the one for Python look for different files.
fn ini_files(environment: &Environment) -> Vec<PathBuf> {
    match environment.get(environment::CREDENTIALS_FILE) {
        Some(path) => vec![PathBuf::from(path)],
        None => [".alibabacloud/credentials", ".alibabacloud/credentials.ini"]
            .into_iter()
            .filter_map(|path| environment.at_home(path))
            .collect(),
    }
}
