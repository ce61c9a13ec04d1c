//! The families that show how fresh the fleet's data is.

use crate::fleet::operation;
use crate::fleet::timestamp::seconds;
use crate::metrics::catalogue::collector::Collector;
use crate::metrics::catalogue::family::{Extract, Family, Section};
use crate::metrics::input::{GroupRow, flag};
use crate::metrics::sample_writer::SampleWriter;

pub(super) const SECTION: Section = Section {
    title: "Freshness",
    introduction: "How fresh the fleet's data is. Collector `health`, always on. `target` is the product \
        type, with `/region` appended if the account lists regions (`CloudApp`, \
        `CloudApp/cn-hangzhou`).\n\n\
        If a poll fails, or fails for some groups, the last good data of the failed parts is kept and \
        these metrics show it. Data older than `poll.stale_after` is dropped together with \
        its `appstreaming_group_refreshed_timestamp_seconds`; `appstreaming_up` and \
        `appstreaming_target_poll_timestamp_seconds` are kept. Persistent sessions that are listed less often \
        than polled are kept for three of their own intervals if that is longer \
        (`poll.persistent_interval`).",
    families: FAMILIES,
};

const GAUGE: Family = Family { collector: Collector::Health, ..Family::GAUGE };

static FAMILIES: &[Family] = &[
    Family {
        name: "appstreaming_up",
        help: "Whether the last poll of the target succeeded completely: 1 or 0; no sample before the first poll has ended.",
        source: "the last poll",
        extract: Extract::Target(|target| target.up.map(flag)),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_refreshed_timestamp_seconds",
        help: "Time of the last complete listing of the delivery group's data by this operation, in Unix seconds.",
        source: "the last listing",
        labels: &["operation"],
        extract: Extract::GroupSeries(refreshed),
        ..GAUGE
    },
    Family {
        name: "appstreaming_target_poll_timestamp_seconds",
        help: "End of the target's last completely successful poll, in Unix seconds.",
        source: "the last successful poll",
        extract: Extract::Target(|target| target.last_success.map(seconds)),
        ..GAUGE
    },
];

fn refreshed(row: &GroupRow<'_>, samples: &mut SampleWriter<'_>) {
    let operations = [
        (operation::LIST_APP_INSTANCE_GROUP, Some(row.snapshot.group.at)),
        (operation::LIST_APP_INSTANCES, row.snapshot.instances.as_ref().map(|instances| instances.at)),
        (
            operation::LIST_PERSISTENT_APP_INSTANCES,
            row.snapshot.persistent.as_ref().map(|persistent| persistent.at),
        ),
    ];
    for (operation, at) in operations {
        samples.write_some(&[("operation", operation)], at.map(seconds));
    }
}
