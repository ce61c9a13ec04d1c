//! Node pools of delivery groups, as `ListAppInstanceGroup` describes them.

use std::collections::BTreeMap;

use jiff::civil::Time;

use crate::metrics::catalogue::collector::Collector;
use crate::metrics::catalogue::family::{Extract, Family, Section};
use crate::metrics::input::{PoolRow, flag};
use crate::metrics::sample_writer::SampleWriter;

pub(super) const SECTION: Section = Section {
    title: "Node pools",
    introduction: "From `ListAppInstanceGroup`, one element of `NodePool` for each node pool. \
        Collector `node_pools`, on by default. Schedules are evaluated in `schedule.time_zone`. A schedule \
        is active only while `strategy_type` is `NODE_SCALING_BY_SCHEDULE`; its periods are always exported.",
    families: FAMILIES,
};

const GAUGE: Family = Family { collector: Collector::NodePools, ..Family::GAUGE };

static FAMILIES: &[Family] = &[
    Family {
        name: "appstreaming_node_pool_info",
        help: "Node type of the node pool; always 1.",
        source: "NodePool[].NodeInstanceType, NodePool[].NodeTypeName",
        labels: &["node_instance_type", "node_type_name"],
        extract: Extract::PoolSeries(|row, samples| {
            let labels = [
                ("node_instance_type", &*row.pool.node_instance_type),
                ("node_type_name", &*row.pool.node_type_name),
            ];
            samples.write(&labels, 1.0);
        }),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_strategy",
        help: "Whether the node pool scales by this strategy: 1 for the active one, 0 for the others.",
        source: "NodePool[].StrategyType",
        labels: &["strategy_type"],
        extract: Extract::PoolSeries(|row, samples| {
            let current = row.pool.strategy_type.as_deref();
            samples.write_state_set("strategy_type", &row.input.values.strategy_type, current);
        }),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_nodes",
        help: "Subscription nodes of the node pool.",
        source: "NodePool[].NodeAmount",
        extract: Extract::Pool(|row| row.pool.nodes),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_nodes_used",
        help: "Subscription nodes of the node pool that are in use.",
        source: "NodePool[].NodeUsed",
        extract: Extract::Pool(|row| row.pool.nodes_used),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_scaling_nodes",
        help: "Scalable nodes of the node pool.",
        source: "NodePool[].ScalingNodeAmount",
        extract: Extract::Pool(|row| row.pool.scaling_nodes),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_scaling_nodes_used",
        help: "Scalable nodes of the node pool that are in use.",
        source: "NodePool[].ScalingNodeUsed",
        extract: Extract::Pool(|row| row.pool.scaling_nodes_used),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_node_capacity",
        help: "Sessions that one node of the node pool can serve at once.",
        source: "NodePool[].NodeCapacity",
        extract: Extract::Pool(|row| row.pool.node_capacity),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_amount",
        help: "Nodes bought for the node pool when the delivery group was created.",
        source: "NodePool[].Amount",
        extract: Extract::Pool(|row| row.pool.amount),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_max_scaling_amount",
        help: "Maximum number of nodes that scaling may add to the node pool.",
        source: "NodePool[].MaxScalingAmount",
        extract: Extract::Pool(|row| row.pool.max_scaling_amount),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_max_idle_app_instances",
        help: "The node pool does not scale out while it has this number of idle sessions or more.",
        source: "NodePool[].MaxIdleAppInstanceAmount",
        extract: Extract::Pool(|row| row.pool.max_idle_app_instances),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_scaling_step",
        help: "Nodes added by one scale-out of the node pool.",
        source: "NodePool[].ScalingStep",
        extract: Extract::Pool(|row| row.pool.scaling_step),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_scaling_usage_threshold_ratio",
        help: "Session usage above which a scale-out of the node pool starts, 0 to 1.",
        source: "NodePool[].ScalingUsageThreshold",
        extract: Extract::Pool(|row| row.pool.scaling_usage_threshold),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_scaling_down_after_idle_seconds",
        help: "Idle time in seconds after which scale-in releases a node of the node pool.",
        source: "NodePool[].ScalingDownAfterIdleMinutes",
        extract: Extract::Pool(|row| row.pool.scaling_down_after_idle_seconds),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_warm_up",
        help: "Whether nodes of the node pool are prepared in advance: 1 or 0.",
        source: "NodePool[].WarmUp",
        extract: Extract::Pool(|row| row.pool.warm_up.map(flag)),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_strategy_enable_timestamp_seconds",
        help: "Start of the first day on which the node pool's strategy is active, in Unix seconds.",
        source: "NodePool[].StrategyEnableDate",
        extract: Extract::Pool(|row| row.strategy_enable()),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_strategy_disable_timestamp_seconds",
        help: "End of the last day on which the node pool's strategy is active (the midnight after it), in Unix seconds.",
        source: "NodePool[].StrategyDisableDate",
        extract: Extract::Pool(|row| row.strategy_disable()),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_schedule_amount",
        help: "Nodes that this period of the schedule requires, even if the schedule is not active; weekday 1 is Monday, start and end are HH:mm.",
        source: "NodePool[].RecurrenceSchedules[]",
        labels: &["weekday", "start", "end"],
        extract: Extract::PoolSeries(schedule_amount),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_scheduled_amount",
        help: "Nodes that the active schedule requires now; 0 outside every period, no sample without an active schedule.",
        source: "derived from NodePool[].RecurrenceSchedules[]",
        extract: Extract::Pool(|row| row.scheduled_amount()),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_pool_schedule_next_change_timestamp_seconds",
        help: "Time at which the number of nodes required by the active schedule next changes, in Unix seconds.",
        source: "derived from NodePool[].RecurrenceSchedules[]",
        extract: Extract::Pool(|row| row.next_change()),
        ..GAUGE
    },
];

/// One series for each weekday and period. If several schedules contain the same period, the value
/// is the largest amount, as in the evaluation of overlapping periods.
fn schedule_amount(row: &PoolRow<'_>, samples: &mut SampleWriter<'_>) {
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
        let (weekday, start, end) = (weekday.to_string(), hours_and_minutes(start), hours_and_minutes(end));
        samples.write(&[("weekday", &weekday), ("start", &start), ("end", &end)], amount);
    }
}

fn hours_and_minutes(time: Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}
