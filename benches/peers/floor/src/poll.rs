//! One poll: requests the whole fleet, and counts it.

use crate::connection::Connection;
use crate::pages::{DetailedPage, Group, GroupPage, InstancePage, PersistentPage, unix_seconds};

/// The statuses of instances. The last one stands for statuses that are not known.
pub const STATUSES: [&str; 10] = [
    "INIT",
    "STARTING",
    "CLOSING",
    "CLOSED",
    "RUNNING",
    "IDLE",
    "BOUND",
    "UNAVAILABLE",
    "DELETED",
    "UNKNOWN",
];
pub const SESSIONS: [&str; 2] = ["connect", "disconnect"];
pub const PERSISTENT_STATUSES: [&str; 9] = [
    "STARTING",
    "RUNNING",
    "STOPPED",
    "UNAVAILABLE",
    "DELETING",
    "PENDING",
    "STOPPING",
    "DELETED",
    "REBUILDING",
];
const PAGE_SIZE: usize = 100;

/// The result of a poll.
pub struct Fleet {
    pub groups: Vec<Group>,
    /// The counts of each group.
    pub counts: Vec<Counts>,
    /// All instances, if the metrics are detailed.
    pub rows: Vec<Row>,
    pub is_detailed: bool,
}

#[derive(Default)]
pub struct Counts {
    pub statuses: [i64; STATUSES.len()],
    pub sessions: [i64; SESSIONS.len()],
    pub persistent: [i64; PERSISTENT_STATUSES.len()],
}

/// One instance.
pub struct Row {
    pub group: usize,
    /// `ai-` and 16 characters.
    pub id: [u8; 19],
    pub status: &'static str,
    pub usage: i64,
    pub created: i64,
    pub modified: i64,
}

impl Fleet {
    pub fn poll(connection: &mut Connection, is_detailed: bool) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for_each_page(connection, "Action=ListAppInstanceGroup", |body| {
            let page: GroupPage = sonic_rs::from_slice(body).expect("a page of groups");
            groups.extend(page.app_instance_group_models);
            page.total_count
        });
        let (mut counts, mut rows) = (Vec::with_capacity(groups.len()), Vec::new());
        for (index, group) in groups.iter().enumerate() {
            let of_group =
                |action| format!("Action={action}&AppInstanceGroupId={}", group.app_instance_group_id);
            let mut found = Counts::default();
            for_each_page(connection, &of_group("ListAppInstances"), |body| {
                if is_detailed { found.add_detailed(body, index, &mut rows) } else { found.add(body) }
            });
            for_each_page(connection, &of_group("ListPersistentAppInstances"), |body| {
                found.add_persistent(body)
            });
            counts.push(found);
        }
        Self { groups, counts, rows, is_detailed }
    }
}

/// Requests pages until the total that `read` returns is reached.
fn for_each_page(connection: &mut Connection, query: &str, mut read: impl FnMut(&[u8]) -> usize) {
    for number in 1.. {
        let body = connection.get(&format!("{query}&PageSize={PAGE_SIZE}&PageNumber={number}"));
        if number * PAGE_SIZE >= read(body) {
            return;
        }
    }
}

impl Counts {
    fn add(&mut self, body: &[u8]) -> usize {
        let page: InstancePage = sonic_rs::from_slice(body).expect("a page of instances");
        for instance in &page.app_instance_models {
            self.add_instance(status_index(instance.status), instance.session_status);
        }
        page.total_count
    }

    fn add_detailed(&mut self, body: &[u8], group: usize, rows: &mut Vec<Row>) -> usize {
        let page: DetailedPage = sonic_rs::from_slice(body).expect("a page of instances");
        for instance in &page.app_instance_models {
            let status = status_index(instance.status);
            self.add_instance(status, instance.session_status);
            rows.push(Row {
                group,
                id: instance.app_instance_id.as_bytes().try_into().expect("an id has 19 characters"),
                status: STATUSES[status],
                usage: instance.bind_info.as_ref().map_or(0, |info| info.usage_duration as i64),
                created: unix_seconds(instance.gmt_create),
                modified: unix_seconds(instance.gmt_modified),
            });
        }
        page.total_count
    }

    fn add_instance(&mut self, status: usize, session: Option<&str>) {
        self.statuses[status] += 1;
        if let Some(session) = session {
            self.sessions[usize::from(session != SESSIONS[0])] += 1;
        }
    }

    fn add_persistent(&mut self, body: &[u8]) -> usize {
        let page: PersistentPage = sonic_rs::from_slice(body).expect("a page of persistent sessions");
        for session in &page.persistent_app_instance_models {
            let status = session.app_instance_persistent_status;
            if let Some(index) = PERSISTENT_STATUSES.iter().position(|name| *name == status) {
                self.persistent[index] += 1;
            }
        }
        page.total_count
    }
}

/// The index of a status in [`STATUSES`]; faster than a search in it.
fn status_index(status: &str) -> usize {
    match status {
        "INIT" => 0,
        "STARTING" => 1,
        "CLOSING" => 2,
        "CLOSED" => 3,
        "RUNNING" => 4,
        "IDLE" => 5,
        "BOUND" => 6,
        "UNAVAILABLE" => 7,
        "DELETED" => 8,
        _ => 9,
    }
}
