//! `~/.alibabacloud/credentials` and `credentials.ini`: sections of `key = value`.

use std::collections::BTreeMap;

use super::query::ProfileQuery;
use crate::aliyun::credentials::error::Error;
use crate::aliyun::credentials::provider_config::{AssumedRole, KeySource, ProviderConfig, StsEndpoint};
use crate::aliyun::secret::Secret;

/// One section, with those of its keys that have a value.
struct IniSection<'a> {
    name: &'a str,
    /// By lower-case name.
    keys: BTreeMap<String, &'a str>,
    query: ProfileQuery<'a>,
}

/// Parses the section that `query` names, or `[default]`.
///
/// # Errors
/// "Not configured" when the file does not contain the section, or disables it. Other errors name
/// what is invalid.
pub(super) fn parse(text: &str, query: ProfileQuery<'_>) -> Result<ProviderConfig, Error> {
    let name = query.profile.unwrap_or("default");
    let Some(keys) = section_keys(text, name) else {
        return Err(query.not_configured(format!("has no section [{name}]")));
    };
    let section = IniSection { name, keys, query };
    match section.is_disabled() {
        true => Err(query.not_configured(format!("disables section [{name}] by enable = false"))),
        false => section.provider_config(),
    }
}

impl IniSection<'_> {
    fn provider_config(&self) -> Result<ProviderConfig, Error> {
        let endpoints = self.query.endpoints;
        let sts = StsEndpoint::from(endpoints.sts.clone());
        match self.kind() {
            "access_key" => self.access_key(None),
            "sts" => self.access_key(Some(self.required("security_token")?)),
            "ram_role_arn" => {
                let base = Box::new(self.access_key(self.text("security_token"))?);
                Ok(ProviderConfig::AssumeRole { base, role: self.role()?, sts })
            }
            "ecs_ram_role" => Ok(ProviderConfig::EcsRamRole {
                role_name: self.text("role_name"),
                metadata: endpoints.metadata.clone(),
            }),
            "oidc_role_arn" => Ok(ProviderConfig::OidcRole {
                provider_arn: self.required("oidc_provider_arn")?,
                token_file: self.required("oidc_token_file_path")?.into(),
                role: self.role()?,
                sts,
            }),
            "" => Err(self.query.error(format!("section [{}] has no type", self.name))),
            kind => Err(self.query.error(format!(
                "unsupported type: section [{}] has type {kind:?}; use access_key, sts, ram_role_arn, \
                 ecs_ram_role or oidc_role_arn",
                self.name
            ))),
        }
    }

    /// Whether the section has `enable = false`, which the SDKs for Java and PHP read.
    fn is_disabled(&self) -> bool {
        self.keys.get("enable").is_some_and(|value| value.eq_ignore_ascii_case("false"))
    }

    fn kind(&self) -> &str {
        self.keys.get("type").copied().unwrap_or_default()
    }

    fn text(&self, key: &str) -> Option<String> {
        self.keys.get(key).map(|value| (*value).to_owned())
    }

    fn required(&self, key: &str) -> Result<String, Error> {
        self.text(key).ok_or_else(|| {
            self.query.error(format!("section [{}] of type {} needs {key}", self.name, self.kind()))
        })
    }

    fn access_key(&self, token: Option<String>) -> Result<ProviderConfig, Error> {
        let value = |text: String| KeySource::Value(Secret::new(text));
        Ok(ProviderConfig::AccessKey {
            id: value(self.required("access_key_id")?),
            secret: value(self.required("access_key_secret")?),
            security_token: token.map(value),
        })
    }

    fn role(&self) -> Result<AssumedRole, Error> {
        let mut role = AssumedRole::new(self.required("role_arn")?);
        if let Some(session_name) = self.text("role_session_name") {
            role.session_name = session_name;
        }
        role.policy = self.text("policy");
        Ok(role)
    }
}

/// The keys of a section that have a value, by lower-case name; `None` without the section.
fn section_keys<'a>(text: &'a str, name: &str) -> Option<BTreeMap<String, &'a str>> {
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
            let value = unquoted(value.trim());
            if let Some(keys) = found.as_mut().filter(|_| !value.is_empty()) {
                keys.insert(key.trim().to_ascii_lowercase(), value);
            }
        }
    }
    found
}

/// The value without the quotes around it, and without a comment after it.
fn unquoted(text: &str) -> &str {
    let quoted = ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.split_once(quote));
    match quoted {
        Some((value, rest)) if without_comment(rest).is_empty() => value.trim(),
        _ => without_comment(text),
    }
}

/// The text before a comment. A comment begins at `#`, as in the SDK for Python, or at a `;` with a
/// blank before it, as in the SDK for Go.
fn without_comment(text: &str) -> &str {
    let starts_comment = |(at, character): &(usize, char)| match character {
        '#' => true,
        ';' => text[..*at].chars().next_back().is_none_or(char::is_whitespace),
        _ => false,
    };
    let end = text.char_indices().find(starts_comment).map_or(text.len(), |(at, _)| at);
    text[..end].trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aliyun::credentials::provider_config::ServiceEndpoints;

    const SAMPLE: &str = "\
        ; a comment\n[default]  \ntype = access_key # the simplest\naccess_key_id=id\naccess_key_secret : secret\n\n\
        [role]\nTYPE = ram_role_arn\naccess_key_id = id\naccess_key_secret = secret\n\
        role_arn = acs:ram::1:role/r\nrole_session_name = metrics\n\
        [ecs]\ntype = ecs_ram_role\nrole_name =\n\
        [rrsa]\r\ntype = oidc_role_arn\r\nrole_arn = acs:ram::1:role/r\r\n\
        oidc_provider_arn = acs:ram::1:oidc-provider/p\r\noidc_token_file_path = /token\r\n\
        [rsa]\ntype = rsa_key_pair\nprivate_key_file = hunter2\n\
        [half]\ntype = access_key\naccess_key_id = id\n";

    fn read(profile: Option<&str>) -> Result<ProviderConfig, Error> {
        read_from(SAMPLE, profile)
    }

    fn read_from(text: &str, profile: Option<&str>) -> Result<ProviderConfig, Error> {
        let endpoints = ServiceEndpoints::default();
        let query = ProfileQuery { profile, ..ProfileQuery::new("credentials_file", &endpoints) };
        parse(text, query)
    }

    /// The parts of the AccessKey in a file's default section: id, secret and token.
    fn key_in(text: &str) -> [Option<String>; 3] {
        match read_from(text, None).unwrap() {
            ProviderConfig::AccessKey { id, secret, security_token } => {
                [Some(id), Some(secret), security_token]
                    .map(|part| part.map(|part| part.loaded().expose().to_owned()))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_type_that_all_sdks_support_is_supported() {
        let given = |text: &str| KeySource::Value(Secret::new(text));
        let keys =
            ProviderConfig::AccessKey { id: given("id"), secret: given("secret"), security_token: None };
        assert_eq!(read(None).unwrap(), keys);
        let mut role = AssumedRole::new("acs:ram::1:role/r");
        let rrsa = ProviderConfig::OidcRole {
            provider_arn: "acs:ram::1:oidc-provider/p".into(),
            token_file: "/token".into(),
            role: role.clone(),
            sts: StsEndpoint::Environment,
        };
        assert_eq!(read(Some("rrsa")).unwrap(), rrsa);
        role.session_name = "metrics".into();
        let assumed =
            ProviderConfig::AssumeRole { base: Box::new(keys), role, sts: StsEndpoint::Environment };
        assert_eq!(read(Some("role")).unwrap(), assumed);
        assert_eq!(
            read(Some("ecs")).unwrap(),
            ProviderConfig::EcsRamRole { role_name: None, metadata: None }
        );
    }

    #[test]
    fn an_error_names_what_is_missing_or_unsupported() {
        assert!(read(Some("absent")).unwrap_err().is_not_configured());
        let error = |profile| read(Some(profile)).unwrap_err().to_string();
        assert!(error("half").ends_with("section [half] of type access_key needs access_key_secret"));
        assert!(error("rsa").contains("unsupported type") && !error("rsa").contains("hunter2"));
    }

    #[test]
    fn a_temporary_key_is_a_section_of_type_sts() {
        let section = "[default]\ntype = sts\naccess_key_id = id\naccess_key_secret = secret\n";
        let key = key_in(&format!("{section}security_token = token\n"));
        assert_eq!(key.map(Option::unwrap_or_default), ["id", "secret", "token"]);
        let error = read_from(section, None).unwrap_err().to_string();
        assert!(error.ends_with("of type sts needs security_token"), "{error}");
    }

    #[test]
    fn a_disabled_section_is_skipped() {
        let section = |enable| {
            format!(
                "[default]\nenable = {enable}\ntype = access_key\naccess_key_id = i\naccess_key_secret = s\n"
            )
        };
        for enable in ["false", "False # not any more", "\"false\""] {
            let error = read_from(&section(enable), None).unwrap_err();
            assert!(error.is_not_configured() && error.message().contains("enable = false"), "{error}");
        }
        for enable in ["true", "", "1"] {
            assert!(read_from(&section(enable), None).is_ok(), "{enable}");
        }
    }

    #[test]
    fn quotes_around_a_value_and_comments_after_it_are_dropped() {
        for (written, value) in [
            ("\"s\"", "s"),
            ("'s'", "s"),
            ("\" s # s ; s \" # a comment", "s # s ; s"),
            ("'s' ; a comment", "s"),
            ("s # a comment", "s"),
            ("s#a comment", "s"),
            ("s ; a comment", "s"),
            ("s\t; a comment # another", "s"),
            ("s;s", "s;s"),
            ("\"s", "\"s"),
            ("\"s\" and \"t\"", "\"s\" and \"t\""),
        ] {
            let text =
                format!("[default]\ntype = 'access_key'\naccess_key_id = i\naccess_key_secret = {written}\n");
            assert_eq!(key_in(&text)[1].as_deref(), Some(value), "{written}");
        }
        for empty in ["# a comment", "; a comment", "\"\"", "'' # a comment"] {
            let text =
                format!("[default]\ntype = access_key\naccess_key_id = i\naccess_key_secret = {empty}\n");
            assert!(read_from(&text, None).unwrap_err().message().contains("needs access_key_secret"));
        }
    }
}
