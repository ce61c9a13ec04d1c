//! The rules of `[accounts.credentials]`: which keys a source takes, needs, and finds in the environment.
//!
//! Not here: asking any of the sources, and the default chain (`aliyun`).

use std::path::PathBuf;
use std::time::Duration;

use super::model::{AssumedRole, Credentials, KeyFiles};
use super::reader::SectionReader;
use super::secret::AccessKeyId;
use super::sourced::Sourced;
use crate::aliyun::credentials::environment::{
    CREDENTIALS_URI, OIDC_PROVIDER_ARN, OIDC_TOKEN_FILE, ROLE_ARN, ROLE_SESSION_NAME,
};
use crate::aliyun::credentials::{CredentialsUri, DEFAULT_SESSION_NAME, ServiceEndpoints};
use crate::aliyun::{Endpoint, Scheme, Secret};
use crate::document::did_you_mean;

const SOURCE: &str = "source";
const BASE: &str = "base";
const ID: &str = "access_key_id";
const SECRET: &str = "access_key_secret";
const TOKEN: &str = "security_token";
const STS: &str = "sts_endpoint";
const METADATA: &str = "metadata_endpoint";

/// Each source with the keys that it takes.
const SOURCES: &[(&str, &[&str])] = &[
    ("default", &[STS, METADATA]),
    ("access_key", &[ID, SECRET, TOKEN]),
    (
        "oidc_role",
        &["role_arn", "oidc_provider_arn", "oidc_token_file", "role_session_name", "duration", "policy", STS],
    ),
    ("ecs_ram_role", &["role_name", METADATA]),
    ("assume_role", &["role_arn", "role_session_name", "duration", "policy", "external_id", STS, BASE]),
    ("uri", &["uri"]),
    ("profile", &["profile", "file", STS, METADATA]),
];

/// STS issues nothing shorter, and no role allows for more.
const SESSION: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(15 * 60)..=Duration::from_secs(12 * 60 * 60);
/// `Policy` has at most so many characters.
const LONGEST_POLICY: usize = 2048;
/// Roles that take on roles: more of them are a mistake.
const MOST_BASES: usize = 5;

/// Who asks. What is wrong stays with the reader, and then the result is worth nothing.
pub(super) fn credentials(table: &SectionReader<'_>, allow_http: bool) -> Credentials {
    below(table, allow_http, None, 0)
}

/// `sts` is what the role above says, for a base that says nothing.
fn below(table: &SectionReader<'_>, allow_http: bool, sts: Option<&Endpoint>, depth: usize) -> Credentials {
    let Some(source) = source(table) else {
        return Credentials::Default { places: ServiceEndpoints::default() };
    };
    refuse_keys_of_others(table, source);
    let places = ServiceEndpoints {
        sts: endpoint(table, STS, |endpoint| {
            (endpoint.scheme() == Scheme::Http && !endpoint.is_loopback() && !allow_http)
                .then_some("plain http is only for loopback addresses, unless api.allow_http = true")
        })
        .or_else(|| sts.cloned()),
        metadata: endpoint(table, METADATA, |_| None),
    };
    let Some(credentials) = of_source(table, source, places, allow_http, depth) else {
        return Credentials::Default { places: ServiceEndpoints::default() };
    };
    credentials
}

fn source(table: &SectionReader<'_>) -> Option<&'static str> {
    let Some(word) = table.text(SOURCE) else { return Some("default") };
    let known = || SOURCES.iter().map(|(source, _)| *source);
    let source = known().find(|source| *source == word);
    if source.is_none() {
        let words = known().collect::<Vec<_>>().join(", ");
        let hint = did_you_mean(&word, known());
        table.problem(SOURCE, format!("{word:?} must be one of {words}{hint}"));
    }
    source
}

fn refuse_keys_of_others(table: &SectionReader<'_>, source: &str) {
    let taken = SOURCES.iter().find(|(known, _)| *known == source).map_or(&[][..], |(_, keys)| keys);
    let mut told = Vec::new();
    for key in SOURCES.iter().flat_map(|(_, keys)| *keys) {
        if taken.contains(key) || told.contains(key) || !table.is_filled(key) {
            continue;
        }
        told.push(key);
        let theirs = SOURCES.iter().filter(|(_, keys)| keys.contains(key));
        let theirs: Vec<String> = theirs.map(|(source, _)| format!("{source:?}")).collect();
        let what = match table.is_set(SOURCE) {
            true => format!(", not to {source:?}"),
            false => ": set that too".to_owned(),
        };
        table.problem(key, format!("belongs to source = {}{what}", theirs.join(" or ")));
    }
}

fn of_source(
    table: &SectionReader<'_>,
    source: &str,
    places: ServiceEndpoints,
    allow_http: bool,
    depth: usize,
) -> Option<Credentials> {
    // Everything that is missing is told at once: each part is read before any `?`.
    Some(match source {
        "access_key" => {
            let [id, secret, security_token] = [ID, SECRET, TOKEN].map(|name| table.secret(name));
            for (name, value) in [(ID, &id), (SECRET, &secret)] {
                // What is there but can't be fetched has been reported.
                if value.is_none() && !table.is_filled(name) {
                    let rule = "is needed for source = \"access_key\": itself, or file:PATH or env:NAME";
                    table.problem(name, rule);
                }
            }
            let [id_file, secret_file, token_file] = [ID, SECRET, TOKEN].map(|name| table.secret_file(name));
            Credentials::AccessKey {
                id: AccessKeyId::new(id?.expose()),
                secret: secret?,
                security_token,
                files: KeyFiles { id: id_file, secret: secret_file, security_token: token_file },
            }
        }
        "oidc_role" => {
            let role = role(table, source);
            let provider_arn = arn(table, source, "oidc_provider_arn", OIDC_PROVIDER_ARN, ":oidc-provider/");
            let token_file = needed(table, source, "oidc_token_file", OIDC_TOKEN_FILE);
            Credentials::OidcRole {
                role: role?,
                provider_arn: provider_arn?,
                token_file: token_file?.into(),
                sts: places.sts,
            }
        }
        "ecs_ram_role" => {
            Credentials::EcsRamRole { role_name: table.text("role_name"), metadata: places.metadata }
        }
        "assume_role" => {
            let role = role(table, source);
            let external_id = table.secret("external_id");
            if depth == MOST_BASES {
                table.problem(BASE, format!("more than {MOST_BASES} roles are based on each other"));
                return None;
            }
            let base = below(&table.section(BASE), allow_http, places.sts.as_ref(), depth + 1);
            Credentials::AssumeRole { role: role?, external_id, base: Box::new(base), sts: places.sts }
        }
        "uri" => Credentials::Uri(uri(table)?),
        "profile" => Credentials::Profile {
            profile: table.text("profile"),
            file: table.text("file").map(PathBuf::from),
            places,
        },
        _ => Credentials::Default { places },
    })
}

fn role(table: &SectionReader<'_>, source: &str) -> Option<AssumedRole> {
    const POLICY: &str = "policy";
    let arn = arn(table, source, "role_arn", ROLE_ARN, ":role/");
    let session_name = session_name(table);
    let policy = table.text(POLICY);
    if let Some(policy) = &policy
        && (policy.chars().count() > LONGEST_POLICY
            || serde_json::from_str::<serde::de::IgnoredAny>(policy).is_err())
    {
        table
            .problem(POLICY, format!("must be a RAM policy in JSON, of at most {LONGEST_POLICY} characters"));
    }
    let duration: Sourced<Duration> = table.duration("duration", "1h", SESSION);
    Some(AssumedRole { arn: arn?, session_name: session_name?, duration, policy })
}

/// Source: "AssumeRole": 2 to 64 letters, digits and some marks.
fn session_name(table: &SectionReader<'_>) -> Option<String> {
    const NAME: &str = "role_session_name";
    let from_environment = || table.variable(ROLE_SESSION_NAME).map(str::to_owned);
    let name = table.text(NAME).or_else(from_environment).unwrap_or_else(|| DEFAULT_SESSION_NAME.to_owned());
    let allowed = |character: char| character.is_ascii_alphanumeric() || "_.@-".contains(character);
    if (2..=64).contains(&name.len()) && name.chars().all(allowed) {
        return Some(name);
    }
    table.problem(NAME, format!("{name:?} must be 2 to 64 letters, digits, dots, @, - or _"));
    None
}

/// `part` is what tells this kind of name from others.
fn arn(
    table: &SectionReader<'_>,
    source: &str,
    key: &'static str,
    variable: &str,
    part: &str,
) -> Option<String> {
    let arn = needed(table, source, key, variable)?;
    if arn.starts_with("acs:ram::") && arn.contains(part) {
        return Some(arn);
    }
    table.problem(key, format!("{arn:?} must be a name such as acs:ram::1234567890123456{part}name"));
    None
}

/// A text that is written, or else in the environment under the name that the SDKs read.
fn needed(table: &SectionReader<'_>, source: &str, key: &'static str, variable: &str) -> Option<String> {
    let from_environment = || table.variable(variable).map(str::to_owned);
    let value = table.text(key).or_else(from_environment);
    if value.is_none() && !table.is_filled(key) {
        table.problem(key, format!("is needed for source = {source:?}, here or in the variable {variable}"));
    }
    value
}

fn uri(table: &SectionReader<'_>) -> Option<CredentialsUri> {
    const URI: &str = "uri";
    let from_environment = || table.variable(CREDENTIALS_URI).map(Secret::new);
    let Some(written) = table.secret(URI).or_else(from_environment) else {
        if !table.is_filled(URI) {
            let rule = format!("is needed for source = \"uri\", here or in the variable {CREDENTIALS_URI}");
            table.problem(URI, rule);
        }
        return None;
    };
    let uri = CredentialsUri::parse(written.expose());
    if uri.is_none() {
        // Not quoted: its query may be a secret.
        table.problem(URI, "must be a URL such as http://localhost:8080/credentials");
    }
    uri
}

/// An endpoint, refused for the reason that `refuse` has. It isn't quoted: it may hold a password by mistake.
fn endpoint(
    table: &SectionReader<'_>,
    key: &'static str,
    refuse: impl Fn(&Endpoint) -> Option<&'static str>,
) -> Option<Endpoint> {
    match Endpoint::parse(&table.text(key)?) {
        Ok(endpoint) => {
            if let Some(reason) = refuse(&endpoint) {
                table.problem(key, reason);
            }
            Some(endpoint)
        }
        Err(error) => {
            table.problem(key, format!("{error}; leave it empty to use the public one"));
            None
        }
    }
}
