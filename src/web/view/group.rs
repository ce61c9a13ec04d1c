//! One group: a row of the fleet, and all its details.

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use crate::fleet::capacity::{self, Verdict};
use crate::fleet::history::MinuteCounts;
use crate::fleet::problems::{self, EvaluationContext, Problem, Severity};
use crate::fleet::{
    self, DurationHistogram, GroupCounters, GroupSnapshot, NodePool, Tally, operation, schedule,
};

/// One group, as a row of the fleet. Names and statuses are the API's own values.
#[derive(Debug, Serialize)]
pub(crate) struct GroupView<'a> {
    pub(crate) account: &'a str,
    pub(crate) target: &'a str,
    pub(crate) region_id: &'a str,
    pub(crate) group_id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) status: Option<&'a str>,
    pub(crate) resource_status: Option<&'a str>,
    pub(crate) sessions: SessionNumbers,
    /// When a schedule of its node pools next changes the number of nodes.
    pub(crate) next_schedule_change: Option<Timestamp>,
    /// When the subscription ends; `None` if it does not.
    pub(crate) expires: Option<Timestamp>,
    /// When the oldest part of its data was fetched.
    pub(crate) fetched: Timestamp,
    /// Whether users can start applications of the group; see [`problems::is_in_service`].
    pub(crate) in_service: bool,
    /// The most urgent one first.
    pub(crate) problems: Vec<Problem>,
}

/// A group's sessions. An unknown number is `None`, never 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct SessionNumbers {
    /// Sessions that the group can serve now.
    pub(crate) capacity: Option<f64>,
    /// Sessions in use now.
    pub(crate) in_use: Option<f64>,
    /// Sessions in use divided by the capacity.
    pub(crate) usage_ratio: Option<f64>,
    /// Sessions in use above which a scale-out starts.
    pub(crate) scale_out_at: Option<f64>,
    /// Sessions that can still start before a scale-out starts.
    pub(crate) until_scale_out: Option<f64>,
    /// Connected sessions divided by the capacity.
    pub(crate) connected_ratio: Option<f64>,
    /// Whether a scale-out starts; a label value of `appstreaming_group_scale_out`.
    pub(crate) scale_out: Option<&'static str>,
    /// The same for people.
    #[serde(skip)]
    pub(crate) scale_out_answer: Option<&'static str>,
    /// Instances without a user.
    pub(crate) idle: Option<u64>,
    /// Sessions with a connected user.
    pub(crate) connected: Option<u64>,
    /// Sessions whose user is disconnected.
    pub(crate) disconnected: Option<u64>,
}

impl<'a> GroupView<'a> {
    /// A row; `evaluation` and `time_zone` are those of the view.
    pub(crate) fn new(
        snapshot: &'a GroupSnapshot,
        evaluation: &EvaluationContext<'_>,
        time_zone: &TimeZone,
    ) -> Self {
        let data = &*snapshot.group.data;
        let next_change = |pool| schedule::next_change(pool, evaluation.now, time_zone);
        Self {
            account: &snapshot.account,
            target: &snapshot.target,
            region_id: &data.region_id,
            group_id: &data.id,
            name: &data.name,
            status: data.status.as_deref(),
            resource_status: data.resource_status.as_deref(),
            sessions: SessionNumbers::new(snapshot),
            next_schedule_change: data.node_pools.iter().filter_map(next_change).min(),
            expires: data.expires,
            fetched: snapshot.oldest(),
            in_service: problems::is_in_service(snapshot),
            problems: problems::check_group(snapshot, evaluation),
        }
    }

    /// The severity of its most urgent problem.
    pub(crate) fn severity(&self) -> Option<Severity> {
        self.problems.first().map(|problem| problem.severity)
    }
}

impl SessionNumbers {
    fn new(snapshot: &GroupSnapshot) -> Self {
        let group = &*snapshot.group.data;
        let instances = snapshot.instances.as_ref().map(|fetched| &*fetched.data);
        let verdict = capacity::scale_out_verdict(group, instances);
        Self {
            capacity: capacity::session_capacity(group, instances),
            in_use: instances.map(capacity::sessions_in_use),
            usage_ratio: capacity::usage_ratio(group, instances),
            scale_out_at: capacity::scale_out_at(group, instances),
            until_scale_out: capacity::sessions_until_scale_out(group, instances),
            connected_ratio: capacity::connected_ratio(group, instances),
            scale_out: verdict.map(Verdict::as_str),
            scale_out_answer: verdict.map(Verdict::answer),
            idle: instances.map(|instances| instances.statuses.get("IDLE")),
            connected: instances.map(|instances| instances.session_statuses.get("CONNECT")),
            disconnected: instances.map(|instances| instances.session_statuses.get("DISCONNECT")),
        }
    }
}

/// A group with all its details, as `/api/v1/groups/...` returns it. Texts are the API's own
/// values; `docs/api.md` describes every field.
#[derive(Debug, Serialize)]
pub(crate) struct GroupDetails<'a> {
    /// The row of the fleet; its fields are on the same level in JSON.
    #[serde(flatten)]
    pub(crate) group: GroupView<'a>,
    pub(crate) product_type: &'a str,
    pub(crate) instance_type: &'a str,
    pub(crate) os_type: &'a str,
    /// `PrePaid` or `PostPaid`.
    pub(crate) charge_type: &'a str,
    /// `Node` or `AppInstance`.
    pub(crate) charge_resource_mode: &'a str,
    pub(crate) image_id: &'a str,
    pub(crate) created: Option<Timestamp>,
    /// The version of a newer image, if there is one.
    pub(crate) image_update: Option<&'a str>,
    /// Instances by status; `None` without a recent listing.
    pub(crate) instances: Option<Vec<StatusCount<'a>>>,
    /// Persistent sessions by status; `None` without a recent listing.
    pub(crate) persistent_sessions: Option<Vec<StatusCount<'a>>>,
    pub(crate) node_pools: Vec<NodePoolView<'a>>,
    pub(crate) apps: Vec<AppView<'a>>,
    pub(crate) tags: Vec<TagView<'a>>,
    /// When each listing of the group was fetched.
    pub(crate) fetched_by: Vec<FetchTime>,
    /// Instances by status over the last hour, oldest first.
    pub(crate) history: Vec<HistoryPoint>,
    /// What happened since the exporter first listed the group; `None` before.
    pub(crate) events: Option<EventsView>,
    /// Nodes that carry instances by the number of sessions in use on them, as pairs of that number
    /// and the number of nodes.
    pub(crate) nodes_by_sessions: &'a [(u32, u64)],
    /// The data of `history`, for the chart.
    #[serde(skip)]
    pub(crate) samples: Vec<MinuteCounts>,
}

/// The number of instances or sessions with one status.
#[derive(Debug, Serialize)]
pub(crate) struct StatusCount<'a> {
    pub(crate) status: &'a str,
    pub(crate) count: u64,
    /// The last change of the instance that has been unchanged for the longest time; `None` if it
    /// is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) oldest_modified: Option<Timestamp>,
}

/// One node pool. A number is `None` if the API did not return it.
#[derive(Debug, Serialize)]
pub(crate) struct NodePoolView<'a> {
    pub(crate) node_pool_id: &'a str,
    pub(crate) node_instance_type: &'a str,
    pub(crate) node_type_name: &'a str,
    pub(crate) strategy_type: Option<&'a str>,
    /// Subscription nodes.
    pub(crate) nodes: Option<f64>,
    /// Subscription nodes in use.
    pub(crate) nodes_used: Option<f64>,
    /// Elastic nodes.
    pub(crate) scaling_nodes: Option<f64>,
    /// Elastic nodes in use.
    pub(crate) scaling_nodes_used: Option<f64>,
    /// Maximum number of elastic nodes.
    pub(crate) max_scaling_nodes: Option<f64>,
    /// Sessions that one node can serve at once.
    pub(crate) node_capacity: Option<f64>,
    /// Usage above which a scale-out starts, from 0 to 1.
    pub(crate) scaling_usage_threshold_ratio: Option<f64>,
    /// The number of nodes that the schedule sets now.
    pub(crate) scheduled_nodes: Option<f64>,
    pub(crate) next_schedule_change: Option<Timestamp>,
    /// The pool itself, for the drawing of its schedules.
    #[serde(skip)]
    pub(crate) data: &'a NodePool,
}

/// What happened in a group, as successive listings showed it.
#[derive(Debug, Serialize)]
pub(crate) struct EventsView {
    /// The first listing.
    pub(crate) since: Timestamp,
    pub(crate) sessions_started: u64,
    pub(crate) sessions_ended: u64,
    pub(crate) disconnects: u64,
    pub(crate) reconnects: u64,
    /// From the creation of an instance until it was ready.
    pub(crate) ready: Option<DurationsView>,
    /// The usage of sessions that ended.
    pub(crate) session_durations: Option<DurationsView>,
}

/// Durations in seconds; a quantile is at most 9 % too high.
#[derive(Debug, Serialize)]
pub(crate) struct DurationsView {
    pub(crate) count: u64,
    pub(crate) median: f64,
    pub(crate) p95: f64,
}

/// One application.
#[derive(Debug, Serialize)]
pub(crate) struct AppView<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) version_name: &'a str,
}

/// One tag.
#[derive(Debug, Serialize)]
pub(crate) struct TagView<'a> {
    pub(crate) key: &'a str,
    pub(crate) value: &'a str,
    /// Whether Alibaba Cloud set the tag; otherwise the customer did.
    pub(crate) system: bool,
}

/// When an operation last fetched its part of the group's data.
#[derive(Debug, Serialize)]
pub(crate) struct FetchTime {
    pub(crate) operation: &'static str,
    pub(crate) at: Timestamp,
}

/// Instances by status in one minute; statuses without instances are left out.
#[derive(Debug, Serialize)]
pub(crate) struct HistoryPoint {
    pub(crate) at: Timestamp,
    pub(crate) instances: Vec<(&'static str, u32)>,
}

/// All details of one group.
pub(crate) fn details<'a>(
    snapshot: &'a GroupSnapshot,
    samples: Vec<MinuteCounts>,
    evaluation: &EvaluationContext<'_>,
    time_zone: &TimeZone,
) -> GroupDetails<'a> {
    let data = &*snapshot.group.data;
    let instances = snapshot.instances.as_ref();
    let persistent = snapshot.persistent.as_ref();
    let oldest = |status: &str| {
        let known = &instances?.data.oldest_modified;
        known.iter().find(|(known, _)| **known == *status).map(|(_, oldest)| *oldest)
    };
    GroupDetails {
        group: GroupView::new(snapshot, evaluation, time_zone),
        product_type: &data.product_type,
        instance_type: &data.instance_type,
        os_type: &data.os_type,
        charge_type: &data.charge_type,
        charge_resource_mode: &data.charge_resource_mode,
        image_id: &data.image_id,
        created: data.created,
        image_update: data.ota.as_ref().map(|ota| &*ota.new_version).filter(|version| !version.is_empty()),
        instances: instances.map(|fetched| counts(&fetched.data.statuses, oldest)),
        persistent_sessions: persistent.map(|fetched| counts(&fetched.data.statuses, |_| None)),
        node_pools: data
            .node_pools
            .iter()
            .map(|pool| NodePoolView::new(pool, evaluation, time_zone))
            .collect(),
        apps: data.apps.iter().map(AppView::new).collect(),
        tags: data.tags.iter().map(TagView::new).collect(),
        fetched_by: fetch_times(snapshot),
        events: instances.map(|_| EventsView::new(&snapshot.counters)),
        nodes_by_sessions: instances.map_or(&[], |fetched| &fetched.data.nodes_by_sessions),
        history: samples.iter().map(HistoryPoint::new).collect(),
        samples,
    }
}

/// When each listing of the group was fetched.
fn fetch_times(snapshot: &GroupSnapshot) -> Vec<FetchTime> {
    let instances = snapshot.instances.as_ref().map(|fetched| fetched.at);
    let persistent = snapshot.persistent.as_ref().map(|fetched| fetched.at);
    let times = [
        (operation::LIST_APP_INSTANCE_GROUP, Some(snapshot.group.at)),
        (operation::LIST_APP_INSTANCES, instances),
        (operation::LIST_PERSISTENT_APP_INSTANCES, persistent),
    ];
    times.into_iter().filter_map(|(operation, at)| Some(FetchTime { operation, at: at? })).collect()
}

fn counts(tally: &Tally, oldest: impl Fn(&str) -> Option<Timestamp>) -> Vec<StatusCount<'_>> {
    let count = |(status, count)| StatusCount { status, count, oldest_modified: oldest(status) };
    tally.iter().map(count).collect()
}

impl EventsView {
    fn new(counters: &GroupCounters) -> Self {
        Self {
            since: counters.since,
            sessions_started: counters.sessions_started,
            sessions_ended: counters.sessions_ended,
            disconnects: counters.disconnects,
            reconnects: counters.reconnects,
            ready: DurationsView::new(&counters.ready),
            session_durations: DurationsView::new(&counters.session_durations),
        }
    }
}

impl DurationsView {
    fn new(durations: &DurationHistogram) -> Option<Self> {
        let (median, p95) = (durations.quantile(0.5)?, durations.quantile(0.95)?);
        Some(Self { count: durations.count(), median, p95 })
    }
}

impl<'a> NodePoolView<'a> {
    fn new(pool: &'a NodePool, evaluation: &EvaluationContext<'_>, time_zone: &TimeZone) -> Self {
        Self {
            node_pool_id: &pool.id,
            node_instance_type: &pool.node_instance_type,
            node_type_name: &pool.node_type_name,
            strategy_type: pool.strategy_type.as_deref(),
            nodes: pool.nodes,
            nodes_used: pool.nodes_used,
            scaling_nodes: pool.scaling_nodes,
            scaling_nodes_used: pool.scaling_nodes_used,
            max_scaling_nodes: pool.max_scaling_amount,
            node_capacity: pool.node_capacity,
            scaling_usage_threshold_ratio: pool.scaling_usage_threshold,
            scheduled_nodes: schedule::scheduled_amount(pool, evaluation.now, time_zone),
            next_schedule_change: schedule::next_change(pool, evaluation.now, time_zone),
            data: pool,
        }
    }
}

impl<'a> AppView<'a> {
    fn new(app: &'a fleet::App) -> Self {
        Self { id: &app.id, name: &app.name, version: &app.version, version_name: &app.version_name }
    }
}

impl<'a> TagView<'a> {
    fn new(tag: &'a fleet::Tag) -> Self {
        Self { key: &tag.key, value: &tag.value, system: tag.system }
    }
}

impl HistoryPoint {
    fn new(sample: &MinuteCounts) -> Self {
        Self { at: sample.at(), instances: sample.counts().filter(|(_, count)| *count > 0).collect() }
    }
}
