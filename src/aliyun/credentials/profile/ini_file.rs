//! `~/.alibabacloud/credentials` and `credentials.ini`: sections of `key = value`.

use std::collections::BTreeMap;

use super::super::super::Secret;
use super::super::{Error, KeyText, Recipe, Role, StsPlace};
use super::Reading;

/// What the section comes to. [Not configured](Error::is_not_configured) when the file doesn't have it.
pub(super) fn recipe(text: &str, reading: Reading<'_>) -> Result<Recipe, Error> {
    let name = reading.profile.unwrap_or("default");
    let Some(keys) = section(text, name) else {
        return Err(Error::not_configured(reading.from, format!("has no section [{name}]")));
    };
    let kind = keys.get("type").copied().unwrap_or_default();
    let optional = |key: &str| keys.get(key).map(|value| (*value).to_owned());
    let needed = |key: &str| {
        optional(key)
            .ok_or_else(|| Error::new(reading.from, format!("section [{name}] of type {kind} needs {key}")))
    };
    let secret = |key| Ok(KeyText::Given(Secret::new(needed(key)?)));
    let access_key = || {
        Ok(Recipe::AccessKey {
            id: secret("access_key_id")?,
            secret: secret("access_key_secret")?,
            token: None,
        })
    };
    let role = || {
        let mut role = Role::new(needed("role_arn")?);
        if let Some(session_name) = optional("role_session_name") {
            role.session_name = session_name;
        }
        role.policy = optional("policy");
        Ok(role)
    };
    let sts = StsPlace::at(reading.places.sts.clone());
    match kind {
        "access_key" => access_key(),
        "ram_role_arn" => Ok(Recipe::AssumeRole { base: Box::new(access_key()?), role: role()?, sts }),
        "ecs_ram_role" => Ok(Recipe::EcsRamRole {
            role_name: optional("role_name"),
            metadata: reading.places.metadata.clone(),
        }),
        "oidc_role_arn" => Ok(Recipe::OidcRole {
            provider_arn: needed("oidc_provider_arn")?,
            token_file: needed("oidc_token_file_path")?.into(),
            role: role()?,
            sts,
        }),
        "" => Err(Error::new(reading.from, format!("section [{name}] has no type"))),
        kind => {
            let message = format!(
                "unsupported type: section [{name}] has type {kind:?}; use access_key, ram_role_arn, ecs_ram_role \
                 or oidc_role_arn"
            );
            Err(Error::new(reading.from, message))
        }
    }
}

/// The keys of a section that have a value. As the SDK for Python does it, a value ends at the first `#`.
fn section<'a>(text: &'a str, name: &str) -> Option<BTreeMap<String, &'a str>> {
    let mut found: Option<BTreeMap<String, &str>> = None;
    let mut inside = false;
    for line in text.trim_start_matches('\u{feff}').lines().map(str::trim) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            inside = header.split(']').next().is_some_and(|header| header.trim() == name);
            if inside {
                found.get_or_insert_default();
            }
        } else if let Some((key, value)) = line.split_once(['=', ':']).filter(|_| inside) {
            let value = value.split('#').next().unwrap_or_default().trim();
            if let Some(keys) = found.as_mut().filter(|_| !value.is_empty()) {
                keys.insert(key.trim().to_ascii_lowercase(), value);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::Places;
    use super::*;

    const SAMPLE: &str = "\
        ; a comment\n[default]  \ntype = access_key # the simplest\naccess_key_id=id\naccess_key_secret : secret\n\n\
        [role]\nTYPE = ram_role_arn\naccess_key_id = id\naccess_key_secret = secret\n\
        role_arn = acs:ram::1:role/r\nrole_session_name = metrics\n\
        [ecs]\ntype = ecs_ram_role\nrole_name =\n\
        [rrsa]\r\ntype = oidc_role_arn\r\nrole_arn = acs:ram::1:role/r\r\n\
        oidc_provider_arn = acs:ram::1:oidc-provider/p\r\noidc_token_file_path = /token\r\n\
        [rsa]\ntype = rsa_key_pair\nprivate_key_file = hunter2\n\
        [half]\ntype = access_key\naccess_key_id = id\n";

    fn read(profile: Option<&str>) -> Result<Recipe, Error> {
        recipe(SAMPLE, Reading { from: "credentials_file", profile, places: &Places::default() })
    }

    #[test]
    fn every_type_that_the_sdks_share_is_understood() {
        let given = |text: &str| KeyText::Given(Secret::new(text));
        let keys = Recipe::AccessKey { id: given("id"), secret: given("secret"), token: None };
        assert_eq!(read(None).unwrap(), keys);
        let mut role = Role::new("acs:ram::1:role/r");
        let rrsa = Recipe::OidcRole {
            provider_arn: "acs:ram::1:oidc-provider/p".into(),
            token_file: "/token".into(),
            role: role.clone(),
            sts: StsPlace::Usual,
        };
        assert_eq!(read(Some("rrsa")).unwrap(), rrsa);
        role.session_name = "metrics".into();
        let assumed = Recipe::AssumeRole { base: Box::new(keys), role, sts: StsPlace::Usual };
        assert_eq!(read(Some("role")).unwrap(), assumed);
        assert_eq!(read(Some("ecs")).unwrap(), Recipe::EcsRamRole { role_name: None, metadata: None });
    }

    #[test]
    fn what_is_missing_or_not_understood_is_named() {
        assert!(read(Some("absent")).unwrap_err().is_not_configured());
        let told = |profile| read(Some(profile)).unwrap_err().to_string();
        assert!(told("half").ends_with("section [half] of type access_key needs access_key_secret"));
        assert!(told("rsa").contains("unsupported type") && !told("rsa").contains("hunter2"));
    }
}
