//! The sources that the official SDKs look through, in their order. The first that has credentials is kept.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::ecs_ram_role::EcsRamRole;
use super::environment::{CREDENTIALS_URI, ECS_METADATA};
use super::keys::Keys;
use super::observer::{Event, Observer};
use super::oidc_role::OidcRole;
use super::profile::Profiles;
use super::provider::{Fetching, Provider, Surroundings, provider};
use super::uri::Uri;
use super::{Credentials, Error, Places, StsPlace};

/// Sets one source up; [not configured](Error::is_not_configured) where the environment doesn't ask for it.
type SetUp = fn(&DefaultChain) -> Result<Arc<dyn Provider>, Error>;

const LINKS: [SetUp; 6] = [
    |chain| Ok(Arc::new(Keys::of(&chain.surroundings.environment)?)),
    |chain| {
        let sts = StsPlace::at(chain.places.sts.clone());
        let recipe = OidcRole::of(&chain.surroundings.environment, sts)?;
        provider(&recipe, &chain.surroundings, &chain.observer)
    },
    |chain| {
        let (places, surroundings) = (chain.places.clone(), chain.surroundings.clone());
        Ok(Arc::new(Profiles::of_cli(places, surroundings, Arc::clone(&chain.observer))?))
    },
    |chain| {
        let (places, surroundings) = (chain.places.clone(), chain.surroundings.clone());
        Ok(Arc::new(Profiles::of_credentials_file(places, surroundings, Arc::clone(&chain.observer))))
    },
    |chain| {
        EcsRamRole::allowed_by(&chain.surroundings.environment)?;
        Ok(Arc::new(EcsRamRole::new(None, chain.places.metadata.as_ref(), &chain.surroundings)?))
    },
    |chain| match chain.surroundings.environment.get(CREDENTIALS_URI) {
        Some(uri) => Ok(Arc::new(Uri::new(uri, &chain.surroundings)?)),
        None => Err(Error::not_configured(Uri::NAME, format!("{CREDENTIALS_URI} is not set"))),
    },
];

/// The chain, and what won it.
pub(super) struct DefaultChain {
    places: Places,
    surroundings: Surroundings,
    observer: Arc<dyn Observer>,
    winner: OnceLock<Arc<dyn Provider>>,
    /// Sources that were complained about: saying it once is enough.
    told: Mutex<BTreeSet<&'static str>>,
}

impl DefaultChain {
    /// The [name](Provider::name) until a source has won.
    pub(super) const NAME: &'static str = "default";

    pub(super) fn new(places: Places, surroundings: Surroundings, observer: Arc<dyn Observer>) -> Self {
        Self { places, surroundings, observer, winner: OnceLock::new(), told: Mutex::default() }
    }

    async fn ask(&self) -> Result<Credentials, Error> {
        if let Some(winner) = self.winner.get() {
            return winner.fetch().await;
        }
        let mut reasons = Vec::with_capacity(LINKS.len());
        for set_up in LINKS {
            let outcome = match set_up(self) {
                Ok(provider) => provider.fetch().await.map(|credentials| (provider, credentials)),
                Err(error) => Err(error),
            };
            match outcome {
                Ok((provider, credentials)) => {
                    // Two fetches at once would have found the same.
                    let _ = self.winner.set(provider);
                    return Ok(credentials);
                }
                Err(error) => {
                    self.complain(&error);
                    reasons.push(error.brief());
                }
            }
        }
        Err(Error::new(Self::NAME, format!("no source has any: {}", reasons.join("; "))))
    }

    /// What is there and can't be used is told, since the next source may be the wrong one.
    fn complain(&self, error: &Error) {
        // Everywhere but on ECS that is as it should be.
        let expected =
            error.from() == EcsRamRole::NAME && self.surroundings.environment.get(ECS_METADATA).is_none();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if !error.is_not_configured() && !expected && told.insert(error.from()) {
            self.observer.event(Event::Skipped { reason: error });
        }
    }
}

impl Provider for DefaultChain {
    fn name(&self) -> &'static str {
        self.winner.get().map_or(Self::NAME, |winner| winner.name())
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.ask())
    }
}

#[cfg(test)]
mod tests {
    use super::super::environment::{self, Environment};
    use super::*;

    #[derive(Default)]
    struct Recorder(Mutex<Vec<String>>);

    impl Observer for Recorder {
        fn event(&self, event: Event<'_>) {
            if let Event::Skipped { reason } = event {
                self.0.lock().unwrap().push(reason.brief());
            }
        }
    }

    /// A chain in a home of its own, without a metadata service.
    fn chain(home: &std::path::Path, variables: &[(&str, &str)]) -> (DefaultChain, Arc<Recorder>) {
        let home = home.display().to_string();
        let always = [("HOME", home.as_str()), (environment::ECS_METADATA_DISABLED, "true")];
        let variables = always.iter().chain(variables);
        let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let surroundings =
            Surroundings { environment: Environment::new(variables), ..Surroundings::default() };
        let recorder = Arc::new(Recorder::default());
        (DefaultChain::new(Places::default(), surroundings, Arc::clone(&recorder) as _), recorder)
    }

    fn write(home: &std::path::Path, path: &str, text: &str) {
        let path = home.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    const CLI: &str = r#"{"current":"a","profiles":[{"name":"a","mode":"AK","access_key_id":"of-cli","access_key_secret":"s"}]}"#;
    const INI: &str = "[default]\ntype=access_key\naccess_key_id=of-ini\naccess_key_secret=s\n";
    const KEYS: [(&str, &str); 2] =
        [(environment::ACCESS_KEY_ID, "of-environment"), (environment::ACCESS_KEY_SECRET, "s")];

    #[tokio::test]
    async fn sources_come_in_the_sdks_order_and_the_winner_is_kept() {
        let home = tempfile::tempdir().unwrap();
        write(home.path(), ".alibabacloud/credentials.ini", INI);
        let (of_ini, _) = chain(home.path(), &[]);
        assert_eq!(of_ini.name(), "default");
        assert_eq!(of_ini.fetch().await.unwrap().access_key_id, "of-ini");
        assert_eq!(of_ini.name(), "credentials_file");

        write(home.path(), ".aliyun/config.json", CLI);
        let (of_cli, _) = chain(home.path(), &[]);
        assert_eq!(of_cli.fetch().await.unwrap().access_key_id, "of-cli");
        assert_eq!(of_cli.name(), "cli_profile");
        let disabled = [(environment::CLI_PROFILE_DISABLED, "true")];
        assert_eq!(chain(home.path(), &disabled).0.fetch().await.unwrap().access_key_id, "of-ini");
        assert_eq!(chain(home.path(), &KEYS).0.fetch().await.unwrap().access_key_id, "of-environment");
        assert_eq!(of_ini.fetch().await.unwrap().access_key_id, "of-ini");
    }

    #[tokio::test]
    async fn both_paths_of_the_ini_file_and_those_of_the_environment_are_looked_at() {
        let home = tempfile::tempdir().unwrap();
        write(home.path(), ".alibabacloud/credentials", "[other]\ntype = ecs_ram_role\n");
        write(home.path(), ".alibabacloud/credentials.ini", INI);
        assert_eq!(chain(home.path(), &[]).0.fetch().await.unwrap().access_key_id, "of-ini");
        write(home.path(), "elsewhere", &INI.replace("of-ini", "of-elsewhere"));
        let path = home.path().join("elsewhere").display().to_string();
        let elsewhere = [(environment::CREDENTIALS_FILE, path.as_str())];
        assert_eq!(chain(home.path(), &elsewhere).0.fetch().await.unwrap().access_key_id, "of-elsewhere");
        write(home.path(), "cli", CLI);
        let path = home.path().join("cli").display().to_string();
        let elsewhere = [(environment::CONFIG_FILE, path.as_str())];
        assert_eq!(chain(home.path(), &elsewhere).0.fetch().await.unwrap().access_key_id, "of-cli");
    }

    #[tokio::test]
    async fn what_is_half_there_is_skipped_with_one_word_about_it() {
        let home = tempfile::tempdir().unwrap();
        write(home.path(), ".aliyun/config.json", &CLI.replace("\"AK\"", "\"CloudSSO\""));
        write(home.path(), ".alibabacloud/credentials", INI);
        let variables = [
            (environment::ACCESS_KEY_ID, "half"),
            (environment::ROLE_ARN, "acs:ram::1:role/r"),
            (environment::OIDC_TOKEN_FILE, "/token"),
        ];
        let (chain, recorder) = chain(home.path(), &variables);
        assert_eq!(chain.fetch().await.unwrap().access_key_id, "of-ini");
        let told = recorder.0.lock().unwrap().clone();
        assert_eq!(told.len(), 3, "{told:?}");
        for (reason, parts) in told.iter().zip([
            ["environment", "ALIBABA_CLOUD_ACCESS_KEY_SECRET is not"],
            ["oidc_role", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN is not"],
            ["cli_profile", "unsupported mode"],
        ]) {
            assert!(parts.iter().all(|part| reason.contains(part)), "{reason}");
        }
    }

    #[tokio::test]
    async fn without_any_every_source_says_why() {
        let home = tempfile::tempdir().unwrap();
        let (chain, recorder) = chain(home.path(), &[]);
        let error = chain.fetch().await.unwrap_err().to_string();
        let names = [
            "environment: ",
            "oidc_role: ",
            "cli_profile: ",
            "credentials_file: ",
            "ecs_ram_role: ",
            "uri: ",
        ];
        let places: Vec<_> =
            names.iter().map(|name| error.find(name).unwrap_or_else(|| panic!("{error}"))).collect();
        assert!(places.is_sorted(), "{error}");
        assert!(recorder.0.lock().unwrap().is_empty(), "nothing is half there");
    }
}
