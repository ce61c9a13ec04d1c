//! `~/.aliyun/config.json`, as the Alibaba Cloud CLI writes it. Unknown keys are ignored.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::query::ProfileQuery;
use crate::aliyun::credentials::credentials_uri::CredentialsUri;
use crate::aliyun::credentials::environment::CREDENTIALS_URI;
use crate::aliyun::credentials::error::Error;
use crate::aliyun::credentials::provider_config::{
    AssumedRole, DEFAULT_SESSION_DURATION, KeySource, ProviderConfig, StsEndpoint,
};
use crate::aliyun::secret::Secret;

#[derive(Deserialize)]
struct CliFile {
    #[serde(default)]
    current: Option<String>,
    #[serde(default)]
    profiles: Vec<CliProfile>,
}

#[derive(Deserialize)]
struct CliProfile {
    #[serde(default)]
    name: String,
    #[serde(default)]
    mode: String,
    #[serde(default)]
    expired_seconds: Option<u64>,
    #[serde(default)]
    enable_vpc: Option<bool>,
    /// All other keys. The mode decides which of them are used.
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

/// Parses the profile that `query` names, or the current one.
///
/// # Errors
/// "Not configured" when the file does not contain the profile. Other errors name what is invalid.
pub(super) fn parse(text: &str, query: ProfileQuery<'_>) -> Result<ProviderConfig, Error> {
    let text = text.trim_start_matches('\u{feff}');
    let file: CliFile = serde_json::from_str(text).map_err(|error| {
        // The message has only the line, because the parser's message may quote a secret.
        query.error(format!("line {} is not in the format of the Alibaba Cloud CLI", error.line()))
    })?;
    let current = || file.current.as_deref().filter(|name| !name.is_empty());
    let name =
        query.profile.or_else(current).ok_or_else(|| query.not_configured("has no current profile"))?;
    let profile = file.find(name).ok_or_else(|| query.not_configured(format!("has no profile {name:?}")))?;
    file.provider_config(profile, query, &mut Vec::new())
}

impl CliFile {
    fn find(&self, name: &str) -> Option<&CliProfile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }

    /// The configuration of `profile`. `dependents` are the profiles that are based on it, the
    /// outermost first.
    fn provider_config<'a>(
        &'a self,
        profile: &'a CliProfile,
        query: ProfileQuery<'_>,
        dependents: &mut Vec<&'a str>,
    ) -> Result<ProviderConfig, Error> {
        match profile.mode.as_str() {
            "AK" => profile.access_key(query, None),
            "StsToken" => profile.access_key(query, Some(profile.required(query, "sts_token")?)),
            "RamRoleArn" => {
                let base = profile.access_key(query, profile.text("sts_token"))?;
                profile.assume_role(query, base)
            }
            "EcsRamRole" => Ok(ProviderConfig::EcsRamRole {
                role_name: profile.text("ram_role_name"),
                metadata: query.endpoints.metadata.clone(),
            }),
            "OIDC" => Ok(ProviderConfig::OidcRole {
                provider_arn: profile.required(query, "oidc_provider_arn")?,
                token_file: profile.required(query, "oidc_token_file")?.into(),
                role: profile.role(profile.required(query, "ram_role_arn")?),
                sts: profile.sts(query),
            }),
            "ChainableRamRoleArn" => {
                let source = self.source_profile(profile, query, dependents)?;
                let base = self.provider_config(source, query, dependents)?;
                profile.assume_role(query, base)
            }
            "CredentialsURI" => profile.credentials_uri(query),
            "" => Err(query.error(format!("profile {:?} has no mode", profile.name))),
            mode => Err(query.error(format!(
                "unsupported mode: profile {:?} has mode {mode:?}, which {}; use AK, StsToken, RamRoleArn, \
                 EcsRamRole, OIDC, ChainableRamRoleArn or CredentialsURI",
                profile.name,
                reason_against(mode)
            ))),
        }
    }

    /// The profile whose credentials assume the role of `profile`.
    fn source_profile<'a>(
        &'a self,
        profile: &'a CliProfile,
        query: ProfileQuery<'_>,
        dependents: &mut Vec<&'a str>,
    ) -> Result<&'a CliProfile, Error> {
        dependents.push(&profile.name);
        let name = profile.required(query, "source_profile")?;
        let source = self.find(&name).ok_or_else(|| {
            query.error(format!("has no profile {name:?}, which {:?} is based on", profile.name))
        })?;
        if dependents.contains(&source.name.as_str()) {
            let circle = [dependents.as_slice(), &[&source.name]].concat().join(" -> ");
            return Err(query.error(format!("profiles are based on each other: {circle}")));
        }
        Ok(source)
    }
}

impl CliProfile {
    /// The text of a key, trimmed; `None` when it is missing or empty.
    fn text(&self, key: &str) -> Option<String> {
        self.rest.get(key)?.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn required(&self, query: ProfileQuery<'_>, key: &str) -> Result<String, Error> {
        self.text(key)
            .ok_or_else(|| query.error(format!("profile {:?} of mode {} needs {key}", self.name, self.mode)))
    }

    fn access_key(&self, query: ProfileQuery<'_>, token: Option<String>) -> Result<ProviderConfig, Error> {
        let value = |text: String| KeySource::Value(Secret::new(text));
        Ok(ProviderConfig::AccessKey {
            id: value(self.required(query, "access_key_id")?),
            secret: value(self.required(query, "access_key_secret")?),
            security_token: token.map(value),
        })
    }

    /// The URL in the profile or, as in the CLI, in the environment.
    fn credentials_uri(&self, query: ProfileQuery<'_>) -> Result<ProviderConfig, Error> {
        let text = match self.text("credentials_uri") {
            Some(text) => text,
            None => query.credentials_uri.map(str::to_owned).ok_or_else(|| {
                query.error(format!(
                    "profile {:?} of mode {} needs credentials_uri, or the environment variable {CREDENTIALS_URI}",
                    self.name, self.mode
                ))
            })?,
        };
        // The error does not quote the URL, because its query may be a secret.
        CredentialsUri::parse(&text).map(ProviderConfig::Uri).ok_or_else(|| {
            query.error(format!("the credentials URI of profile {:?} is not an http or https URL", self.name))
        })
    }

    fn assume_role(&self, query: ProfileQuery<'_>, base: ProviderConfig) -> Result<ProviderConfig, Error> {
        let role = self.role(self.required(query, "ram_role_arn")?);
        Ok(ProviderConfig::AssumeRole { base: Box::new(base), role, sts: self.sts(query) })
    }

    fn role(&self, arn: String) -> AssumedRole {
        let mut role = AssumedRole::new(arn);
        // The SDKs for Go and for Python read different keys.
        if let Some(name) = self.text("ram_session_name").or_else(|| self.text("role_session_name")) {
            role.session_name = name;
        }
        role.duration = self
            .expired_seconds
            .filter(|seconds| *seconds > 0)
            .map_or(DEFAULT_SESSION_DURATION, Duration::from_secs);
        role.policy = self.text("policy");
        role.external_id = self.text("external_id").map(Secret::new);
        role
    }

    fn sts(&self, query: ProfileQuery<'_>) -> StsEndpoint {
        match (&query.endpoints.sts, self.text("sts_region")) {
            (Some(endpoint), _) => StsEndpoint::Explicit(endpoint.clone()),
            (None, Some(region)) => StsEndpoint::Region { region, vpc: self.enable_vpc.unwrap_or(false) },
            (None, None) => StsEndpoint::Environment,
        }
    }
}

/// Why a mode cannot be used.
fn reason_against(mode: &str) -> &'static str {
    match mode {
        // The tokens that a person obtained expire, and only a person can obtain new ones.
        "CloudSSO" | "OAuth" => "needs a person who signs in with a browser",
        "External" => "runs another program, which the exporter does not do",
        _ => "the exporter does not support",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aliyun::credentials::provider_config::ServiceEndpoints;

    const SAMPLE: &str = include_str!("../../../../tests/data/samples/aliyun_cli_config.json");

    fn read(text: &str, profile: Option<&str>) -> Result<ProviderConfig, Error> {
        let endpoints = ServiceEndpoints::default();
        let query = ProfileQuery { profile, ..ProfileQuery::new("cli_profile", &endpoints) };
        parse(text, query)
    }

    fn sample(profile: &str) -> ProviderConfig {
        read(SAMPLE, Some(profile)).unwrap_or_else(|error| panic!("{profile}: {error}"))
    }

    fn given(text: &str) -> KeySource {
        KeySource::Value(Secret::new(text))
    }

    #[test]
    fn every_mode_without_user_interaction_is_supported() {
        let keys = |id: &str, token: Option<&str>| ProviderConfig::AccessKey {
            id: given(id),
            secret: given("exampleAccessKeySecret"),
            security_token: token.map(given),
        };
        let mut role = AssumedRole::new("acs:ram::1234567890123456:role/exporter");
        role.session_name = "metrics".into();
        let region = StsEndpoint::Region { region: "cn-shanghai".into(), vpc: false };
        assert_eq!(read(SAMPLE, None).unwrap(), keys("exampleAccessKeyId", None));
        assert_eq!(sample("sts"), keys("STS.exampleAccessKeyId", Some("CAISexample+token/cli==")));
        let base = Box::new(keys("exampleAccessKeyId", None));
        assert_eq!(
            sample("role"),
            ProviderConfig::AssumeRole { base, role: role.clone(), sts: region.clone() }
        );
        let ecs = ProviderConfig::EcsRamRole { role_name: Some("exporter-role".into()), metadata: None };
        assert_eq!(sample("ecs"), ecs);
        let ProviderConfig::OidcRole { provider_arn, token_file, role: oidc, sts } = sample("rrsa") else {
            panic!("not an OIDC role");
        };
        assert_eq!((oidc, sts), (role.clone(), region));
        assert_eq!(provider_arn, "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0001");
        assert_eq!(token_file.to_str(), Some("/var/run/secrets/tokens/oidc-token"));
        role.arn = "acs:ram::6543210987654321:role/reader".into();
        let chained = ProviderConfig::AssumeRole { base: Box::new(ecs), role, sts: StsEndpoint::Environment };
        assert_eq!(sample("chained"), chained);
    }

    /// A file whose only profile has this mode and these other keys.
    fn with_mode(mode: &str, more: &str) -> String {
        format!(r#"{{"current":"a","profiles":[{{"name":"a","mode":"{mode}"{more}}}]}}"#)
    }

    #[test]
    fn an_error_distinguishes_modes_that_need_a_person_from_other_unsupported_modes() {
        assert!(!read(SAMPLE, Some("unsupported")).unwrap_err().is_not_configured());
        for (mode, reason) in [
            ("CloudSSO", "needs a person who signs in"),
            ("OAuth", "needs a person who signs in"),
            ("External", "runs another program"),
            ("RsaKeyPair", "the exporter does not support"),
        ] {
            let error = read(&with_mode(mode, ""), None).unwrap_err().to_string();
            let expected = format!("unsupported mode: profile \"a\" has mode \"{mode}\", which {reason}");
            assert!(error.contains(&expected), "{error}");
        }
    }

    #[test]
    fn a_credentials_uri_comes_from_the_profile_or_the_environment() {
        let uri = |text| ProviderConfig::Uri(CredentialsUri::parse(text).unwrap());
        let own = with_mode("CredentialsURI", r#","credentials_uri":"http://localhost:1/a?key=hunter2""#);
        let endpoints = ServiceEndpoints::default();
        let query = ProfileQuery {
            credentials_uri: Some("localhost:2"),
            ..ProfileQuery::new("cli_profile", &endpoints)
        };
        assert_eq!(parse(&own, query).unwrap(), uri("http://localhost:1/a?key=hunter2"));
        let without = with_mode("CredentialsURI", "");
        assert_eq!(parse(&without, query).unwrap(), uri("localhost:2"));
        let error = read(&without, None).unwrap_err().to_string();
        assert!(error.contains("needs credentials_uri") && error.contains(CREDENTIALS_URI), "{error}");
        let invalid = with_mode("CredentialsURI", r#","credentials_uri":"ftp://hunter2""#);
        let error = read(&invalid, None).unwrap_err().to_string();
        assert!(error.ends_with("is not an http or https URL") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_missing_profile_is_never_replaced_by_another() {
        assert!(read(SAMPLE, Some("absent")).unwrap_err().is_not_configured());
        assert!(read("{}", None).unwrap_err().is_not_configured());
        assert!(read(r#"{"current":"x","profiles":[]}"#, None).unwrap_err().is_not_configured());
    }

    #[test]
    fn an_error_lists_profiles_that_are_based_on_each_other() {
        let profile = |name, source| {
            serde_json::json!({"name": name, "mode": "ChainableRamRoleArn", "source_profile": source,
                               "ram_role_arn": "acs:ram::1:role/r"})
        };
        let text = serde_json::json!({"current": "a", "profiles":
            [profile("a", "b"), profile("b", "c"), profile("c", "b")]})
        .to_string();
        let error = read(&text, None).unwrap_err().to_string();
        assert!(error.ends_with("based on each other: a -> b -> c -> b"), "{error}");
        let text = serde_json::json!({"current": "a", "profiles": [profile("a", "gone")]}).to_string();
        let error = read(&text, None).unwrap_err();
        assert!(error.to_string().ends_with("has no profile \"gone\", which \"a\" is based on"), "{error}");
        assert!(!error.is_not_configured());
    }

    #[test]
    fn an_error_names_a_missing_or_empty_key() {
        let text = r#"{"current":"a","profiles":[{"name":"a","mode":"AK","access_key_id":"x","access_key_secret":""}]}"#;
        let error = read(text, None).unwrap_err().to_string();
        assert!(error.ends_with("profile \"a\" of mode AK needs access_key_secret"), "{error}");
    }

    #[test]
    fn an_error_contains_no_secret_of_an_invalid_file() {
        for text in
            [r#"{"profiles":["hunter2"]}"#, r#"{"current":"a" "hunter2"}"#, r#"{"profiles":"hunter2"}"#]
        {
            assert!(!read(text, None).unwrap_err().to_string().contains("hunter2"));
        }
    }
}
