//! Reads `[accounts.credentials]`: the keys that each source of credentials has, and those that it
//! requires.
//!
//! What is not here: obtaining credentials, and the default chain (`aliyun::credentials`).

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use super::entry::Kind;
use super::section::{SectionReader, list_keys};
use super::toml_text::quoted;
use crate::aliyun::access_key::mask_id;
use crate::aliyun::credentials::environment::{
    CREDENTIALS_URI, OIDC_PROVIDER_ARN, OIDC_TOKEN_FILE, ROLE_ARN, ROLE_SESSION_NAME,
};
use crate::aliyun::credentials::{
    AssumedRole, CredentialsUri, DEFAULT_SESSION_NAME, KeySource, ProviderConfig, ServiceEndpoints,
};
use crate::aliyun::{Endpoint, Scheme, Secret};
use crate::document::did_you_mean;

const SOURCE: &str = "source";
const BASE: &str = "base";

/// Reads the keys of one source.
type ReadSource = fn(&SectionReader<'_>, &SourceContext) -> Option<ProviderConfig>;

/// The values of the key `source`, each with the function that reads the other keys.
const SOURCES: [(&str, ReadSource); 7] = [
    ("default", default_chain),
    ("access_key", access_key),
    ("oidc_role", oidc_role),
    ("ecs_ram_role", ecs_ram_role),
    ("assume_role", assume_role),
    ("uri", uri),
    ("profile", profile),
];

/// The keys of each source. They are listed by calling its function with an empty section.
static SOURCE_KEYS: LazyLock<Vec<(&str, Vec<String>)>> = LazyLock::new(|| {
    let keys = |(source, read): (&'static str, ReadSource)| {
        let entries = list_keys(|section| _ = read(section, &SourceContext::new(source)));
        let first_name = |path: String| path.split('.').next().unwrap_or_default().to_owned();
        (source, entries.into_iter().map(|(path, _)| first_name(path)).collect())
    };
    SOURCES.into_iter().map(keys).collect()
});

/// From the shortest session of STS to the longest that a role can allow.
const SESSION_DURATION: RangeInclusive<Duration> = Duration::from_mins(15)..=Duration::from_hours(12);
/// The longest `Policy` that STS accepts in `AssumeRole`.
const MAX_POLICY_CHARACTERS: usize = 2048;
/// Roles in one chain of `base` sections; more are probably a mistake.
const MAX_BASES: usize = 5;

/// Values that reading a source requires and that its section does not contain.
#[derive(Clone)]
struct SourceContext {
    /// The name of the source, for its problems.
    source: &'static str,
    /// The default of `sts_endpoint`: the STS of the role that is assumed with these credentials.
    sts: Option<Endpoint>,
    /// Whether endpoints that are not loopback addresses may use plain HTTP.
    allow_http: bool,
    /// How many roles of the chain are assumed with these credentials.
    depth: usize,
}

impl SourceContext {
    fn new(source: &'static str) -> Self {
        Self { source, sts: None, allow_http: false, depth: 0 }
    }
}

/// Reads where credentials come from. The result is valid only if no problem was reported.
pub(super) fn read(section: &SectionReader<'_>, allow_http: bool) -> ProviderConfig {
    read_source(section, SourceContext { allow_http, ..SourceContext::new("") })
}

/// Reads the keys of all sources from one section, so that all of them are recorded.
pub(super) fn read_all_sources(section: &SectionReader<'_>) {
    for (source, read) in SOURCES {
        let _ = read(section, &SourceContext::new(source));
    }
}

fn read_source(section: &SectionReader<'_>, context: SourceContext) -> ProviderConfig {
    let default = || ProviderConfig::Default(ServiceEndpoints::default());
    let text = section.text_or(SOURCE, || Some(SOURCES[0].0.to_owned())).unwrap_or_default();
    let Some((source, read)) = SOURCES.into_iter().find(|(source, _)| *source == text) else {
        let known = || SOURCES.into_iter().map(|(source, _)| source);
        let all = known().collect::<Vec<_>>().join(", ");
        section.problem(SOURCE, format!("{text:?} must be one of {all}{}", did_you_mean(&text, known())));
        return default();
    };
    reject_keys_of_other_sources(section, source);
    read(section, &SourceContext { source, ..context }).unwrap_or_else(default)
}

fn reject_keys_of_other_sources(section: &SectionReader<'_>, source: &str) {
    // Listing the keys of `assume_role` for `SOURCE_KEYS` calls this function with an empty `base`,
    // while `SOURCE_KEYS` is being initialised and must not be read.
    if section.is_empty() {
        return;
    }
    let has = |keys: &[String], name: &str| keys.iter().any(|key| key == name);
    let is_own = |name: &str| SOURCE_KEYS.iter().any(|(known, keys)| *known == source && has(keys, name));
    for name in section.names().filter(|name| section.is_filled(name) && !is_own(name)) {
        let owners = SOURCE_KEYS.iter().filter(|(_, keys)| has(keys, name));
        let owners: Vec<String> = owners.map(|(source, _)| format!("{source:?}")).collect();
        if owners.is_empty() {
            // `source` itself, and unknown keys, which `reject_unknown_keys` reports.
            continue;
        }
        let advice = match section.is_set(SOURCE) {
            true => format!(", not to {source:?}"),
            false => ": set source, too".to_owned(),
        };
        section.problem(name, format!("belongs to source = {}{advice}", owners.join(" or ")));
    }
}

// Each function of `SOURCES` reads all of its keys before it returns `None` because one is missing,
// so that every problem is reported and every key is recorded.

fn default_chain(section: &SectionReader<'_>, context: &SourceContext) -> Option<ProviderConfig> {
    Some(ProviderConfig::Default(service_endpoints(section, context)))
}

fn access_key(section: &SectionReader<'_>, context: &SourceContext) -> Option<ProviderConfig> {
    const ID: &str = "access_key_id";
    const SECRET: &str = "access_key_secret";
    let [id, secret, security_token] = [ID, SECRET, "security_token"].map(|name| key_source(section, name));
    if let Some(id) = &id {
        section.record(ID, Kind::Secret, quoted(&mask_id(id.loaded().expose())));
    }
    for (name, value) in [(ID, &id), (SECRET, &secret)] {
        // If the value is set but cannot be read, that problem is already reported.
        if value.is_none() && !section.is_filled(name) {
            let source = context.source;
            let rule = format!("is required for source = {source:?}: the value, or file:PATH or env:NAME");
            section.problem(name, rule);
        }
    }
    Some(ProviderConfig::AccessKey { id: id?, secret: secret?, security_token })
}

fn oidc_role(section: &SectionReader<'_>, context: &SourceContext) -> Option<ProviderConfig> {
    let role = role(section, context);
    let provider_arn = arn(section, context, "oidc_provider_arn", OIDC_PROVIDER_ARN, ":oidc-provider/");
    let token_file = required(section, context, "oidc_token_file", OIDC_TOKEN_FILE);
    let sts = sts_endpoint(section, context).into();
    let (provider_arn, token_file) = (provider_arn?, PathBuf::from(token_file?));
    Some(ProviderConfig::OidcRole { provider_arn, token_file, role: role?, sts })
}

fn ecs_ram_role(section: &SectionReader<'_>, _: &SourceContext) -> Option<ProviderConfig> {
    let role_name = section.text("role_name");
    Some(ProviderConfig::EcsRamRole { role_name, metadata: metadata_endpoint(section) })
}

fn assume_role(section: &SectionReader<'_>, context: &SourceContext) -> Option<ProviderConfig> {
    let role = role(section, context);
    let external_id = section.secret("external_id");
    let sts = sts_endpoint(section, context);
    if context.depth == MAX_BASES {
        section.problem(BASE, format!("more than {MAX_BASES} roles are in one chain of base sections"));
        return None;
    }
    let of_base = SourceContext { sts: sts.clone(), depth: context.depth + 1, ..context.clone() };
    let base = Box::new(read_source(&section.section(BASE), of_base));
    let role = AssumedRole { external_id, ..role? };
    Some(ProviderConfig::AssumeRole { base, role, sts: sts.into() })
}

fn uri(section: &SectionReader<'_>, context: &SourceContext) -> Option<ProviderConfig> {
    const URI: &str = "uri";
    let from_environment = || section.variable(CREDENTIALS_URI).map(Secret::new);
    let Some(text) = section.secret(URI).or_else(from_environment) else {
        report_missing(section, context, URI, CREDENTIALS_URI);
        return None;
    };
    let uri = CredentialsUri::parse(text.expose());
    match &uri {
        Some(uri) => section.record(URI, Kind::Secret, quoted(&uri.to_string())),
        // The problem does not quote the value, because the query may contain a secret.
        None => section.problem(URI, "must be a URL such as http://localhost:8080/credentials"),
    }
    uri.map(ProviderConfig::Uri)
}

fn profile(section: &SectionReader<'_>, context: &SourceContext) -> Option<ProviderConfig> {
    let name = section.text("profile");
    let file = section.text("file").map(PathBuf::from);
    Some(ProviderConfig::Profile { name, file, endpoints: service_endpoints(section, context) })
}

fn key_source(section: &SectionReader<'_>, name: &str) -> Option<KeySource> {
    let value = section.secret(name)?;
    Some(match section.secret_file(name) {
        Some(path) => KeySource::File { path, loaded: value },
        None => KeySource::Value(value),
    })
}

fn role(section: &SectionReader<'_>, context: &SourceContext) -> Option<AssumedRole> {
    const POLICY: &str = "policy";
    let arn = arn(section, context, "role_arn", ROLE_ARN, ":role/");
    let mut role = AssumedRole::new(arn.clone().unwrap_or_default());
    let session_name = session_name(section);
    section.duration("duration", &mut role.duration, SESSION_DURATION);
    role.policy = section.text(POLICY);
    let is_policy = |text: &String| {
        text.chars().count() <= MAX_POLICY_CHARACTERS
            && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
    };
    if !role.policy.as_ref().is_none_or(is_policy) {
        let rule = format!("must be a RAM policy in JSON, of at most {MAX_POLICY_CHARACTERS} characters");
        section.problem(POLICY, rule);
    }
    role.session_name = session_name?;
    arn.map(|_| role)
}

/// The name of a role's session: 2 to 64 letters, digits and the characters `.@-_`. Source:
/// "AssumeRole".
fn session_name(section: &SectionReader<'_>) -> Option<String> {
    const NAME: &str = "role_session_name";
    let default = || Some(section.variable(ROLE_SESSION_NAME).unwrap_or(DEFAULT_SESSION_NAME).to_owned());
    let name = section.text_or(NAME, default).unwrap_or_default();
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || "_.@-".contains(character);
    if (2..=64).contains(&name.len()) && name.chars().all(is_allowed) {
        return Some(name);
    }
    section.problem(NAME, format!("{name:?} must be 2 to 64 letters, digits, dots, @, - or _"));
    None
}

/// A required ARN that contains `part`, such as `:role/`.
fn arn(
    section: &SectionReader<'_>,
    context: &SourceContext,
    key: &str,
    variable: &str,
    part: &str,
) -> Option<String> {
    let arn = required(section, context, key, variable)?;
    if arn.starts_with("acs:ram::") && arn.contains(part) {
        return Some(arn);
    }
    section.problem(key, format!("{arn:?} must be an ARN such as acs:ram::1234567890123456{part}name"));
    None
}

/// The text of a required key; by default that of `variable`, an environment variable that Alibaba
/// Cloud's SDKs read. Reports a problem if both are missing.
fn required(
    section: &SectionReader<'_>,
    context: &SourceContext,
    key: &str,
    variable: &str,
) -> Option<String> {
    let value = section.text_or(key, || section.variable(variable).map(str::to_owned));
    if value.is_none() {
        report_missing(section, context, key, variable);
    }
    value
}

fn report_missing(section: &SectionReader<'_>, context: &SourceContext, key: &str, variable: &str) {
    // If the value is set but cannot be read, that problem is already reported.
    if !section.is_filled(key) {
        let source = context.source;
        let place = format!("here or in the environment variable {variable}");
        section.problem(key, format!("is required for source = {source:?}, {place}"));
    }
}

fn service_endpoints(section: &SectionReader<'_>, context: &SourceContext) -> ServiceEndpoints {
    ServiceEndpoints { sts: sts_endpoint(section, context), metadata: metadata_endpoint(section) }
}

fn sts_endpoint(section: &SectionReader<'_>, context: &SourceContext) -> Option<Endpoint> {
    const STS: &str = "sts_endpoint";
    let explicit = endpoint(section, STS);
    let problem = explicit.as_ref().and_then(|endpoint| plain_http_problem(endpoint, context.allow_http));
    if let Some(message) = problem {
        section.problem(STS, message);
    }
    explicit.or_else(|| context.sts.clone())
}

fn metadata_endpoint(section: &SectionReader<'_>) -> Option<Endpoint> {
    endpoint(section, "metadata_endpoint")
}

/// Problems do not quote an endpoint, because it may contain a password by mistake.
fn endpoint(section: &SectionReader<'_>, key: &str) -> Option<Endpoint> {
    let parsed = Endpoint::parse(&section.text(key)?);
    parsed.map_err(|error| section.problem(key, format!("{error}; leave it empty to use the default"))).ok()
}

/// The problem of an endpoint to which requests are sent unencrypted over a network; `None` if it
/// has no such problem.
pub(super) fn plain_http_problem(endpoint: &Endpoint, allow_http: bool) -> Option<&'static str> {
    (endpoint.scheme() == Scheme::Http && !endpoint.is_loopback() && !allow_http)
        .then_some("plain http is only for loopback addresses, unless api.allow_http = true")
}
