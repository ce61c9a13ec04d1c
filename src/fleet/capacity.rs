//! Sessions that a group can serve, how many are in use, and how far scale-out is.
//!
//! The formulas are the API documentation's: usage is sessions in use by sessions that can be served,
//! and a scale-out starts when usage passes the threshold. The documentation does not say which
//! statuses count as in use; `BOUND` and `RUNNING` is our reading of it.

use super::{Group, InstanceSummary, NodePool};

/// Statuses of instances that serve nobody and will not: they are no capacity of an
/// `AppInstance` group.
const NOT_SERVING: [&str; 4] = ["CLOSING", "CLOSED", "DELETED", "UNAVAILABLE"];

/// How a group is sold, which decides what limits its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Node,
    AppInstance,
}

/// Sessions that `group` can serve now.
///
/// In `Node` mode the sum over its node pools of node capacity x (nodes + scaling nodes), `None`
/// where there is no pool or a factor is not known; in `AppInstance` mode the instances that exist
/// and are not closing, closed, deleted or unavailable, `None` without `instances`. `None` in a mode
/// that nobody has heard of.
pub fn session_capacity(group: &Group, instances: Option<&InstanceSummary>) -> Option<f64> {
    match mode(group)? {
        Mode::Node if group.node_pools.is_empty() => None,
        Mode::Node => group.node_pools.iter().map(pool_capacity).sum(),
        Mode::AppInstance => {
            let statuses = &instances?.statuses;
            let not_serving: u64 = NOT_SERVING.iter().map(|status| statuses.get(status)).sum();
            Some((statuses.total() - not_serving) as f64)
        }
    }
}

/// Sessions in use now: instances that are `BOUND` or `RUNNING`.
pub fn sessions_in_use(instances: &InstanceSummary) -> f64 {
    (instances.statuses.get("BOUND") + instances.statuses.get("RUNNING")) as f64
}

/// Sessions in use by session capacity, from 0; above 1 when more are in use than should fit.
///
/// `None` where the capacity is not known or 0, or the instances are not known.
pub fn usage_ratio(group: &Group, instances: Option<&InstanceSummary>) -> Option<f64> {
    let capacity = positive_capacity(group, instances)?;
    Some(sessions_in_use(instances?) / capacity)
}

/// Sessions that can still start before usage passes the scaling threshold, never negative.
///
/// `None` where [`scale_out_at`] or the sessions in use are not known.
pub fn sessions_until_scale_out(group: &Group, instances: Option<&InstanceSummary>) -> Option<f64> {
    Some((scale_out_at(group, instances)? - sessions_in_use(instances?)).max(0.0))
}

/// Sessions in use above which a scale-out starts.
///
/// The threshold is the group's in `AppInstance` mode, and the lowest of the pools that scale by
/// usage in `Node` mode. `None` where none is in force, or [`usage_ratio`] is `None`.
pub fn scale_out_at(group: &Group, instances: Option<&InstanceSummary>) -> Option<f64> {
    let threshold = match mode(group)? {
        Mode::Node => lowest_threshold(&group.node_pools)?,
        Mode::AppInstance => amount(group.scaling_usage_threshold)?,
    };
    Some(floor_of_product(threshold, positive_capacity(group, instances)?))
}

/// Whether a scale-out by usage has anything left to add.
///
/// In `Node` mode whether a pool that scales by usage has fewer elastic nodes than it may have, in
/// `AppInstance` mode whether there are fewer instances than the upper bound. `None` where a bound is
/// not known.
pub fn can_scale_out(group: &Group, instances: &InstanceSummary) -> Option<bool> {
    match mode(group)? {
        Mode::Node => {
            let mut pools = group.node_pools.iter().filter(|pool| scales_by_usage(pool)).peekable();
            pools.peek()?;
            let mut unknown = false;
            let has_room =
                pools.any(|pool| match (amount(pool.scaling_nodes), amount(pool.max_scaling_amount)) {
                    (Some(nodes), Some(most)) => nodes < most,
                    _ => {
                        unknown = true;
                        false
                    }
                });
            if has_room || !unknown { Some(has_room) } else { None }
        }
        Mode::AppInstance => {
            let serving = session_capacity(group, Some(instances))?;
            Some(serving < amount(group.max_amount)?)
        }
    }
}

fn mode(group: &Group) -> Option<Mode> {
    let word = &group.charge_resource_mode;
    if word.eq_ignore_ascii_case("Node") {
        Some(Mode::Node)
    } else if word.eq_ignore_ascii_case("AppInstance") {
        Some(Mode::AppInstance)
    } else {
        None
    }
}

fn pool_capacity(pool: &NodePool) -> Option<f64> {
    // Only a pool that does not scale may leave its elastic nodes out: there they mean nothing.
    let scaling_nodes = match pool.scaling_nodes {
        None if pool.strategy_type.as_deref() == Some("NODE_FIXED") => Some(0.0),
        known => amount(known),
    };
    Some(amount(pool.node_capacity)? * (amount(pool.nodes)? + scaling_nodes?))
}

fn positive_capacity(group: &Group, instances: Option<&InstanceSummary>) -> Option<f64> {
    session_capacity(group, instances).filter(|capacity| *capacity > 0.0)
}

fn lowest_threshold(pools: &[NodePool]) -> Option<f64> {
    pools
        .iter()
        .filter(|pool| scales_by_usage(pool))
        .filter_map(|pool| amount(pool.scaling_usage_threshold))
        .min_by(f64::total_cmp)
}

fn scales_by_usage(pool: &NodePool) -> bool {
    pool.strategy_type.as_deref() == Some("NODE_SCALING_BY_USAGE")
}

/// A number that can be calculated with.
fn amount(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite() && *value >= 0.0)
}

/// The floor of the product that is meant: 0.29 x 100 is 29, though in binary it is a little less.
fn floor_of_product(ratio: f64, whole: f64) -> f64 {
    /// Far above what rounding twice can cost, far below what a percentage can mean.
    const TOLERANCE: f64 = 1e-12;
    let product = ratio * whole;
    let nearest = product.round();
    if (product - nearest).abs() <= TOLERANCE * product { nearest } else { product.floor() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Findings, FoldOptions, InstanceFold, InstanceRecord};
    use super::*;

    fn instances(statuses: &[(&str, usize)]) -> InstanceSummary {
        let mut fold = InstanceFold::new(FoldOptions::default());
        for (status, count) in statuses {
            for number in 0..*count {
                let id = format!("{status}-{number}");
                let record = InstanceRecord { id: &id, status: Some(status), ..InstanceRecord::default() };
                fold.add(&record, &mut Findings::default());
            }
        }
        fold.finish(0)
    }

    fn pool(strategy: &str, capacity: f64, nodes: f64, scaling_nodes: f64) -> NodePool {
        NodePool {
            strategy_type: Some(strategy.into()),
            node_capacity: Some(capacity),
            nodes: Some(nodes),
            scaling_nodes: Some(scaling_nodes),
            ..NodePool::default()
        }
    }

    fn node_group(pools: Vec<NodePool>) -> Group {
        Group { charge_resource_mode: "Node".into(), node_pools: pools, ..Group::default() }
    }

    fn session_group(threshold: Option<f64>) -> Group {
        Group {
            charge_resource_mode: "AppInstance".into(),
            scaling_usage_threshold: threshold,
            ..Group::default()
        }
    }

    #[test]
    fn node_capacity_is_summed_over_pools_and_both_kinds_of_nodes() {
        let group =
            node_group(vec![pool("NODE_FIXED", 2.0, 3.0, 0.0), pool("NODE_SCALING_BY_USAGE", 4.0, 1.0, 2.0)]);
        assert_eq!(session_capacity(&group, None), Some(18.0));
    }

    #[test]
    fn without_a_pool_or_a_factor_there_is_no_capacity() {
        assert_eq!(session_capacity(&node_group(vec![]), None), None);
        let unknown = NodePool { node_capacity: None, ..pool("NODE_FIXED", 0.0, 3.0, 0.0) };
        assert_eq!(
            session_capacity(&node_group(vec![pool("NODE_FIXED", 2.0, 3.0, 0.0), unknown]), None),
            None
        );
        let not_a_number = pool("NODE_FIXED", f64::NAN, 3.0, 0.0);
        assert_eq!(session_capacity(&node_group(vec![not_a_number]), None), None);
        assert_eq!(session_capacity(&Group::default(), Some(&instances(&[("IDLE", 3)]))), None);
    }

    #[test]
    fn elastic_nodes_may_be_left_out_only_where_nothing_scales() {
        let fixed = NodePool { scaling_nodes: None, ..pool("NODE_FIXED", 2.0, 3.0, 0.0) };
        assert_eq!(session_capacity(&node_group(vec![fixed]), None), Some(6.0));
        let scaling = NodePool { scaling_nodes: None, ..pool("NODE_SCALING_BY_USAGE", 2.0, 3.0, 0.0) };
        assert_eq!(session_capacity(&node_group(vec![scaling]), None), None);
    }

    #[test]
    fn a_group_sold_by_session_can_serve_on_the_instances_that_are_not_on_their_way_out() {
        let listed = instances(&[
            ("INIT", 1),
            ("STARTING", 1),
            ("RUNNING", 2),
            ("IDLE", 3),
            ("BOUND", 4),
            ("CLOSING", 5),
            ("CLOSED", 5),
            ("DELETED", 5),
            ("UNAVAILABLE", 5),
        ]);
        let group = session_group(None);
        assert_eq!(session_capacity(&group, Some(&listed)), Some(11.0));
        assert_eq!(sessions_in_use(&listed), 6.0);
        assert_eq!(usage_ratio(&group, Some(&listed)), Some(6.0 / 11.0));
        assert_eq!(session_capacity(&group, None), None);
    }

    #[test]
    fn capacity_0_has_neither_ratio_nor_headroom() {
        let group = session_group(Some(0.85));
        let listed = instances(&[("CLOSED", 1)]);
        assert_eq!(session_capacity(&group, Some(&listed)), Some(0.0));
        assert_eq!(usage_ratio(&group, Some(&listed)), None);
        assert_eq!(sessions_until_scale_out(&group, Some(&listed)), None);
    }

    #[test]
    fn headroom_is_what_is_left_below_the_threshold_and_never_negative() {
        let group = session_group(Some(0.85));
        let headroom = |bound, idle| {
            sessions_until_scale_out(&group, Some(&instances(&[("BOUND", bound), ("IDLE", idle)])))
        };
        assert_eq!(headroom(10, 10), Some(7.0));
        assert_eq!(headroom(17, 3), Some(0.0));
        assert_eq!(headroom(20, 0), Some(0.0));
        assert_eq!(sessions_until_scale_out(&session_group(None), Some(&instances(&[("IDLE", 1)]))), None);
    }

    #[test]
    fn in_node_mode_the_lowest_threshold_of_pools_that_scale_by_usage_is_in_force() {
        let with = |strategy, threshold| NodePool {
            scaling_usage_threshold: threshold,
            ..pool(strategy, 10.0, 1.0, 0.0)
        };
        let listed = instances(&[("BOUND", 4)]);
        let group = Group {
            scaling_usage_threshold: Some(0.1),
            ..node_group(vec![
                with("NODE_FIXED", Some(0.2)),
                with("NODE_SCALING_BY_USAGE", Some(0.9)),
                with("NODE_SCALING_BY_USAGE", Some(0.7)),
                with("NODE_SCALING_BY_USAGE", None),
            ])
        };
        assert_eq!(sessions_until_scale_out(&group, Some(&listed)), Some(28.0 - 4.0));

        let fixed = node_group(vec![with("NODE_FIXED", Some(0.2))]);
        assert_eq!(sessions_until_scale_out(&fixed, Some(&listed)), None);
    }

    #[test]
    fn a_scale_out_has_room_until_the_bound_of_every_pool_is_reached() {
        let pool = |scaling_nodes, most| NodePool {
            max_scaling_amount: most,
            ..pool("NODE_SCALING_BY_USAGE", 2.0, 1.0, scaling_nodes)
        };
        let grows = |pools| can_scale_out(&node_group(pools), &instances(&[]));
        assert_eq!(grows(vec![pool(4.0, Some(4.0)), pool(3.0, Some(4.0))]), Some(true));
        assert_eq!(grows(vec![pool(4.0, Some(4.0))]), Some(false));
        assert_eq!(grows(vec![pool(4.0, None)]), None);
        assert_eq!(grows(vec![]), None);

        let sold_by_session = Group { max_amount: Some(3.0), ..session_group(None) };
        assert_eq!(can_scale_out(&sold_by_session, &instances(&[("IDLE", 2)])), Some(true));
        assert_eq!(can_scale_out(&sold_by_session, &instances(&[("IDLE", 3)])), Some(false));
    }

    #[test]
    fn floating_point_never_takes_a_session_away() {
        assert_eq!(floor_of_product(0.85, 20.0), 17.0);
        assert_eq!(floor_of_product(0.29, 100.0), 29.0);
        assert_eq!(floor_of_product(0.57, 100.0), 57.0);
        assert_eq!(floor_of_product(0.5, 3.0), 1.0);
        assert_eq!(floor_of_product(0.0, 3.0), 0.0);
    }

    proptest! {
        #[test]
        fn the_floor_is_that_of_whole_percents(percent in 0_u64..=100, capacity in 0_u64..1_000_000) {
            let floor = floor_of_product(percent as f64 / 100.0, capacity as f64);
            prop_assert_eq!(floor, (percent * capacity / 100) as f64);
        }
    }
}
