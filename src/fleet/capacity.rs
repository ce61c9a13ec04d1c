//! Sessions that a group can serve, the share of them in use, and whether the group scales out.
//!
//! The formulas are those of the API documentation: a scale-out starts when usage exceeds the
//! threshold. The vendor's pages disagree on usage: one counts connected sessions, another counts
//! bound ones. So usage has two bounds here: sessions in use (`BOUND` and `RUNNING` instances), and
//! connected sessions.

use super::{Group, InstanceSummary, NodePool};

/// Statuses in which an instance of an `AppInstance` group serves a session or can serve one at
/// once. Instances that are starting are not capacity yet.
const SERVING: [&str; 3] = ["IDLE", "BOUND", "RUNNING"];
/// Statuses in which an instance does not count against the maximum of an `AppInstance` group.
const LEAVING: [&str; 4] = ["CLOSING", "CLOSED", "DELETED", "UNAVAILABLE"];

/// `ChargeResourceMode`: how a group is sold. It decides what limits its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChargeMode {
    Node,
    AppInstance,
}

/// What scales a group out by usage.
#[derive(Debug, Clone, Copy)]
enum ScalingUnit<'a> {
    /// Instances of the group itself.
    Instances,
    /// The only node pool of a group in `Node` mode.
    Pool(&'a NodePool),
}

/// Whether a group scales out, and why not. The names are the label values of
/// `appstreaming_group_scale_out`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Sessions in use do not exceed the threshold.
    BelowThreshold,
    /// Sessions in use exceed the threshold, connected sessions do not.
    BetweenBounds,
    /// The node pool does not scale out while it has this many idle sessions.
    HeldByIdle,
    /// The group has the maximum of what scaling may add.
    AtLimit,
    /// Nothing holds the scale-out.
    Due,
}

impl Verdict {
    /// Every verdict, in the order in which they are checked.
    pub const ALL: [Self; 5] =
        [Self::BelowThreshold, Self::BetweenBounds, Self::HeldByIdle, Self::AtLimit, Self::Due];

    /// The label value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BelowThreshold => "below_threshold",
            Self::BetweenBounds => "between_bounds",
            Self::HeldByIdle => "held_by_idle",
            Self::AtLimit => "at_limit",
            Self::Due => "due",
        }
    }

    /// The answer for people to whether a scale-out starts.
    pub fn answer(self) -> &'static str {
        match self {
            Self::BelowThreshold => "no: usage is not above the threshold",
            Self::BetweenBounds => {
                "not certain: bound sessions are above the threshold, connected ones are not"
            }
            Self::HeldByIdle => "no: the node pool has enough idle sessions",
            Self::AtLimit => "no: nothing more may be added",
            Self::Due => "yes: usage is above the threshold",
        }
    }
}

/// Sessions that `group` can serve now.
///
/// In `Node` mode: the sum over its node pools of node capacity x (nodes + elastic nodes); `None`
/// where there is no pool or a factor is unknown. In `AppInstance` mode: the number of instances
/// that are `IDLE`, `BOUND` or `RUNNING`; `None` without `instances`. In an unknown mode: `None`.
pub fn session_capacity(group: &Group, instances: Option<&InstanceSummary>) -> Option<f64> {
    match charge_mode(group)? {
        ChargeMode::Node if group.node_pools.is_empty() => None,
        ChargeMode::Node => group.node_pools.iter().map(pool_capacity).sum(),
        ChargeMode::AppInstance => Some(count(instances?, &SERVING)),
    }
}

/// Sessions in use now: instances that are `BOUND` or `RUNNING`.
pub fn sessions_in_use(instances: &InstanceSummary) -> f64 {
    count(instances, &["BOUND", "RUNNING"])
}

/// Sessions that a user is connected to now.
pub fn sessions_connected(instances: &InstanceSummary) -> f64 {
    instances.session_statuses.get("CONNECT") as f64
}

/// The upper bound of usage: sessions in use divided by the session capacity. At least 0, and above
/// 1 when more sessions are in use than the group can serve.
///
/// `None` where the capacity is unknown or 0, or the instances are unknown.
pub fn usage_ratio(group: &Group, instances: Option<&InstanceSummary>) -> Option<f64> {
    let capacity = positive_capacity(group, instances)?;
    Some(sessions_in_use(instances?) / capacity)
}

/// The lower bound of usage: connected sessions divided by the session capacity; otherwise like
/// [`usage_ratio`].
pub fn connected_ratio(group: &Group, instances: Option<&InstanceSummary>) -> Option<f64> {
    let capacity = positive_capacity(group, instances)?;
    Some(sessions_connected(instances?) / capacity)
}

/// Sessions that can still start before usage exceeds the scaling threshold, never negative.
///
/// `None` where [`scale_out_at`] is `None`, the instances are unknown, or nothing more may be
/// added.
pub fn sessions_until_scale_out(group: &Group, instances: Option<&InstanceSummary>) -> Option<f64> {
    let limit = scale_out_at(group, instances)?;
    let instances = instances?;
    if can_scale_out(group, instances) == Some(false) {
        return None;
    }
    Some((limit - sessions_in_use(instances)).max(0.0))
}

/// Sessions in use above which a scale-out starts.
///
/// In `AppInstance` mode the group's threshold applies. In `Node` mode the threshold of its only
/// pool applies, if that scales by usage: with several pools, the API does not return which pool's
/// sessions are in use. `None` where there is no threshold, or the capacity is unknown or 0.
pub fn scale_out_at(group: &Group, instances: Option<&InstanceSummary>) -> Option<f64> {
    let threshold = match scaling_unit(group)? {
        ScalingUnit::Instances => amount(group.scaling_usage_threshold)?,
        ScalingUnit::Pool(pool) => amount(pool.scaling_usage_threshold)?,
    };
    Some(floor_of_product(threshold, positive_capacity(group, instances)?))
}

/// Whether the group scales out, and why not.
///
/// `None` where [`scale_out_at`] is `None`, or the instances are unknown.
pub fn scale_out_verdict(group: &Group, instances: Option<&InstanceSummary>) -> Option<Verdict> {
    let limit = scale_out_at(group, instances)?;
    let instances = instances?;
    let held_by_idle = match scaling_unit(group)? {
        ScalingUnit::Pool(pool) => amount(pool.max_idle_app_instances)
            .is_some_and(|most| most > 0.0 && count(instances, &["IDLE"]) >= most),
        ScalingUnit::Instances => false,
    };
    Some(if sessions_in_use(instances) <= limit {
        Verdict::BelowThreshold
    } else if sessions_connected(instances) <= limit {
        Verdict::BetweenBounds
    } else if held_by_idle {
        Verdict::HeldByIdle
    } else if can_scale_out(group, instances) == Some(false) {
        Verdict::AtLimit
    } else {
        Verdict::Due
    })
}

/// Whether a scale-out by usage may still add something.
///
/// In `Node` mode: whether a pool that scales by usage has fewer elastic nodes than its maximum;
/// `None` without such a pool. In `AppInstance` mode: whether the instances that are not leaving
/// are fewer than the maximum. `None` where an unknown number decides.
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
        ChargeMode::AppInstance => Some(present_instances(instances) < amount(group.max_amount)?),
    }
}

/// Instances that count against the maximum of a group in `AppInstance` mode.
pub(super) fn present_instances(instances: &InstanceSummary) -> f64 {
    instances.statuses.total() as f64 - count(instances, &LEAVING)
}

/// The largest number of sessions that a node of the group can serve at once; `None` where it is
/// unknown, or in `AppInstance` mode.
pub fn largest_node(group: &Group) -> Option<f64> {
    if charge_mode(group)? != ChargeMode::Node {
        return None;
    }
    group.node_pools.iter().filter_map(|pool| amount(pool.node_capacity)).max_by(f64::total_cmp)
}

/// What scales the group out by usage; `None` if nothing does, or if that is not known.
fn scaling_unit(group: &Group) -> Option<ScalingUnit<'_>> {
    match (charge_mode(group)?, &group.node_pools[..]) {
        (ChargeMode::AppInstance, _) => Some(ScalingUnit::Instances),
        (ChargeMode::Node, [pool]) if scales_by_usage(pool) => Some(ScalingUnit::Pool(pool)),
        (ChargeMode::Node, _) => None,
    }
}

/// Instances in any of these statuses.
fn count(instances: &InstanceSummary, statuses: &[&str]) -> f64 {
    statuses.iter().map(|status| instances.statuses.get(status)).sum::<u64>() as f64
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

/// Sessions that a node pool can serve now; `None` where a factor is unknown.
pub(super) fn pool_capacity(pool: &NodePool) -> Option<f64> {
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

/// Whether a node pool scales by usage.
pub(super) fn scales_by_usage(pool: &NodePool) -> bool {
    pool.strategy_type.as_deref() == Some("NODE_SCALING_BY_USAGE")
}

/// The value if it is an amount: finite and not negative.
pub(super) fn amount(value: Option<f64>) -> Option<f64> {
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
        fold.finish(0).summary
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
        assert_eq!(session_capacity(&group, Some(&listed)), Some(9.0), "INIT and STARTING are pending");
        assert_eq!(sessions_in_use(&listed), 6.0);
        assert_eq!(usage_ratio(&group, Some(&listed)), Some(6.0 / 9.0));
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
    fn in_node_mode_headroom_is_known_only_for_a_single_pool_that_scales_by_usage() {
        let with = |strategy, threshold| NodePool {
            scaling_usage_threshold: threshold,
            ..pool(strategy, 10.0, 2.0, 2.0)
        };
        let headroom = |pools| {
            let group = Group { scaling_usage_threshold: Some(0.1), ..node_group(pools) };
            sessions_until_scale_out(&group, Some(&instances(&[("BOUND", 4)])))
        };
        assert_eq!(headroom(vec![with("NODE_SCALING_BY_USAGE", Some(0.7))]), Some(28.0 - 4.0));
        assert_eq!(headroom(vec![with("NODE_SCALING_BY_USAGE", None)]), None);
        assert_eq!(headroom(vec![with("NODE_FIXED", Some(0.2))]), None);
        assert_eq!(headroom(vec![with("NODE_SCALING_BY_SCHEDULE", Some(0.2))]), None);
        let two = vec![with("NODE_SCALING_BY_USAGE", Some(0.7)), with("NODE_FIXED", None)];
        assert_eq!(headroom(two), None, "which pool's sessions are in use is unknown");
    }

    #[test]
    fn without_anything_to_add_there_is_no_headroom() {
        let group = Group { max_amount: Some(10.0), ..session_group(Some(0.85)) };
        let headroom = |idle, closed| {
            sessions_until_scale_out(&group, Some(&instances(&[("IDLE", idle), ("CLOSED", closed)])))
        };
        assert_eq!(headroom(10, 0), None);
        assert_eq!(headroom(8, 2), Some(6.0), "closed instances do not count against the maximum");
    }

    /// Sessions of a group: `connected` and `disconnected` ones in use, and `idle` ones.
    fn sessions(connected: usize, disconnected: usize, idle: usize) -> InstanceSummary {
        let mut fold = InstanceFold::new(FoldOptions::default());
        let states = std::iter::repeat_n(("BOUND", Some("CONNECT")), connected)
            .chain(std::iter::repeat_n(("BOUND", Some("DISCONNECT")), disconnected))
            .chain(std::iter::repeat_n(("IDLE", None), idle));
        for (number, (status, session_status)) in states.enumerate() {
            let record = InstanceRecord {
                id: number.to_string().into(),
                status: Some(status.into()),
                session_status: session_status.map(Into::into),
                ..InstanceRecord::default()
            };
            fold.add(&record, &mut DecodeIssues::default());
        }
        fold.finish(0).summary
    }

    #[test]
    fn connected_sessions_are_the_lower_bound_of_usage() {
        let group = session_group(None);
        let listed = sessions(20, 16, 4);
        assert_eq!(usage_ratio(&group, Some(&listed)), Some(0.9));
        assert_eq!(connected_ratio(&group, Some(&listed)), Some(0.5));
    }

    #[test]
    fn the_verdict_is_the_first_reason_that_fits() {
        let pool = NodePool {
            scaling_usage_threshold: Some(0.85),
            max_scaling_amount: Some(5.0),
            max_idle_app_instances: Some(2.0),
            ..pool("NODE_SCALING_BY_USAGE", 10.0, 2.0, 2.0)
        };
        let group = node_group(vec![pool.clone()]);
        let verdict = |listed: &InstanceSummary| scale_out_verdict(&group, Some(listed));
        assert_eq!(verdict(&sessions(34, 0, 6)), Some(Verdict::BelowThreshold), "the threshold itself");
        assert_eq!(verdict(&sessions(20, 16, 4)), Some(Verdict::BetweenBounds));
        assert_eq!(verdict(&sessions(36, 0, 2)), Some(Verdict::HeldByIdle));
        assert_eq!(verdict(&sessions(36, 0, 1)), Some(Verdict::Due));

        let full = node_group(vec![NodePool { max_scaling_amount: Some(2.0), ..pool.clone() }]);
        assert_eq!(scale_out_verdict(&full, Some(&sessions(36, 0, 1))), Some(Verdict::AtLimit));
        let never_held = node_group(vec![NodePool { max_idle_app_instances: Some(0.0), ..pool }]);
        assert_eq!(scale_out_verdict(&never_held, Some(&sessions(36, 0, 4))), Some(Verdict::Due));
        assert_eq!(scale_out_verdict(&session_group(None), Some(&sessions(1, 0, 0))), None);
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
        let can_grow = |statuses: &[_]| can_scale_out(&sold_by_session, &instances(statuses));
        assert_eq!(can_grow(&[("IDLE", 2)]), Some(true));
        assert_eq!(can_grow(&[("IDLE", 2), ("INIT", 1)]), Some(false));
        assert_eq!(can_grow(&[("IDLE", 2), ("CLOSED", 1), ("UNAVAILABLE", 1)]), Some(true));
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
