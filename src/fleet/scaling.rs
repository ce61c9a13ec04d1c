//! What is certain about the scaling of a group, also where the API does not return which node pool
//! serves a session.
//!
//! Sessions that do not fit on the other pools of a group must be on a given one: their number is
//! the lower bound of that pool's sessions. What is not here: the bounds of a whole group's usage
//! (`capacity`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::capacity::{self, Verdict, amount, pool_capacity, scales_by_usage};
use super::{Group, InstanceSummary, NodePool};

/// A scale-out that is due, although nothing has been added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DueScaleOut {
    /// The first listing since the last addition at which it was due.
    pub since: Timestamp,
    /// What a scale-out adds to; see [`scalable_resources`].
    resources: f64,
}

impl DueScaleOut {
    /// The state at a listing that ended at `at`, which follows `previous`; `None` if no scale-out
    /// is due.
    pub fn next(
        previous: Option<Self>,
        group: &Group,
        instances: &InstanceSummary,
        at: Timestamp,
    ) -> Option<Self> {
        if certain_verdict(group, instances) != Some(Verdict::Due) {
            return None;
        }
        let resources = scalable_resources(group, instances);
        let waiting = previous.filter(|previous| resources <= previous.resources);
        Some(Self { since: waiting.map_or(at, |previous| previous.since), resources })
    }
}

/// Whether a scale-out by usage is configured and may add something.
pub fn can_grow(group: &Group, instances: &InstanceSummary) -> bool {
    let by_session = group.node_pools.is_empty();
    let has_threshold = !by_session || amount(group.scaling_usage_threshold).is_some();
    has_threshold && capacity::can_scale_out(group, instances) == Some(true)
}

/// Like [`capacity::scale_out_verdict`]. In a group with several node pools, [`Verdict::AtLimit`]
/// or [`Verdict::Due`] if connected sessions alone prove it for one of the pools, else `None`.
pub fn certain_verdict(group: &Group, instances: &InstanceSummary) -> Option<Verdict> {
    if let Some(verdict) = capacity::scale_out_verdict(group, Some(instances)) {
        return Some(verdict);
    }
    let connected = capacity::sessions_connected(instances);
    let idle = instances.statuses.get("IDLE") as f64;
    let verdict = |pool: &NodePool| {
        let threshold = amount(pool.scaling_usage_threshold)?;
        let nodes = amount(pool.scaling_nodes)?;
        let max = max_scaling_nodes(pool)?;
        if least_sessions(group, pool, connected)? <= threshold * pool_capacity(pool)? {
            return None;
        }
        let held = amount(pool.max_idle_app_instances).is_some_and(|most| most > 0.0 && idle >= most);
        match nodes >= max {
            true => Some(Verdict::AtLimit),
            false => (!held).then_some(Verdict::Due),
        }
    };
    let verdicts: Vec<Verdict> = group.node_pools.iter().filter_map(verdict).collect();
    [Verdict::AtLimit, Verdict::Due].into_iter().find(|verdict| verdicts.contains(verdict))
}

/// Sessions in use, divided by the number above which usage exceeds the threshold even after
/// scaling has added all it may; the largest value of all node pools that scale by usage.
///
/// `None` where nothing scales by usage, or a factor is unknown.
pub fn limit_usage(group: &Group, instances: &InstanceSummary) -> Option<f64> {
    let in_use = capacity::sessions_in_use(instances);
    let share = |sessions: f64, limit: f64| (limit > 0.0).then(|| sessions / limit);
    if group.node_pools.is_empty() {
        let threshold = amount(group.scaling_usage_threshold)?;
        capacity::can_scale_out(group, instances)?;
        return share(in_use, threshold * amount(group.max_amount)?);
    }
    let of_pool = |pool: &NodePool| {
        let nodes = amount(pool.nodes)? + max_scaling_nodes(pool)?;
        let limit = amount(pool.scaling_usage_threshold)? * amount(pool.node_capacity)? * nodes;
        share(least_sessions(group, pool, in_use)?, limit)
    };
    group.node_pools.iter().filter_map(of_pool).max_by(f64::total_cmp)
}

/// What a scale-out adds to: elastic nodes, or instances that are not leaving.
fn scalable_resources(group: &Group, instances: &InstanceSummary) -> f64 {
    if group.node_pools.is_empty() {
        return capacity::present_instances(instances);
    }
    group.node_pools.iter().filter_map(|pool| amount(pool.scaling_nodes)).sum()
}

/// The number of nodes that scaling may add to a pool; `None` unless it scales by usage.
fn max_scaling_nodes(pool: &NodePool) -> Option<f64> {
    amount(pool.max_scaling_amount).filter(|max| *max > 0.0 && scales_by_usage(pool))
}

/// The smallest number of the group's `sessions` that can be on `pool`.
fn least_sessions(group: &Group, pool: &NodePool, sessions: f64) -> Option<f64> {
    let others = capacity::session_capacity(group, None)? - pool_capacity(pool)?;
    Some((sessions - others).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{DecodeIssues, FoldOptions, InstanceFold, InstanceRecord};

    /// `connected` sessions in use, and `idle` instances.
    fn sessions(connected: usize, idle: usize) -> InstanceSummary {
        let mut fold = InstanceFold::new(FoldOptions::default());
        for number in 0..connected + idle {
            let in_use = number < connected;
            let record = InstanceRecord {
                id: number.to_string().into(),
                status: Some(if in_use { "BOUND" } else { "IDLE" }.into()),
                session_status: in_use.then(|| "CONNECT".into()),
                ..InstanceRecord::default()
            };
            fold.add(&record, &mut DecodeIssues::default());
        }
        fold.finish(0).summary
    }

    /// A fixed pool for 20 sessions and a pool for 10, which may have `max` elastic nodes for 10
    /// sessions each.
    fn group(max: f64) -> Group {
        let pool = NodePool {
            node_capacity: Some(10.0),
            nodes: Some(2.0),
            scaling_nodes: Some(0.0),
            ..NodePool::default()
        };
        let fixed = NodePool { strategy_type: Some("NODE_FIXED".into()), ..pool.clone() };
        let scaling = NodePool {
            strategy_type: Some("NODE_SCALING_BY_USAGE".into()),
            nodes: Some(0.0),
            scaling_nodes: Some(1.0),
            scaling_usage_threshold: Some(0.8),
            max_scaling_amount: Some(max),
            ..pool
        };
        Group { charge_resource_mode: "Node".into(), node_pools: vec![fixed, scaling], ..Group::default() }
    }

    #[test]
    fn of_several_pools_only_sessions_that_fit_nowhere_else_prove_a_verdict() {
        let verdict = |max, connected| certain_verdict(&group(max), &sessions(connected, 0));
        assert_eq!(verdict(3.0, 28), None, "20 fit on the other pool, and 8 of 10 is the threshold");
        assert_eq!(verdict(3.0, 29), Some(Verdict::Due));
        assert_eq!(verdict(1.0, 29), Some(Verdict::AtLimit));
    }

    #[test]
    fn the_limit_is_the_threshold_of_everything_that_scaling_may_add() {
        let share = |max, in_use| limit_usage(&group(max), &sessions(in_use, 0));
        assert_eq!(share(3.0, 26), Some(6.0 / 24.0));
        assert_eq!(share(3.0, 10), Some(0.0));
        assert_eq!(share(0.0, 26), None, "scaling may add nothing");
        let by_session = Group {
            charge_resource_mode: "AppInstance".into(),
            scaling_usage_threshold: Some(0.5),
            max_amount: Some(10.0),
            ..Group::default()
        };
        assert_eq!(limit_usage(&by_session, &sessions(4, 4)), Some(0.8));
    }

    #[test]
    fn a_scale_out_is_due_since_the_last_addition() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let busy = sessions(29, 0);
        let first = DueScaleOut::next(None, &group(3.0), &busy, at(10)).unwrap();
        let second = DueScaleOut::next(Some(first), &group(3.0), &busy, at(70)).unwrap();
        assert_eq!(second.since, at(10));
        let mut grown = group(3.0);
        grown.node_pools[1].scaling_nodes = Some(2.0);
        grown.node_pools[1].scaling_usage_threshold = Some(0.1);
        let third = DueScaleOut::next(Some(second), &grown, &busy, at(130)).unwrap();
        assert_eq!(third.since, at(130), "a node was added");
        assert_eq!(DueScaleOut::next(Some(third), &group(3.0), &sessions(3, 0), at(190)), None);
    }

    #[test]
    fn a_group_sold_by_session_grows_only_with_a_threshold() {
        let by_session = |threshold| Group {
            charge_resource_mode: "AppInstance".into(),
            scaling_usage_threshold: threshold,
            max_amount: Some(10.0),
            ..Group::default()
        };
        assert!(can_grow(&by_session(Some(0.8)), &sessions(4, 4)));
        assert!(!can_grow(&by_session(None), &sessions(4, 4)));
        assert!(!can_grow(&by_session(Some(0.8)), &sessions(10, 0)));
        assert!(can_grow(&group(3.0), &sessions(4, 4)));
    }
}
