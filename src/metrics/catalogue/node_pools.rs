//! Node pools of delivery groups, as `ListAppInstanceGroup` describes them.

use std::collections::BTreeMap;

use jiff::civil::Time;

use super::{Chapter, Collector, Extract, Family};
use crate::metrics::Kind;
use crate::metrics::rows::{PoolRow, flag};
use crate::metrics::series::Series;

pub(super) const CHAPTER: Chapter = Chapter {
    title: "Node pools",
    introduction: "From `ListAppInstanceGroup`, one element of `NodePool` each. Collector `node_pools`, \
        on by default. What a pool's schedule asks for is worked out in `schedule.time_zone`; the \
        schedule is in force only while `strategy_type` is `NODE_SCALING_BY_SCHEDULE`, whatever periods \
        are written down.",
    families: FAMILIES,
};

const fn gauge(
    name: &'static str,
    own_labels: &'static [&'static str],
    source: &'static str,
    help: &'static str,
    extract: Extract,
) -> Family {
    Family::new(Collector::NodePools, Kind::Gauge, name, own_labels, source, help, extract)
}

static FAMILIES: &[Family] = &[
    gauge(
        "appstreaming_node_pool_info",
        &["node_instance_type", "node_type_name"],
        "NodePool[].NodeInstanceType, NodePool[].NodeTypeName",
        "What the node pool's nodes are; always 1.",
        Extract::PoolSeries(|row, series| {
            let labels = [
                ("node_instance_type", &*row.pool.node_instance_type),
                ("node_type_name", &*row.pool.node_type_name),
            ];
            series.put(&labels, 1.0);
        }),
    ),
    gauge(
        "appstreaming_node_pool_strategy",
        &["strategy_type"],
        "NodePool[].StrategyType",
        "Whether the node pool scales by this strategy: 1 for the one in force, 0 for the others.",
        Extract::PoolSeries(|row, series| {
            let current = row.pool.strategy_type.as_deref();
            series.state_set("strategy_type", &row.table.words.strategy_type, current);
        }),
    ),
    gauge(
        "appstreaming_node_pool_nodes",
        &[],
        "NodePool[].NodeAmount",
        "Subscription nodes of the node pool.",
        Extract::Pool(|row| row.pool.nodes),
    ),
    gauge(
        "appstreaming_node_pool_nodes_used",
        &[],
        "NodePool[].NodeUsed",
        "Subscription nodes of the node pool that are in use.",
        Extract::Pool(|row| row.pool.nodes_used),
    ),
    gauge(
        "appstreaming_node_pool_scaling_nodes",
        &[],
        "NodePool[].ScalingNodeAmount",
        "Scalable nodes of the node pool.",
        Extract::Pool(|row| row.pool.scaling_nodes),
    ),
    gauge(
        "appstreaming_node_pool_scaling_nodes_used",
        &[],
        "NodePool[].ScalingNodeUsed",
        "Scalable nodes of the node pool that are in use.",
        Extract::Pool(|row| row.pool.scaling_nodes_used),
    ),
    gauge(
        "appstreaming_node_pool_node_capacity",
        &[],
        "NodePool[].NodeCapacity",
        "Sessions that one node of the node pool can serve at once.",
        Extract::Pool(|row| row.pool.node_capacity),
    ),
    gauge(
        "appstreaming_node_pool_amount",
        &[],
        "NodePool[].Amount",
        "Nodes bought for the node pool when the delivery group was made.",
        Extract::Pool(|row| row.pool.amount),
    ),
    gauge(
        "appstreaming_node_pool_max_scaling_amount",
        &[],
        "NodePool[].MaxScalingAmount",
        "Most nodes that scaling may add to the node pool.",
        Extract::Pool(|row| row.pool.max_scaling_amount),
    ),
    gauge(
        "appstreaming_node_pool_max_idle_app_instances",
        &[],
        "NodePool[].MaxIdleAppInstanceAmount",
        "Idle sessions above which no scale-out of the node pool happens.",
        Extract::Pool(|row| row.pool.max_idle_app_instances),
    ),
    gauge(
        "appstreaming_node_pool_scaling_step",
        &[],
        "NodePool[].ScalingStep",
        "Nodes added by one scale-out of the node pool.",
        Extract::Pool(|row| row.pool.scaling_step),
    ),
    gauge(
        "appstreaming_node_pool_scaling_usage_threshold_ratio",
        &[],
        "NodePool[].ScalingUsageThreshold",
        "Session usage above which a scale-out of the node pool starts, 0 to 1.",
        Extract::Pool(|row| row.pool.scaling_usage_threshold),
    ),
    gauge(
        "appstreaming_node_pool_scaling_down_after_idle_seconds",
        &[],
        "NodePool[].ScalingDownAfterIdleMinutes",
        "How long a node of the node pool is idle before scale-in releases it.",
        Extract::Pool(|row| row.pool.scaling_down_after_idle_seconds),
    ),
    gauge(
        "appstreaming_node_pool_warm_up",
        &[],
        "NodePool[].WarmUp",
        "Whether nodes of the node pool are prepared ahead: 1 or 0.",
        Extract::Pool(|row| row.pool.warm_up.map(flag)),
    ),
    gauge(
        "appstreaming_node_pool_strategy_enable_timestamp_seconds",
        &[],
        "NodePool[].StrategyEnableDate",
        "Start of the first day on which the node pool's strategy is in force.",
        Extract::Pool(|row| row.strategy_enable()),
    ),
    gauge(
        "appstreaming_node_pool_strategy_disable_timestamp_seconds",
        &[],
        "NodePool[].StrategyDisableDate",
        "End of the last day on which the node pool's strategy is in force: the midnight after it.",
        Extract::Pool(|row| row.strategy_disable()),
    ),
    gauge(
        "appstreaming_node_pool_schedule_amount",
        &["weekday", "start", "end"],
        "NodePool[].RecurrenceSchedules[]",
        "Nodes that this period of the schedule asks for, whether the schedule is in force or not; weekday 1 is Monday, start and end are HH:mm.",
        Extract::PoolSeries(schedule_amount),
    ),
    gauge(
        "appstreaming_node_pool_scheduled_amount",
        &[],
        "derived from NodePool[].RecurrenceSchedules[]",
        "Nodes that the schedule in force asks for now, 0 outside every period.",
        Extract::Pool(|row| row.scheduled_amount()),
    ),
    gauge(
        "appstreaming_node_pool_schedule_next_change_timestamp_seconds",
        &[],
        "derived from NodePool[].RecurrenceSchedules[]",
        "When the number of nodes that the schedule in force asks for next changes.",
        Extract::Pool(|row| row.next_change()),
    ),
];

/// One series a weekday and period; where two schedules name the same one, the larger amount, as
/// overlapping periods are read.
fn schedule_amount(row: &PoolRow<'_>, series: &mut Series<'_>) {
    let mut amounts: BTreeMap<(i8, Time, Time), f64> = BTreeMap::new();
    for schedule in &row.pool.schedules {
        for weekday in &schedule.weekdays {
            for period in &schedule.periods {
                let amount = amounts.entry((*weekday, period.start, period.end)).or_insert(period.amount);
                *amount = amount.max(period.amount);
            }
        }
    }
    for ((weekday, start, end), amount) in amounts {
        let (weekday, start, end) = (weekday.to_string(), minutes(start), minutes(end));
        series.put(&[("weekday", &weekday), ("start", &start), ("end", &end)], amount);
    }
}

fn minutes(time: Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}
