//! `NodePool` in the records of `ListAppInstanceGroup`.

use jiff::civil::Date;
use serde::Serialize;

use super::json::as_text;
use crate::simulator::fleet::{SimulatedGroup, SimulatedPeriod, SimulatedPool, SimulatedSchedule};

/// One element of `NodePool`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedPool<'a> {
    node_pool_id: &'a str,
    node_instance_type: &'static str,
    node_amount: u32,
    node_used: u32,
    node_capacity: u32,
    scaling_node_amount: u32,
    scaling_node_used: u32,
    strategy_type: &'static str,
    amount: u32,
    max_scaling_amount: u32,
    max_idle_app_instance_amount: u32,
    scaling_step: u32,
    #[serde(serialize_with = "as_text")]
    scaling_usage_threshold: u32,
    scaling_down_after_idle_minutes: u32,
    recurrence_schedules: Vec<ListedSchedule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy_disable_date: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy_enable_date: Option<Date>,
    warm_up: bool,
    node_type_name: &'static str,
}

/// One element of `RecurrenceSchedules`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedSchedule {
    recurrence_type: &'static str,
    recurrence_values: &'static [i8],
    timer_periods: Vec<ListedPeriod>,
}

/// One element of `TimerPeriods`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedPeriod {
    amount: u32,
    end_time: String,
    start_time: String,
}

impl<'a> ListedPool<'a> {
    /// The records of a group's pools; empty for a group that is sold by session.
    pub fn all(group: &'a SimulatedGroup) -> Vec<Self> {
        let pools = if group.settings.sold_by_node { group.pools.as_slice() } else { &[] };
        pools.iter().enumerate().map(|(position, pool)| Self::of(group, position, pool)).collect()
    }

    fn of(group: &SimulatedGroup, position: usize, pool: &'a SimulatedPool) -> Self {
        let occupancy = group.occupancy(position);
        let schedules = pool.schedules.iter();
        Self {
            node_pool_id: &pool.id,
            node_instance_type: pool.size.instance_type,
            node_amount: occupancy.nodes,
            node_used: occupancy.nodes_used,
            node_capacity: pool.size.capacity,
            scaling_node_amount: occupancy.scaling_nodes,
            scaling_node_used: occupancy.scaling_nodes_used,
            strategy_type: pool.strategy.as_str(),
            amount: pool.bought,
            max_scaling_amount: pool.max_scaling,
            max_idle_app_instance_amount: pool.max_idle,
            scaling_step: pool.step,
            scaling_usage_threshold: pool.threshold,
            scaling_down_after_idle_minutes: pool.idle_minutes,
            recurrence_schedules: schedules.map(|schedule| ListedSchedule::of(schedule, pool)).collect(),
            strategy_disable_date: pool.enabled.map(|(_, last)| last),
            strategy_enable_date: pool.enabled.map(|(first, _)| first),
            warm_up: pool.warm_up,
            node_type_name: pool.size.type_name,
        }
    }
}

impl ListedSchedule {
    fn of(schedule: &SimulatedSchedule, pool: &SimulatedPool) -> Self {
        let periods = schedule.periods.iter();
        Self {
            recurrence_type: schedule.recurrence_type,
            recurrence_values: schedule.weekdays,
            timer_periods: periods.map(|period| ListedPeriod::of(period, pool.schedule_factor)).collect(),
        }
    }
}

impl ListedPeriod {
    fn of(period: &SimulatedPeriod, factor: u32) -> Self {
        let clock = |(hour, minute): (i8, i8)| format!("{hour:02}:{minute:02}");
        Self { amount: period.nodes * factor, end_time: clock(period.end), start_time: clock(period.start) }
    }
}
