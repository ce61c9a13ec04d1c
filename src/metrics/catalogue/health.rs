//! How fresh the fleet's data is.

use super::{Chapter, Collector, Extract, Family};
use crate::fleet::operation;
use crate::fleet::timestamp::seconds;
use crate::metrics::Kind;
use crate::metrics::rows::{GroupRow, flag};
use crate::metrics::series::Series;

pub(super) const CHAPTER: Chapter = Chapter {
    title: "Freshness",
    introduction: "How fresh the fleet's data is. Collector `health`, always on. `target` is the product \
        type, with `/region` behind it where the account lists regions (`CloudApp`, \
        `CloudApp/cn-hangzhou`).\n\n\
        A poll that fails, or fails for some groups, keeps the last good data of what failed and says so \
        here. Data older than `poll.stale_after` is no longer served, and its \
        `appstreaming_group_refreshed_timestamp_seconds` goes with it; `appstreaming_up` and \
        `appstreaming_target_poll_timestamp_seconds` stay.",
    families: FAMILIES,
};

const fn gauge(
    name: &'static str,
    own_labels: &'static [&'static str],
    source: &'static str,
    help: &'static str,
    extract: Extract,
) -> Family {
    Family::new(Collector::Health, Kind::Gauge, name, own_labels, source, help, extract)
}

static FAMILIES: &[Family] = &[
    gauge(
        "appstreaming_up",
        &[],
        "the last poll",
        "Whether the last poll of the target succeeded whole: 1 or 0.",
        Extract::Target(|target| target.up.map(flag)),
    ),
    gauge(
        "appstreaming_group_refreshed_timestamp_seconds",
        &["operation"],
        "the last listing",
        "When the delivery group's data from this operation was last fetched whole.",
        Extract::GroupSeries(refreshed),
    ),
    gauge(
        "appstreaming_target_poll_timestamp_seconds",
        &[],
        "the last successful poll",
        "When the last poll of the target that succeeded whole ended.",
        Extract::Target(|target| target.last_success.map(seconds)),
    ),
];

fn refreshed(row: &GroupRow<'_>, series: &mut Series<'_>) {
    let operations = [
        (operation::LIST_APP_INSTANCE_GROUP, Some(row.facts.group.at)),
        (operation::LIST_APP_INSTANCES, row.facts.instances.as_ref().map(|instances| instances.at)),
        (
            operation::LIST_PERSISTENT_APP_INSTANCES,
            row.facts.persistent.as_ref().map(|persistent| persistent.at),
        ),
    ];
    for (operation, at) in operations {
        series.put_some(&[("operation", operation)], at.map(seconds));
    }
}
