//! `~/.aliyun/config.json`, as the Alibaba Cloud CLI writes it. Unknown keys are its own business.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::super::super::Secret;
use super::super::recipe::SESSION_DURATION;
use super::super::{Error, KeyText, Recipe, Role, StsPlace};
use super::Reading;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    current: Option<String>,
    #[serde(default)]
    profiles: Vec<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    #[serde(default)]
    name: String,
    #[serde(default)]
    mode: String,
    #[serde(default)]
    expired_seconds: Option<u64>,
    #[serde(default)]
    enable_vpc: Option<bool>,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

/// What the profile comes to. [Not configured](Error::is_not_configured) when the file doesn't have it.
pub(super) fn recipe(text: &str, reading: Reading<'_>) -> Result<Recipe, Error> {
    let text = text.trim_start_matches('\u{feff}');
    let file: File = serde_json::from_str(text).map_err(|error| {
        // The parser's own words may quote a secret.
        let message = format!("line {} is not what the Alibaba Cloud CLI writes", error.line());
        Error::new(reading.from, message)
    })?;
    let current = || file.current.as_deref().filter(|name| !name.is_empty());
    let Some(name) = reading.profile.or_else(current) else {
        return Err(Error::not_configured(reading.from, "names no current profile"));
    };
    file.recipe(name, reading, &mut Vec::new())
}

impl File {
    /// `on_the_way` are the profiles whose roles are waiting for this one.
    fn recipe<'a>(
        &'a self,
        name: &'a str,
        reading: Reading<'_>,
        on_the_way: &mut Vec<&'a str>,
    ) -> Result<Recipe, Error> {
        let Some(profile) = self.profiles.iter().find(|profile| profile.name == name) else {
            let message = format!("has no profile {name:?}");
            return Err(match on_the_way.last() {
                None => Error::not_configured(reading.from, message),
                Some(waiting) => {
                    Error::new(reading.from, format!("{message}, which {waiting:?} is based on"))
                }
            });
        };
        on_the_way.push(name);
        let needed = |key| {
            profile.text(key).ok_or_else(|| {
                Error::new(reading.from, format!("profile {name:?} of mode {} needs {key}", profile.mode))
            })
        };
        let secret = |key| Ok(KeyText::Given(Secret::new(needed(key)?)));
        let keys = |token| {
            Ok(Recipe::AccessKey {
                id: secret("access_key_id")?,
                secret: secret("access_key_secret")?,
                token,
            })
        };
        let assumed = |base| {
            let role = profile.role(needed("ram_role_arn")?);
            Ok(Recipe::AssumeRole { base: Box::new(base), role, sts: profile.sts(reading) })
        };
        match profile.mode.as_str() {
            "AK" => keys(None),
            "StsToken" => keys(Some(secret("sts_token")?)),
            "RamRoleArn" => {
                let token = profile.text("sts_token").map(|token| KeyText::Given(Secret::new(token)));
                assumed(keys(token)?)
            }
            "EcsRamRole" => Ok(Recipe::EcsRamRole {
                role_name: profile.text("ram_role_name"),
                metadata: reading.places.metadata.clone(),
            }),
            "OIDC" => Ok(Recipe::OidcRole {
                provider_arn: needed("oidc_provider_arn")?,
                token_file: needed("oidc_token_file")?.into(),
                role: profile.role(needed("ram_role_arn")?),
                sts: profile.sts(reading),
            }),
            "ChainableRamRoleArn" => {
                let based_on = profile.text("source_profile");
                let source = self.profiles.iter().find(|other| Some(&other.name) == based_on.as_ref());
                let source = match (source, needed("source_profile")?) {
                    (Some(source), _) => source.name.as_str(),
                    (None, absent) => {
                        let message = format!("has no profile {absent:?}, which {name:?} is based on");
                        return Err(Error::new(reading.from, message));
                    }
                };
                if on_the_way.contains(&source) {
                    let circle = [on_the_way.as_slice(), &[source]].concat().join(" -> ");
                    return Err(Error::new(
                        reading.from,
                        format!("profiles are based on each other: {circle}"),
                    ));
                }
                assumed(self.recipe(source, reading, on_the_way)?)
            }
            "" => Err(Error::new(reading.from, format!("profile {name:?} has no mode"))),
            mode => {
                let message = format!(
                    "unsupported mode: profile {name:?} has mode {mode:?}, which a person or another program must \
                     take part in; use AK, StsToken, RamRoleArn, EcsRamRole, OIDC or ChainableRamRoleArn"
                );
                Err(Error::new(reading.from, message))
            }
        }
    }
}

impl Profile {
    /// A text that isn't empty.
    fn text(&self, key: &str) -> Option<String> {
        self.rest.get(key)?.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn role(&self, arn: String) -> Role {
        let mut role = Role::new(arn);
        // The SDKs for Go and for Python read different keys.
        if let Some(name) = self.text("ram_session_name").or_else(|| self.text("role_session_name")) {
            role.session_name = name;
        }
        role.duration =
            self.expired_seconds.filter(|seconds| *seconds > 0).map_or(SESSION_DURATION, Duration::from_secs);
        role.policy = self.text("policy");
        role.external_id = self.text("external_id").map(Secret::new);
        role
    }

    fn sts(&self, reading: Reading<'_>) -> StsPlace {
        match (&reading.places.sts, self.text("sts_region")) {
            (Some(endpoint), _) => StsPlace::Endpoint(endpoint.clone()),
            (None, Some(region)) => StsPlace::Region { region, vpc: self.enable_vpc.unwrap_or(false) },
            (None, None) => StsPlace::Usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Places;
    use super::*;

    const SAMPLE: &str = include_str!("../../../../tests/data/samples/aliyun_cli_config.json");

    fn read(text: &str, profile: Option<&str>) -> Result<Recipe, Error> {
        recipe(text, Reading { from: "cli_profile", profile, places: &Places::default() })
    }

    fn sample(profile: &str) -> Recipe {
        read(SAMPLE, Some(profile)).unwrap_or_else(|error| panic!("{profile}: {error}"))
    }

    fn given(text: &str) -> KeyText {
        KeyText::Given(Secret::new(text))
    }

    #[test]
    fn every_mode_that_needs_nobody_is_understood() {
        let keys = |id: &str, token: Option<&str>| Recipe::AccessKey {
            id: given(id),
            secret: given("exampleAccessKeySecret"),
            token: token.map(given),
        };
        let mut role = Role::new("acs:ram::1234567890123456:role/exporter");
        role.session_name = "metrics".into();
        let region = StsPlace::Region { region: "cn-shanghai".into(), vpc: false };
        assert_eq!(read(SAMPLE, None).unwrap(), keys("exampleAccessKeyId", None));
        assert_eq!(sample("sts"), keys("STS.exampleAccessKeyId", Some("CAISexample+token/cli==")));
        let base = Box::new(keys("exampleAccessKeyId", None));
        assert_eq!(sample("role"), Recipe::AssumeRole { base, role: role.clone(), sts: region.clone() });
        let ecs = Recipe::EcsRamRole { role_name: Some("exporter-role".into()), metadata: None };
        assert_eq!(sample("ecs"), ecs);
        let Recipe::OidcRole { provider_arn, token_file, role: oidc, sts } = sample("rrsa") else {
            panic!("another recipe");
        };
        assert_eq!((oidc, sts), (role.clone(), region));
        assert_eq!(provider_arn, "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0001");
        assert_eq!(token_file.to_str(), Some("/var/run/secrets/tokens/oidc-token"));
        role.arn = "acs:ram::6543210987654321:role/reader".into();
        let chained = Recipe::AssumeRole { base: Box::new(ecs), role, sts: StsPlace::Usual };
        assert_eq!(sample("chained"), chained);
    }

    #[test]
    fn modes_that_need_somebody_are_named() {
        let error = read(SAMPLE, Some("unsupported")).unwrap_err();
        assert!(!error.is_not_configured());
        assert!(error.to_string().contains("unsupported mode") && error.to_string().contains("CloudSSO"));
    }

    #[test]
    fn another_profile_is_never_taken_instead() {
        assert!(read(SAMPLE, Some("absent")).unwrap_err().is_not_configured());
        assert!(read("{}", None).unwrap_err().is_not_configured());
        assert!(read(r#"{"current":"x","profiles":[]}"#, None).unwrap_err().is_not_configured());
    }

    #[test]
    fn profiles_that_are_based_on_each_other_are_told_as_a_circle() {
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
    fn a_key_that_is_missing_or_empty_is_named() {
        let text = r#"{"current":"a","profiles":[{"name":"a","mode":"AK","access_key_id":"x","access_key_secret":""}]}"#;
        let error = read(text, None).unwrap_err().to_string();
        assert!(error.ends_with("profile \"a\" of mode AK needs access_key_secret"), "{error}");
    }

    #[test]
    fn no_secret_of_a_broken_file_is_repeated() {
        for text in
            [r#"{"profiles":["hunter2"]}"#, r#"{"current":"a" "hunter2"}"#, r#"{"profiles":"hunter2"}"#]
        {
            assert!(!read(text, None).unwrap_err().to_string().contains("hunter2"));
        }
    }
}
