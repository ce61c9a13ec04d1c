//! The sources of the official SDKs, in the SDKs' order. The first that has credentials is kept.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::access_key::AccessKeyProvider;
use super::ecs_ram_role::EcsRamRoleProvider;
use super::environment::{ECS_METADATA, Environment};
use super::error::Error;
use super::observer::ProviderEvent;
use super::oidc_role::OidcRoleProvider;
use super::profile::ProfileProvider;
use super::provider::{FetchFuture, Provider, ProviderBuilder};
use super::provider_config::{ServiceEndpoints, StsEndpoint};
use super::uri::UriProvider;
use crate::aliyun::access_key::Credentials;

/// Sets up one source. The error is ["not configured"](Error::is_not_configured) where nothing
/// configures the source.
type SetUp = fn(&DefaultChain) -> Result<Arc<dyn Provider>, Error>;

/// The sources, in the order in which they are tried.
const SOURCES: [SetUp; 6] = [
    |chain| Ok(Arc::new(AccessKeyProvider::from_environment(chain.environment())?)),
    |chain| {
        let sts = StsEndpoint::from(chain.endpoints.sts.clone());
        chain.builder.build(&OidcRoleProvider::configured_in(chain.environment(), sts)?)
    },
    |chain| Ok(Arc::new(ProfileProvider::of_cli_file(chain.endpoints.clone(), chain.builder.clone())?)),
    |chain| {
        Ok(Arc::new(ProfileProvider::of_credentials_file(chain.endpoints.clone(), chain.builder.clone())))
    },
    |chain| {
        EcsRamRoleProvider::check_enabled(chain.environment())?;
        let metadata = chain.endpoints.metadata.as_ref();
        Ok(Arc::new(EcsRamRoleProvider::new(None, metadata, &chain.builder.context)?))
    },
    |chain| {
        let uri = UriProvider::configured_in(chain.environment())?;
        Ok(Arc::new(UriProvider::new(&uri, &chain.builder.context)?))
    },
];

/// The chain, and the provider that it selected.
pub(super) struct DefaultChain {
    endpoints: ServiceEndpoints,
    builder: ProviderBuilder,
    selected: OnceLock<Arc<dyn Provider>>,
    /// Names of the sources whose errors were reported. Each source is reported once.
    reported: Mutex<BTreeSet<&'static str>>,
}

impl DefaultChain {
    /// The [name](Provider::name) until a provider is selected.
    const NAME: &'static str = "default";

    /// A chain that has not selected a provider yet.
    pub(super) fn new(endpoints: ServiceEndpoints, builder: ProviderBuilder) -> Self {
        Self { endpoints, builder, selected: OnceLock::new(), reported: Mutex::default() }
    }

    fn environment(&self) -> &Environment {
        &self.builder.context.environment
    }

    async fn fetch_from_first(&self) -> Result<Credentials, Error> {
        if let Some(selected) = self.selected.get() {
            return selected.fetch().await;
        }
        let mut reasons = Vec::with_capacity(SOURCES.len());
        for set_up in SOURCES {
            let outcome = match set_up(self) {
                Ok(provider) => provider.fetch().await.map(|credentials| (provider, credentials)),
                Err(error) => Err(error),
            };
            match outcome {
                Ok((provider, credentials)) => {
                    // A concurrent fetch would have selected the same provider.
                    let _ = self.selected.set(provider);
                    return Ok(credentials);
                }
                Err(error) => {
                    self.report(&error);
                    reasons.push(error.summary());
                }
            }
        }
        Err(Error::new(Self::NAME, format!("no source has credentials: {}", reasons.join("; "))))
    }

    /// Reports a source that is configured but fails: the chain continues, and the next source may
    /// have the credentials of another user.
    fn report(&self, error: &Error) {
        // Outside ECS it is normal that the metadata service cannot be reached.
        let expected =
            error.source_name() == EcsRamRoleProvider::NAME && self.environment().get(ECS_METADATA).is_none();
        if error.is_not_configured() || expected {
            return;
        }
        if self.reported.lock().insert(error.source_name()) {
            self.builder.observer.event(ProviderEvent::Skipped { reason: error });
        }
    }
}

impl Provider for DefaultChain {
    fn name(&self) -> &'static str {
        self.selected.get().map_or(Self::NAME, |selected| selected.name())
    }

    fn fetch(&self) -> FetchFuture<'_> {
        Box::pin(self.fetch_from_first())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::aliyun::credentials::build::build_provider;
    use crate::aliyun::credentials::environment;
    use crate::aliyun::credentials::observer::ProviderObserver;
    use crate::aliyun::credentials::provider::ProviderContext;

    #[derive(Default)]
    struct Recorder(Mutex<Vec<String>>);

    impl ProviderObserver for Recorder {
        fn event(&self, event: ProviderEvent<'_>) {
            if let ProviderEvent::Skipped { reason } = event {
                self.0.lock().push(reason.summary());
            }
        }
    }

    /// A chain with a home directory and without a metadata service.
    fn chain(home: &Path, variables: &[(&str, &str)]) -> (DefaultChain, Arc<Recorder>) {
        let home = home.display().to_string();
        let always = [("HOME", home.as_str()), (environment::ECS_METADATA_DISABLED, "true")];
        let variables = always.iter().chain(variables);
        let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let context =
            ProviderContext { environment: Environment::new(variables), ..ProviderContext::default() };
        let recorder = Arc::new(Recorder::default());
        let observer = Arc::clone(&recorder) as Arc<dyn ProviderObserver>;
        let builder = ProviderBuilder { context, observer, build: build_provider };
        (DefaultChain::new(ServiceEndpoints::default(), builder), recorder)
    }

    fn write(home: &Path, path: &str, text: &str) {
        let path = home.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    const CLI: &str = r#"{"current":"a","profiles":[{"name":"a","mode":"AK","access_key_id":"of-cli","access_key_secret":"s"}]}"#;
    const INI: &str = "[default]\ntype=access_key\naccess_key_id=of-ini\naccess_key_secret=s\n";
    const KEYS: [(&str, &str); 2] =
        [(environment::ACCESS_KEY_ID, "of-environment"), (environment::ACCESS_KEY_SECRET, "s")];

    #[tokio::test]
    async fn sources_are_tried_in_the_sdks_order_and_the_first_success_is_kept() {
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
    async fn files_at_both_default_paths_and_at_configured_paths_are_found() {
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
    async fn an_incomplete_source_is_skipped_and_reported_once() {
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
        let reasons = recorder.0.lock().clone();
        assert_eq!(reasons.len(), 3, "{reasons:?}");
        for (reason, parts) in reasons.iter().zip([
            ["environment", "ALIBABA_CLOUD_ACCESS_KEY_SECRET is not"],
            ["oidc_role", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN is not"],
            ["cli_profile", "unsupported mode"],
        ]) {
            assert!(parts.iter().all(|part| reason.contains(part)), "{reason}");
        }
    }

    #[tokio::test]
    async fn without_credentials_the_error_lists_the_reason_of_every_source() {
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
        let positions: Vec<_> =
            names.iter().map(|name| error.find(name).unwrap_or_else(|| panic!("{error}"))).collect();
        assert!(positions.is_sorted(), "{error}");
        assert!(recorder.0.lock().is_empty(), "no source is incomplete");
    }
}
