//! Flags of `list`: every parameter of the three operations, named in the operator's terms.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};

use super::{ConfigurationArguments, LogArguments};

const AFTER_HELP: &str = "\
JSON output contains the records as the API returns them, including unknown fields. User names are
shown: they are visible to every user who may call the API.";

/// Flags of `list`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ListArguments {
    /// The operation that is called.
    #[command(subcommand)]
    pub command: ListCommand,
}

/// Subcommands of `list`, one for each operation.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum ListCommand {
    /// Delivery groups (ListAppInstanceGroup)
    #[command(after_help = AFTER_HELP, mut_arg("level", |level| level.default_value("warn")))]
    Groups(ListGroups),
    /// Session instances (ListAppInstances), of all groups or of those that flags select
    #[command(after_help = AFTER_HELP, mut_arg("level", |level| level.default_value("warn")))]
    Instances(ListInstances),
    /// Persistent sessions (ListPersistentAppInstances), of all groups or of those that flags
    /// select
    #[command(after_help = AFTER_HELP, mut_arg("level", |level| level.default_value("warn")))]
    Persistent(ListPersistent),
}

/// Flags of `list groups`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ListGroups {
    /// Only groups in this status, such as PUBLISHED; repeatable
    #[arg(long, value_name = "STATUS", value_parser = NonEmptyStringValueParser::new())]
    pub status: Vec<String>,
    /// Selects groups.
    #[command(flatten)]
    pub groups: GroupSelection,
    /// Flags that all subcommands of `list` have.
    #[command(flatten)]
    pub common: CommonListArguments,
}

/// Flags of `list instances`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ListInstances {
    /// Only this instance; repeatable
    #[arg(long = "instance-id", value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub instance_ids: Vec<String>,
    /// Include deleted instances; the API finds them by --instance-id only
    #[arg(long, requires = "instance_ids")]
    pub include_deleted: bool,
    /// Only instances bound to this user; repeatable
    #[arg(long = "user-id", value_name = "USER", value_parser = NonEmptyStringValueParser::new())]
    pub user_ids: Vec<String>,
    /// Only instances in this status, such as RUNNING; repeatable
    #[arg(long, value_name = "STATUS", value_parser = NonEmptyStringValueParser::new())]
    pub status: Vec<String>,
    /// Selects groups.
    #[command(flatten)]
    pub groups: GroupSelection,
    /// Only instances of groups in this status, such as PUBLISHED; repeatable
    #[arg(long, value_name = "STATUS", help_heading = "Groups", value_parser = NonEmptyStringValueParser::new())]
    pub group_status: Vec<String>,
    /// Flags that all subcommands of `list` have.
    #[command(flatten)]
    pub common: CommonListArguments,
}

/// Flags of `list persistent`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ListPersistent {
    /// Only this persistent session; repeatable
    #[arg(long = "persistent-id", value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub persistent_ids: Vec<String>,
    /// Selects groups.
    #[command(flatten)]
    pub groups: GroupSelection,
    /// Only persistent sessions of groups in this status, such as PUBLISHED; repeatable
    #[arg(long, value_name = "STATUS", help_heading = "Groups", value_parser = NonEmptyStringValueParser::new())]
    pub group_status: Vec<String>,
    /// Flags that all subcommands of `list` have.
    #[command(flatten)]
    pub common: CommonListArguments,
}

/// Selects groups. Only these flags apply; `accounts.filter` does not.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Groups")]
pub struct GroupSelection {
    /// Only this group; repeatable
    #[arg(long = "group-id", value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub group_ids: Vec<String>,
    /// Only groups whose name contains this text
    #[arg(long, value_name = "PART", value_parser = NonEmptyStringValueParser::new())]
    pub name: Option<String>,
    /// Only groups in this region; repeatable
    #[arg(long = "region", value_name = "REGION", value_parser = NonEmptyStringValueParser::new())]
    pub regions: Vec<String>,
    /// CloudApp, CloudBrowser or AndroidCloud; repeatable [default: the account's product_types]
    #[arg(long = "product-type", value_name = "TYPE", value_parser = NonEmptyStringValueParser::new())]
    pub product_types: Vec<String>,
    /// Only groups with this tag; repeatable, all tags must match
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    pub tags: Vec<(String, String)>,
    /// Only groups that use this image
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub image_id: Option<String>,
    /// Only groups with nodes of this type, such as appstreaming.vgpu.4c8g.2g
    #[arg(long, value_name = "TYPE", value_parser = NonEmptyStringValueParser::new())]
    pub node_instance_type: Option<String>,
    /// Only groups of this office site
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub office_site_id: Option<String>,
    /// Only groups that this user group may use; repeatable
    #[arg(long = "user-group-id", value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub user_group_ids: Vec<String>,
    /// Exclude groups that this user group may use; repeatable
    #[arg(long = "excluded-user-group-id", value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub excluded_user_group_ids: Vec<String>,
}

/// Flags that all subcommands of `list` have.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct CommonListArguments {
    /// Account to use, by its configured name; required if several are configured
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub account: Option<String>,
    /// Output format
    // The id differs from that of --log.format, which is `format`.
    #[arg(
        id = "output_format",
        long = "format",
        value_name = "FORMAT",
        default_value = "table",
        help_heading = "Output"
    )]
    pub format: ListFormat,
    /// Sources of the configuration.
    #[command(flatten)]
    pub configuration: ConfigurationArguments,
    /// Logging.
    #[command(flatten)]
    pub log: LogArguments,
}

/// Output formats of `list`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// aligned columns, as many as fit into the terminal
    Table,
    /// one array of the records as the API returns them
    Json,
    /// every documented field, for spreadsheets
    Csv,
}

impl ListCommand {
    /// Flags that all subcommands of `list` have.
    pub fn common(&self) -> &CommonListArguments {
        match self {
            Self::Groups(listing) => &listing.common,
            Self::Instances(listing) => &listing.common,
            Self::Persistent(listing) => &listing.common,
        }
    }
}

fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE, such as department=design".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Command, tests::parsed, try_parse};

    #[test]
    fn every_parameter_of_the_instance_listing_is_a_flag() {
        let Command::List(list) = parsed(
            "list instances --group-id aig-1 --group-id aig-2 --instance-id ai-1 --include-deleted --user-id a \
             --user-id b --status RUNNING --status BOUND --tag k=v=w --account x --format json",
        ) else {
            panic!("not list");
        };
        let ListCommand::Instances(listing) = list.command else { panic!("not list instances") };
        assert_eq!(listing.groups.group_ids, ["aig-1", "aig-2"]);
        assert_eq!((listing.user_ids.len(), listing.status.len()), (2, 2));
        assert!(listing.include_deleted);
        assert_eq!(listing.groups.tags, [("k".to_owned(), "v=w".to_owned())]);
        assert_eq!(listing.common.format, ListFormat::Json);
        assert_eq!(listing.common.log.level, "warn", "a manual query logs problems only");
    }

    #[test]
    fn deleted_instances_can_only_be_requested_by_id() {
        let line = ["x", "list", "instances", "--group-id", "aig-1", "--include-deleted"];
        let error = try_parse(line).expect_err("the API rejects it");
        assert!(error.exit_code() == 2 && error.to_string().contains("--instance-id"), "{error}");
    }

    #[test]
    fn incomplete_and_invalid_arguments_are_usage_errors() {
        for line in ["list", "list nothing", "list groups --tag x", "list groups --format xml"] {
            let words = std::iter::once("x").chain(line.split_whitespace());
            assert_eq!(try_parse(words).expect_err(line).exit_code(), 2, "{line}");
        }
        assert_eq!(try_parse(["x", "list", "groups", "--group-id", ""]).expect_err("empty").exit_code(), 2);
    }
}
