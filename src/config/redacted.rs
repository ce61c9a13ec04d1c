//! The configuration in force as TOML: for `GET /config`, for `check`, and good to be loaded again.

use std::fmt::{self, Display, Formatter};

use super::model::{Account, AssumedRole, Config, Credentials, GroupLabel, StateSet, Tags, Users};
use super::secret::SHOWN;
use crate::aliyun::SignatureVersion;
use crate::aliyun::credentials::ServiceEndpoints;

impl Config {
    /// The whole configuration as TOML, every key with its value in force. Secrets are shown as
    /// `<secret>`, AccessKey ids by their last four characters, durations and sizes as they were written.
    pub fn redacted(&self) -> String {
        self.to_string()
    }
}

impl Display for Config {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { poll, api, collectors, labels, schedule, sharding, accounts } = self;
        writeln!(f, "[poll]")?;
        text(f, "interval", &poll.interval)?;
        text(f, "timeout", &poll.timeout)?;
        text(f, "stale_after", &poll.stale_after)?;
        plain(f, "page_size", poll.page_size)?;
        text(f, "shutdown_grace", &poll.shutdown_grace)?;

        writeln!(f, "\n[api]")?;
        let signature = match api.signature {
            SignatureVersion::V2 => "v2",
            SignatureVersion::V3 => "v3",
        };
        text(f, "signature", signature)?;
        text(f, "request_timeout", &api.request_timeout)?;
        text(f, "connect_timeout", &api.connect_timeout)?;
        plain(f, "max_in_flight", api.max_in_flight)?;
        plain(f, "requests_per_second", api.requests_per_second)?;
        plain(f, "max_retries", api.max_retries)?;
        text(f, "max_response_bytes", &api.max_response_bytes)?;
        plain(f, "allow_http", api.allow_http)?;
        optional(f, "proxy", api.proxy.as_ref())?;

        writeln!(f, "\n[collectors]")?;
        let (users, key) = match collectors.users {
            Users::Off => ("off", ""),
            Users::Hash(_) => ("hash", SHOWN),
            Users::Plain => ("plain", ""),
        };
        let stateset = match collectors.stateset {
            StateSet::Current => "current",
            StateSet::Full => "full",
        };
        plain(f, "node_pools", collectors.node_pools)?;
        text(f, "instances", collectors.instances.as_str())?;
        plain(f, "nodes", collectors.nodes)?;
        text(f, "persistent", collectors.persistent.as_str())?;
        text(f, "users", users)?;
        text(f, "user_hash_key", key)?;
        text(f, "stateset", stateset)?;
        plain(f, "max_series", collectors.max_series)?;

        writeln!(f, "\n[labels]")?;
        let group = labels.group.iter().map(|label| match label {
            GroupLabel::Name => "name".to_owned(),
            GroupLabel::Tag(key) => format!("tag:{key}"),
        });
        list(f, "group", &group.collect::<Vec<_>>())?;
        match &labels.tags {
            Tags::None => list(f, "tags", &[])?,
            Tags::All => list(f, "tags", &["*".to_owned()])?,
            Tags::Keys(keys) => list(f, "tags", keys)?,
        }
        plain(f, "system_tags", labels.system_tags)?;

        writeln!(f, "\n[schedule]")?;
        text(f, "time_zone", &schedule.time_zone_name)?;

        writeln!(f, "\n[sharding]")?;
        plain(f, "index", sharding.index)?;
        plain(f, "total", sharding.total)?;

        accounts.iter().try_for_each(|account| write_account(f, account))
    }
}

fn write_account(f: &mut Formatter<'_>, account: &Account) -> fmt::Result {
    writeln!(f, "\n[[accounts]]")?;
    text(f, "name", &account.name)?;
    text(f, "endpoint_region", account.endpoint_region.as_str())?;
    plain(f, "vpc", account.vpc)?;
    optional(f, "endpoint", account.endpoint_written.then_some(&account.endpoint))?;
    list(f, "regions", &account.regions)?;
    list(f, "product_types", &account.product_types)?;

    write_credentials(f, "accounts.credentials", &account.credentials)?;

    let filter = &account.filter;
    writeln!(f, "\n[accounts.filter]")?;
    list(f, "group_ids", &filter.group_ids)?;
    optional(f, "group_name", filter.group_name.as_ref())?;
    list(f, "status", &filter.status)?;
    list(f, "exclude_group_ids", &filter.exclude_group_ids)?;
    optional(f, "office_site_id", filter.office_site_id.as_ref())?;
    optional(f, "node_instance_type", filter.node_instance_type.as_ref())?;
    optional(f, "image_id", filter.image_id.as_ref())?;
    list(f, "user_group_ids", &filter.user_group_ids)?;
    list(f, "excluded_user_group_ids", &filter.excluded_user_group_ids)?;
    let tags = filter.tags.iter().map(|(key, value)| format!("{} = {}", quoted(key), quoted(value)));
    let tags = tags.collect::<Vec<_>>().join(", ");
    if tags.is_empty() { writeln!(f, "tags = {{}}") } else { writeln!(f, "tags = {{ {tags} }}") }
}

fn write_credentials(f: &mut Formatter<'_>, table: &str, credentials: &Credentials) -> fmt::Result {
    let places = |f: &mut Formatter<'_>, places: &ServiceEndpoints| {
        optional(f, "sts_endpoint", places.sts.as_ref())?;
        optional(f, "metadata_endpoint", places.metadata.as_ref())
    };
    writeln!(f, "\n[{table}]")?;
    match credentials {
        Credentials::Default { places: at } => {
            text(f, "source", "default")?;
            places(f, at)
        }
        Credentials::AccessKey { id, secret: _, security_token, files: _ } => {
            text(f, "source", "access_key")?;
            text(f, "access_key_id", id)?;
            text(f, "access_key_secret", SHOWN)?;
            security_token.as_ref().map_or(Ok(()), |_| text(f, "security_token", SHOWN))
        }
        Credentials::OidcRole { role, provider_arn, token_file, sts } => {
            text(f, "source", "oidc_role")?;
            write_role(f, role)?;
            text(f, "oidc_provider_arn", provider_arn)?;
            text(f, "oidc_token_file", token_file.display())?;
            optional(f, "sts_endpoint", sts.as_ref())
        }
        Credentials::EcsRamRole { role_name, metadata } => {
            text(f, "source", "ecs_ram_role")?;
            optional(f, "role_name", role_name.as_ref())?;
            optional(f, "metadata_endpoint", metadata.as_ref())
        }
        Credentials::AssumeRole { role, external_id, base, sts } => {
            text(f, "source", "assume_role")?;
            write_role(f, role)?;
            optional(f, "external_id", external_id.as_ref().map(|_| SHOWN))?;
            optional(f, "sts_endpoint", sts.as_ref())?;
            write_credentials(f, &format!("{table}.base"), base)
        }
        Credentials::Uri(uri) => {
            text(f, "source", "uri")?;
            text(f, "uri", uri)
        }
        Credentials::Profile { profile, file, places: at } => {
            text(f, "source", "profile")?;
            optional(f, "profile", profile.as_ref())?;
            optional(f, "file", file.as_ref().map(|file| file.display()))?;
            places(f, at)
        }
    }
}

fn write_role(f: &mut Formatter<'_>, role: &AssumedRole) -> fmt::Result {
    text(f, "role_arn", &role.arn)?;
    text(f, "role_session_name", &role.session_name)?;
    text(f, "duration", &role.duration)?;
    optional(f, "policy", role.policy.as_ref())
}

fn plain(f: &mut Formatter<'_>, key: &str, value: impl Display) -> fmt::Result {
    writeln!(f, "{key} = {value}")
}

fn text(f: &mut Formatter<'_>, key: &str, value: impl Display) -> fmt::Result {
    writeln!(f, "{key} = {}", quoted(&value.to_string()))
}

fn optional(f: &mut Formatter<'_>, key: &str, value: Option<impl Display>) -> fmt::Result {
    text(f, key, value.map_or_else(String::new, |value| value.to_string()))
}

fn list(f: &mut Formatter<'_>, key: &str, values: &[String]) -> fmt::Result {
    let values = values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ");
    writeln!(f, "{key} = [{values}]")
}

/// A TOML basic string. JSON's strings are TOML's, but for the one control character that JSON leaves bare.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}
