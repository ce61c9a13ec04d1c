//! The eight kinds of groups in a fleet, as data.

use super::model::{NodeSize, SimulatedApp, SimulatedPeriod, SimulatedSchedule};
use super::status::{GroupStatus, Strategy};

/// The properties that all groups of one kind share. Fields without a comment of their own are
/// those of [`GroupSettings`](super::model::GroupSettings) and
/// [`SimulatedPool`](super::model::SimulatedPool).
pub(super) struct GroupTemplate {
    pub(super) name: &'static str,
    pub(super) region_id: &'static str,
    pub(super) prepaid: bool,
    pub(super) sold_by_node: bool,
    pub(super) auth_mode: &'static str,
    pub(super) access_type: &'static str,
    pub(super) session_timeout: i32,
    pub(super) mixed_network: bool,
    /// Whether `OfficeSiteId` ends in a line feed, as in the API's sample.
    pub(super) line_feed: bool,
    pub(super) peak: f64,
    /// The mean length of a session in minutes.
    pub(super) session_minutes: f64,
    pub(super) pools: &'static [PoolTemplate],
    pub(super) tags: &'static [(&'static str, &'static str, &'static str)],
    pub(super) apps: &'static [SimulatedApp],
    pub(super) user_groups: &'static [&'static str],
    /// The initial statuses of the groups of this kind, in turn, and their length in minutes;
    /// `None`: no fixed end.
    pub(super) phases: &'static [(GroupStatus, Option<i64>)],
    /// Minutes until the subscription ends; `None`: 10 to 60 days.
    pub(super) expires_minutes: Option<i64>,
    /// Minutes until an update of the image is available; `None`: 8 hours to 5 days.
    pub(super) update_minutes: Option<i64>,
}

/// One of the pools of a kind of group.
pub(super) struct PoolTemplate {
    /// The share of the group's instances that are in this pool.
    pub(super) share: f64,
    pub(super) size: NodeSize,
    pub(super) strategy: Strategy,
    /// The share of its initial nodes that are bought. Scaling has added the others.
    pub(super) bought: f64,
    pub(super) threshold: u32,
    pub(super) idle_minutes: u32,
    pub(super) schedules: &'static [SimulatedSchedule],
    /// Whether the strategy has an enable date and a disable date.
    pub(super) dated: bool,
    pub(super) warm_up: bool,
}

const GENERAL_SMALL: NodeSize =
    NodeSize {
        instance_type: "appstreaming.general.4c8g", type_name: "无影-通用型_4核8G", capacity: 2
    };
const GENERAL: NodeSize =
    NodeSize {
        instance_type: "appstreaming.general.8c16g", type_name: "无影-通用型_8核16G", capacity: 4
    };
const GRAPHICS: NodeSize = NodeSize {
    instance_type: "appstreaming.vgpu.8c31g.16g",
    type_name: "无影-图形型_8核31G_16G",
    capacity: 4,
};
const GRAPHICS_LARGE: NodeSize = NodeSize {
    instance_type: "appstreaming.vgpu.14c93g.12g",
    type_name: "无影-图形型_14核93G_12G",
    capacity: 6,
};
/// A slot for one session, in groups that are sold by session. The API does not show it.
const SESSION: NodeSize = NodeSize { instance_type: "", type_name: "", capacity: 1 };

const OFFICE: SimulatedApp = SimulatedApp {
    id: "ca-i87mycyn419nu0001",
    name: "办公应用",
    version: "1.0.0",
    version_name: "初始版本",
    icon: "https://app-center-icon-0001.png",
};
const CAD: SimulatedApp = SimulatedApp {
    id: "ca-i87mycyn419nu0002",
    name: "CAD Viewer \"2026\"",
    version: "2.3.1",
    version_name: "2026 R1",
    icon: "",
};

/// Periods of working hours. The amounts are eighths of a pool's initial nodes.
const LESSONS: &[SimulatedSchedule] = &[
    SimulatedSchedule {
        recurrence_type: "Weekly",
        weekdays: &[1, 2, 3, 4, 5],
        periods: &[period(6, (8, 0), (12, 0)), period(8, (13, 0), (18, 30)), period(3, (19, 0), (22, 0))],
    },
    SimulatedSchedule {
        recurrence_type: "weekly",
        weekdays: &[6, 7],
        periods: &[period(2, (9, 0), (17, 0))],
    },
];
/// One node, multiplied by the pool's factor, at any time except for the minute before midnight: no
/// period crosses midnight.
pub(super) const ALWAYS: &[SimulatedSchedule] = &[SimulatedSchedule {
    recurrence_type: "Weekly",
    weekdays: &[1, 2, 3, 4, 5, 6, 7],
    periods: &[period(1, (0, 0), (23, 59))],
}];
/// A schedule of a pool that does not scale by schedule, as in the API's sample.
const LEFT_OVER: &[SimulatedSchedule] = &[SimulatedSchedule {
    recurrence_type: "Weekly",
    weekdays: &[1],
    periods: &[period(5, (9, 30), (11, 0))],
}];

const fn period(nodes: u32, start: (i8, i8), end: (i8, i8)) -> SimulatedPeriod {
    SimulatedPeriod { nodes, start, end }
}

const fn pool(share: f64, size: NodeSize, strategy: Strategy, bought: f64) -> PoolTemplate {
    PoolTemplate {
        share,
        size,
        strategy,
        bought,
        threshold: 85,
        idle_minutes: 5,
        schedules: &[],
        dated: false,
        warm_up: false,
    }
}

const PUBLISHED: &[(GroupStatus, Option<i64>)] = &[(GroupStatus::Published, None)];

/// All kinds. Group number n is of kind n modulo 8.
pub(super) const TEMPLATES: [GroupTemplate; 8] = [
    GroupTemplate {
        name: "设计 CAD \"A\"\\组",
        region_id: "cn-shanghai",
        prepaid: true,
        sold_by_node: true,
        auth_mode: "App",
        access_type: "INTERNET",
        session_timeout: 15,
        mixed_network: true,
        line_feed: false,
        peak: 0.95,
        session_minutes: 45.0,
        pools: &[
            PoolTemplate { idle_minutes: 10, ..pool(0.7, GRAPHICS, Strategy::ByUsage, 0.7) },
            pool(0.3, GENERAL, Strategy::Fixed, 1.0),
        ],
        tags: &[("department", "design", "Custom"), ("acs:rm:rgId", "rg-acfm000000000001", "System")],
        apps: &[OFFICE, CAD],
        user_groups: &["ug-design", "ug-all"],
        phases: PUBLISHED,
        expires_minutes: None,
        update_minutes: None,
    },
    GroupTemplate {
        name: "Training Room",
        region_id: "cn-hangzhou",
        prepaid: false,
        sold_by_node: true,
        auth_mode: "AppInstanceGroup",
        access_type: "ANY",
        session_timeout: 15,
        mixed_network: false,
        line_feed: true,
        peak: 0.7,
        session_minutes: 60.0,
        pools: &[PoolTemplate {
            schedules: LESSONS,
            dated: true,
            warm_up: true,
            ..pool(1.0, GENERAL_SMALL, Strategy::BySchedule, 0.25)
        }],
        tags: &[("department", "training", "Custom")],
        apps: &[OFFICE],
        user_groups: &["ug-training"],
        phases: PUBLISHED,
        expires_minutes: None,
        update_minutes: None,
    },
    GroupTemplate {
        name: "办公应用",
        region_id: "cn-hangzhou",
        prepaid: true,
        sold_by_node: true,
        auth_mode: "AppInstanceGroup",
        access_type: "VPC",
        session_timeout: 60,
        mixed_network: false,
        line_feed: true,
        peak: 0.85,
        session_minutes: 90.0,
        pools: &[PoolTemplate {
            schedules: LEFT_OVER,
            dated: true,
            ..pool(1.0, GENERAL, Strategy::Fixed, 1.0)
        }],
        tags: &[("department", "office", "Custom"), ("成本中心", "CC-1001", "Custom")],
        apps: &[OFFICE],
        user_groups: &["ug-all"],
        phases: PUBLISHED,
        expires_minutes: None,
        update_minutes: None,
    },
    GroupTemplate {
        name: "客服中心 (sessions only)",
        region_id: "cn-shanghai",
        prepaid: false,
        sold_by_node: false,
        auth_mode: "App",
        access_type: "INTERNET",
        session_timeout: 5,
        mixed_network: false,
        line_feed: false,
        peak: 0.9,
        session_minutes: 20.0,
        pools: &[PoolTemplate { threshold: 80, ..pool(1.0, SESSION, Strategy::ByUsage, 0.3) }],
        tags: &[("department", "service", "Custom")],
        apps: &[OFFICE],
        user_groups: &["ug-service"],
        phases: PUBLISHED,
        expires_minutes: None,
        update_minutes: None,
    },
    GroupTemplate {
        name: "持久工作区",
        region_id: "cn-shanghai",
        prepaid: true,
        sold_by_node: true,
        auth_mode: "Session",
        access_type: "INTERNET",
        session_timeout: -1,
        mixed_network: true,
        line_feed: false,
        peak: 0.8,
        session_minutes: 180.0,
        pools: &[PoolTemplate { idle_minutes: 15, ..pool(1.0, GRAPHICS_LARGE, Strategy::ByUsage, 0.8) }],
        tags: &[("department", "research", "Custom"), ("env", "", "Custom")],
        apps: &[OFFICE, CAD],
        user_groups: &["ug-research"],
        phases: PUBLISHED,
        expires_minutes: None,
        update_minutes: Some(45),
    },
    GroupTemplate {
        name: "Back office\nnight shift",
        region_id: "cn-hangzhou",
        prepaid: true,
        sold_by_node: false,
        auth_mode: "Session",
        access_type: "ANY",
        session_timeout: 300,
        mixed_network: false,
        line_feed: false,
        peak: 0.6,
        session_minutes: 120.0,
        pools: &[PoolTemplate { threshold: 90, ..pool(1.0, SESSION, Strategy::ByUsage, 0.5) }],
        tags: &[],
        apps: &[OFFICE],
        user_groups: &[],
        phases: PUBLISHED,
        expires_minutes: None,
        update_minutes: Some(5),
    },
    GroupTemplate {
        name: "临时项目",
        region_id: "cn-hangzhou",
        prepaid: true,
        sold_by_node: true,
        auth_mode: "App",
        access_type: "INTERNET",
        session_timeout: 15,
        mixed_network: false,
        line_feed: true,
        peak: 0.5,
        session_minutes: 45.0,
        pools: &[
            pool(0.5, GENERAL_SMALL, Strategy::Fixed, 1.0),
            pool(0.5, GENERAL_SMALL, Strategy::ByUsage, 0.5),
        ],
        tags: &[("department", "projects", "Custom")],
        apps: &[OFFICE],
        user_groups: &["ug-projects", "ug-all"],
        phases: &[
            (GroupStatus::Published, None),
            (GroupStatus::ExpiredRecycling, Some(600)),
            (GroupStatus::Published, None),
            (GroupStatus::Expired, Some(240)),
        ],
        expires_minutes: Some(90),
        update_minutes: None,
    },
    GroupTemplate {
        name: "新应用",
        region_id: "cn-shanghai",
        prepaid: false,
        sold_by_node: true,
        auth_mode: "AppInstanceGroup",
        access_type: "INTERNET",
        session_timeout: 3,
        mixed_network: false,
        line_feed: false,
        peak: 1.1,
        session_minutes: 25.0,
        pools: &[PoolTemplate { warm_up: true, ..pool(1.0, GENERAL, Strategy::ByUsage, 0.4) }],
        tags: &[("department", "service", "Custom"), ("stage", "pilot", "Custom")],
        apps: &[CAD],
        user_groups: &["ug-service", "ug-all"],
        phases: &[
            (GroupStatus::Deploying, Some(6)),
            (GroupStatus::Published, None),
            (GroupStatus::Failed, Some(30)),
            (GroupStatus::MaintainFailed, Some(50)),
            (GroupStatus::Ceased, Some(500)),
        ],
        expires_minutes: None,
        update_minutes: Some(120),
    },
];
