//! The configuration in force as TOML: for `GET /config`, for `check`, and good to be loaded again.

use std::fmt::{self, Display, Formatter};

use super::model::{Account, Config, Credentials, GroupLabel, StateSet, Tags, Users};
use super::secret::SHOWN;
use crate::aliyun::SignatureVersion;

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

    writeln!(f, "\n[accounts.credentials]")?;
    match &account.credentials {
        Credentials::Default => text(f, "source", "default")?,
        Credentials::AccessKey { id, secret: _, security_token } => {
            text(f, "source", "access_key")?;
            text(f, "access_key_id", id)?;
            text(f, "access_key_secret", SHOWN)?;
            if security_token.is_some() {
                text(f, "security_token", SHOWN)?;
            }
        }
    }

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
