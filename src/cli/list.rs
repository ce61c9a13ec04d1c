//! Flags of `list`: every parameter of the three operations, by the name that an operator would use.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};

use super::{ConfigurationArguments, LogArguments};

const AFTER_HELP: &str = "\
The JSON is what the API says, record by record, unknown fields included. User names are shown:
whoever may call the API may see them.";

/// Flags of `list`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ListArguments {
    /// What is listed.
    #[command(subcommand)]
    pub command: ListCommand,
}

/// What is listed.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum ListCommand {
    /// Delivery groups (ListAppInstanceGroup)
    #[command(after_help = AFTER_HELP, mut_arg("level", |level| level.default_value("warn")))]
    Groups(ListGroups),
    /// Session instances (ListAppInstances), of all groups or of those that flags select
    #[command(after_help = AFTER_HELP, mut_arg("level", |level| level.default_value("warn")))]
    Instances(ListInstances),
    /// Persistent sessions (ListPersistentAppInstances), of all groups or of those that flags select
    #[command(after_help = AFTER_HELP, mut_arg("level", |level| level.default_value("warn")))]
    Persistent(ListPersistent),
}

/// Flags of `list groups`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ListGroups {
    /// Only groups in this status, such as PUBLISHED; repeatable
    #[arg(long, value_name = "STATUS", value_parser = NonEmptyStringValueParser::new())]
    pub status: Vec<String>,
    /// Which groups.
    #[command(flatten)]
    pub groups: GroupSelection,
    /// What all listings have in common.
    #[command(flatten)]
    pub common: CommonListArguments,
}

/// Flags of `list instances`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ListInstances {
    /// Only this instance; repeatable
    #[arg(long = "instance-id", value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub instance_ids: Vec<String>,
    /// Deleted instances too; the API finds those by --instance-id only
    #[arg(long, requires = "instance_ids")]
    pub include_deleted: bool,
    /// Only instances bound to this user; repeatable
    #[arg(long = "user-id", value_name = "USER", value_parser = NonEmptyStringValueParser::new())]
    pub user_ids: Vec<String>,
    /// Only instances in this status, such as RUNNING; repeatable
    #[arg(long, value_name = "STATUS", value_parser = NonEmptyStringValueParser::new())]
    pub status: Vec<String>,
    /// Which groups.
    #[command(flatten)]
    pub groups: GroupSelection,
    /// Only of groups in this status, such as PUBLISHED; repeatable
    #[arg(long, value_name = "STATUS", help_heading = "Groups", value_parser = NonEmptyStringValueParser::new())]
    pub group_status: Vec<String>,
    /// What all listings have in common.
    #[command(flatten)]
    pub common: CommonListArguments,
}

/// Flags of `list persistent`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ListPersistent {
    /// Only this persistent session; repeatable
    #[arg(long = "persistent-id", value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub persistent_ids: Vec<String>,
    /// Which groups.
    #[command(flatten)]
    pub groups: GroupSelection,
    /// Only of groups in this status, such as PUBLISHED; repeatable
    #[arg(long, value_name = "STATUS", help_heading = "Groups", value_parser = NonEmptyStringValueParser::new())]
    pub group_status: Vec<String>,
    /// What all listings have in common.
    #[command(flatten)]
    pub common: CommonListArguments,
}

/// Which groups are asked for. Nothing of `accounts.filter` is: only what the flags say.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Groups")]
pub struct GroupSelection {
    /// Only this group; repeatable
    #[arg(long = "group-id", value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub group_ids: Vec<String>,
    /// Only groups with this in their name
    #[arg(long, value_name = "PART", value_parser = NonEmptyStringValueParser::new())]
    pub name: Option<String>,
    /// Only groups that live in this region; repeatable
    #[arg(long = "region", value_name = "REGION", value_parser = NonEmptyStringValueParser::new())]
    pub regions: Vec<String>,
    /// CloudApp, CloudBrowser or AndroidCloud; repeatable [default: the account's product_types]
    #[arg(long = "product-type", value_name = "TYPE", value_parser = NonEmptyStringValueParser::new())]
    pub product_types: Vec<String>,
    /// Only groups with this tag; repeatable: with all of them
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    pub tags: Vec<(String, String)>,
    /// Only groups made from this image
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
    /// Not groups that this user group may use; repeatable
    #[arg(long = "excluded-user-group-id", value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub excluded_user_group_ids: Vec<String>,
}

/// What all listings have in common.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct CommonListArguments {
    /// Which of the configured accounts asks; needed where there are several
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub account: Option<String>,
    /// How it is printed
    // Its name is the log's too.
    #[arg(
        id = "output_format",
        long = "format",
        value_name = "FORMAT",
        default_value = "table",
        help_heading = "Output"
    )]
    pub format: ListFormat,
    /// Where the configuration comes from.
    #[command(flatten)]
    pub configuration: ConfigurationArguments,
    /// What is logged.
    #[command(flatten)]
    pub log: LogArguments,
}

/// How a listing is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// columns to read, as many as the terminal has room for
    Table,
    /// one array of the API's own records
    Json,
    /// every documented field, for a spreadsheet
    Csv,
}

impl ListCommand {
    /// What all listings have in common.
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
        assert_eq!(listing.common.log.level, "warn", "who asks by hand wants the answer, not the log");
    }

    #[test]
    fn deleted_instances_can_only_be_asked_for_by_id() {
        let line = ["x", "list", "instances", "--group-id", "aig-1", "--include-deleted"];
        let error = try_parse(line).expect_err("the API refuses it");
        assert!(error.exit_code() == 2 && error.to_string().contains("--instance-id"), "{error}");
    }

    #[test]
    fn what_makes_no_sense_is_a_usage_error() {
        for line in ["list", "list nothing", "list groups --tag x", "list groups --format xml"] {
            let words = std::iter::once("x").chain(line.split_whitespace());
            assert_eq!(try_parse(words).expect_err(line).exit_code(), 2, "{line}");
        }
        assert_eq!(try_parse(["x", "list", "groups", "--group-id", ""]).expect_err("empty").exit_code(), 2);
    }
}
