//! The status of a group and of its image: a group is published, updated, expires and is renewed.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rand::RngExt;

use super::demand::random_duration;
use super::identity::{IdKind, identifier};
use super::model::{GroupPhase, NEVER, Second, SimulatedGroup};
use super::sessions;
use super::status::{GroupStatus, InstanceStatus};

const HOUR: Second = 3600;
const DAY: Second = 24 * HOUR;

/// Makes the changes that are due: the group expires or leaves its status, and the update of its
/// image continues.
pub(super) fn step(group: &mut SimulatedGroup) {
    let subscription_ended = group.expires.is_some_and(|expires| expires <= group.now);
    let is_expired = matches!(group.phase.status, GroupStatus::Expired | GroupStatus::ExpiredRecycling);
    if subscription_ended && !is_expired {
        let until = group.now + group.rng.random_range(2 * HOUR..8 * HOUR);
        enter(group, GroupStatus::Expired, until);
        close_all(group);
    } else if group.phase.until <= group.now {
        leave_status(group);
    }
    step_image(group);
}

fn leave_status(group: &mut SimulatedGroup) {
    let now = group.now;
    match group.phase.status {
        GroupStatus::Deploying if group.rng.random_bool(0.2) => {
            let until = now + random_duration(&mut group.rng, 1_800.0);
            enter(group, GroupStatus::Failed, until);
        }
        GroupStatus::Maintaining if group.rng.random_bool(0.15) => {
            let until = now + random_duration(&mut group.rng, 3_600.0);
            enter(group, GroupStatus::MaintainFailed, until);
        }
        GroupStatus::Maintaining => {
            if let Some(version) = group.ota.new_version.take() {
                group.ota.version = version;
                group.ota.task_id.clear();
                group.ota.due = now + random_duration(&mut group.rng, 3.0 * DAY as f64);
            }
            enter(group, GroupStatus::Published, NEVER);
        }
        GroupStatus::Deploying => {
            // An update that was interrupted when the subscription expired is due again.
            if group.ota.new_version.is_some() && group.ota.due == NEVER {
                group.ota.due = now + HOUR;
            }
            enter(group, GroupStatus::Published, NEVER);
        }
        GroupStatus::Failed | GroupStatus::Ceased => {
            let until = now + group.rng.random_range(300..1_200);
            enter(group, GroupStatus::Deploying, until);
        }
        GroupStatus::MaintainFailed => {
            let until = now + group.rng.random_range(600..2_400);
            enter(group, GroupStatus::Maintaining, until);
        }
        GroupStatus::Expired if group.rng.random_bool(0.5) => {
            let until = now + group.rng.random_range(6 * HOUR..2 * DAY);
            enter(group, GroupStatus::ExpiredRecycling, until);
        }
        GroupStatus::Expired | GroupStatus::ExpiredRecycling => {
            // The subscription is renewed for a month, and the group is deployed again.
            group.expires = Some(midnight_after(now + 30 * DAY));
            let until = now + group.rng.random_range(300..1_200);
            enter(group, GroupStatus::Deploying, until);
        }
        GroupStatus::Published => group.phase.until = NEVER,
    }
}

/// Makes an update of the image available, or installs the available one.
fn step_image(group: &mut SimulatedGroup) {
    if group.ota.due > group.now {
        return;
    }
    if group.ota.new_version.is_none() {
        let task = u64::try_from(group.now).unwrap_or(0);
        group.ota.new_version = Some(image_version(group.now));
        group.ota.task_id = identifier("ota-", group.settings.key, IdKind::Task, task);
        group.ota.due = group.now + random_duration(&mut group.rng, 8.0 * HOUR as f64).max(HOUR);
    } else if group.phase.status == GroupStatus::Published {
        group.ota.due = NEVER;
        let until = group.now + group.rng.random_range(600..2_400);
        enter(group, GroupStatus::Maintaining, until);
    }
}

fn enter(group: &mut SimulatedGroup, status: GroupStatus, until: Second) {
    group.phase = GroupPhase { status, until };
}

fn close_all(group: &mut SimulatedGroup) {
    for position in 0..group.instances.len() {
        if !matches!(group.instances[position].status, InstanceStatus::Closing | InstanceStatus::Closed) {
            sessions::close(group, position);
        }
    }
}

/// The version of an image that was created at this time.
pub(super) fn image_version(at: Second) -> String {
    let date = Timestamp::from_second(at).unwrap_or_default().to_zoned(TimeZone::UTC);
    date.strftime("0.0.1-D-%Y%m%d.%H%M%S").to_string()
}

/// The next midnight at UTC+8. Subscriptions end at midnight.
pub(super) fn midnight_after(at: Second) -> Second {
    let local = at + 8 * HOUR;
    (local.div_euclid(DAY) + 1) * DAY - 8 * HOUR
}
