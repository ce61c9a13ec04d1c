//! Sessions that a group can serve, sessions in use, and sessions left until a scale-out.
//!
//! The formulas are those of the API documentation: usage is the sessions in use divided by the
//! sessions that can be served, and a scale-out starts when usage exceeds the threshold. The
//! documentation does not define which statuses count as in use; we assume `BOUND` and `RUNNING`.

use super::{Group, InstanceSummary, NodePool};

/// Statuses in which an instance does not count as capacity of an `AppInstance` group. Starting
/// instances count, because they are about to serve sessions.
const NOT_SERVING: [&str; 4] = ["CLOSING", "CLOSED", "DELETED", "UNAVAILABLE"];

/// `ChargeResourceMode`: how a group is sold. It decides what limits its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChargeMode {
    Node,
    AppInstance,
}

/// Sessions that `group` can serve now.
///
/// In `Node` mode: the sum over its node pools of node capacity x (nodes + elastic nodes); `None`
/// where there is no pool or a factor is unknown. In `AppInstance` mode: the number of instances
/// that are not closing, closed, deleted or unavailable; `None` without `instances`. In an unknown
/// mode: `None`.
pub fn session_capacity(group: &Group, instances: Option<&InstanceSummary>) -> Option<f64> {
    match charge_mode(group)? {
        ChargeMode::Node if group.node_pools.is_empty() => None,
        ChargeMode::Node => group.node_pools.iter().map(pool_capacity).sum(),
        ChargeMode::AppInstance => {
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

/// Sessions in use divided by the session capacity: at least 0, and above 1 when more sessions are
/// in use than the group can serve.
///
/// `None` where the capacity is unknown or 0, or the instances are unknown.
pub fn usage_ratio(group: &Group, instances: Option<&InstanceSummary>) -> Option<f64> {
    let capacity = positive_capacity(group, instances)?;
    Some(sessions_in_use(instances?) / capacity)
}

/// Sessions that can still start before usage exceeds the scaling threshold, never negative.
///
/// `None` where [`scale_out_at`] is `None`, or the instances are unknown.
pub fn sessions_until_scale_out(group: &Group, instances: Option<&InstanceSummary>) -> Option<f64> {
    Some((scale_out_at(group, instances)? - sessions_in_use(instances?)).max(0.0))
}

/// Sessions in use above which a scale-out starts.
///
/// In `AppInstance` mode the group's threshold applies. In `Node` mode the lowest threshold of the
/// pools that scale by usage applies. `None` where there is no threshold, or the capacity is
/// unknown or 0.
pub fn scale_out_at(group: &Group, instances: Option<&InstanceSummary>) -> Option<f64> {
    let threshold = match charge_mode(group)? {
        ChargeMode::Node => lowest_threshold(&group.node_pools)?,
        ChargeMode::AppInstance => amount(group.scaling_usage_threshold)?,
    };
    Some(floor_of_product(threshold, positive_capacity(group, instances)?))
}

/// Whether a scale-out by usage can still add capacity.
///
/// In `Node` mode: whether a pool that scales by usage has fewer elastic nodes than its maximum;
/// `None` without such a pool. In `AppInstance` mode: whether the session capacity is below the
/// upper bound of the number of instances. `None` where an unknown number decides.
pub fn can_scale_out(group: &Group, instances: &InstanceSummary) -> Option<bool> {
    match charge_mode(group)? {
        ChargeMode::Node => {
            let mut pools = group.node_pools.iter().filter(|pool| scales_by_usage(pool)).peekable();
            pools.peek()?;
            let mut unknown = false;
            let has_room =
                pools.any(|pool| match (amount(pool.scaling_nodes), amount(pool.max_scaling_amount)) {
                    (Some(nodes), Some(max)) => nodes < max,
                    _ => {
                        unknown = true;
                        false
                    }
                });
            if has_room || !unknown { Some(has_room) } else { None }
        }
        ChargeMode::AppInstance => {
            let serving = session_capacity(group, Some(instances))?;
            Some(serving < amount(group.max_amount)?)
        }
    }
}

fn charge_mode(group: &Group) -> Option<ChargeMode> {
    let mode = &group.charge_resource_mode;
    if mode.eq_ignore_ascii_case("Node") {
        Some(ChargeMode::Node)
    } else if mode.eq_ignore_ascii_case("AppInstance") {
        Some(ChargeMode::AppInstance)
    } else {
        None
    }
}

fn pool_capacity(pool: &NodePool) -> Option<f64> {
    // Only a pool that does not scale may omit its elastic nodes, because it has none.
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

/// The value if it is an amount: finite and not negative.
fn amount(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite() && *value >= 0.0)
}

/// The product, rounded down as in decimal arithmetic: 0.29 x 100 is 29, although the binary
/// product is slightly less.
fn floor_of_product(ratio: f64, whole: f64) -> f64 {
    /// Relative error: far above that of two roundings (about 1e-16 each), and far below 0.01
    /// sessions for every realistic capacity.
    const TOLERANCE: f64 = 1e-12;
    let product = ratio * whole;
    let nearest = product.round();
    if (product - nearest).abs() <= TOLERANCE * product { nearest } else { product.floor() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fleet::{DecodeIssues, FoldOptions, InstanceFold, InstanceRecord};

    fn instances(statuses: &[(&str, usize)]) -> InstanceSummary {
        let mut fold = InstanceFold::new(FoldOptions::default());
        for (status, count) in statuses {
            for number in 0..*count {
                let record = InstanceRecord {
                    id: format!("{status}-{number}").into(),
                    status: Some((*status).into()),
                    ..InstanceRecord::default()
                };
                fold.add(&record, &mut DecodeIssues::default());
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
    fn without_a_pool_or_with_an_unknown_factor_the_capacity_is_unknown() {
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
    fn elastic_nodes_may_be_absent_only_where_nothing_scales() {
        let fixed = NodePool { scaling_nodes: None, ..pool("NODE_FIXED", 2.0, 3.0, 0.0) };
        assert_eq!(session_capacity(&node_group(vec![fixed]), None), Some(6.0));
        let scaling = NodePool { scaling_nodes: None, ..pool("NODE_SCALING_BY_USAGE", 2.0, 3.0, 0.0) };
        assert_eq!(session_capacity(&node_group(vec![scaling]), None), None);
    }

    #[test]
    fn the_capacity_of_a_group_sold_by_session_is_its_serving_instances() {
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
    fn a_capacity_of_0_has_neither_ratio_nor_headroom() {
        let group = session_group(Some(0.85));
        let listed = instances(&[("CLOSED", 1)]);
        assert_eq!(session_capacity(&group, Some(&listed)), Some(0.0));
        assert_eq!(usage_ratio(&group, Some(&listed)), None);
        assert_eq!(sessions_until_scale_out(&group, Some(&listed)), None);
    }

    #[test]
    fn headroom_ends_at_the_threshold_and_is_never_negative() {
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
    fn in_node_mode_the_lowest_threshold_of_pools_that_scale_by_usage_applies() {
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
    fn a_group_can_scale_out_until_every_pool_has_reached_its_maximum() {
        let pool = |scaling_nodes, max| NodePool {
            max_scaling_amount: max,
            ..pool("NODE_SCALING_BY_USAGE", 2.0, 1.0, scaling_nodes)
        };
        let can_grow = |pools| can_scale_out(&node_group(pools), &instances(&[]));
        assert_eq!(can_grow(vec![pool(4.0, Some(4.0)), pool(3.0, Some(4.0))]), Some(true));
        assert_eq!(can_grow(vec![pool(4.0, Some(4.0))]), Some(false));
        assert_eq!(can_grow(vec![pool(4.0, None)]), None);
        assert_eq!(can_grow(vec![]), None);

        let sold_by_session = Group { max_amount: Some(3.0), ..session_group(None) };
        assert_eq!(can_scale_out(&sold_by_session, &instances(&[("IDLE", 2)])), Some(true));
        assert_eq!(can_scale_out(&sold_by_session, &instances(&[("IDLE", 3)])), Some(false));
    }

    #[test]
    fn rounding_errors_never_cost_a_session() {
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
