//! A group's own life: it is published, updated, expires and is renewed.

use rand::RngExt;

use super::{
    demand::lasting,
    identity::{IdKind, identifier},
    model::{GroupPhase, NEVER, Second, SimulatedGroup},
    status::{GroupStatus, InstanceStatus},
};

const HOUR: Second = 3600;
const DAY: Second = 24 * HOUR;

impl SimulatedGroup {
    /// Whether its instances are kept running.
    pub(super) fn serves(&self) -> bool {
        matches!(
            self.phase.status,
            GroupStatus::Published | GroupStatus::Maintaining | GroupStatus::MaintainFailed
        )
    }

    /// Whether new sessions may begin.
    pub(super) fn takes_sessions(&self) -> bool {
        matches!(self.phase.status, GroupStatus::Published | GroupStatus::MaintainFailed)
    }

    /// `ResourceStatus`, which follows from the rest.
    pub(super) fn own_resource_status(&self) -> &'static str {
        match self.phase.status {
            GroupStatus::Deploying => "CREATING",
            GroupStatus::Maintaining => "UPGRADING",
            GroupStatus::Expired | GroupStatus::Ceased => "UNAVAILABLE",
            GroupStatus::ExpiredRecycling => "RELEASED",
            _ if self.expires.is_some_and(|expires| expires - self.now <= 7 * DAY) => "EXPIRED_IN_7_DAYS",
            _ => "AVAILABLE",
        }
    }

    /// Ends what has run out, and starts what is due.
    pub(super) fn step_lifecycle(&mut self) {
        let expired = self.expires.is_some_and(|expires| expires <= self.now);
        let over = matches!(self.phase.status, GroupStatus::Expired | GroupStatus::ExpiredRecycling);
        if expired && !over {
            let until = self.now + self.rng.random_range(2 * HOUR..8 * HOUR);
            self.enter(GroupStatus::Expired, until);
            self.close_everything();
        } else if self.phase.until <= self.now {
            self.leave_state();
        }
        self.step_image();
    }

    fn leave_state(&mut self) {
        let now = self.now;
        match self.phase.status {
            GroupStatus::Deploying if self.rng.random_bool(0.2) => {
                let until = now + lasting(&mut self.rng, 1_800.0);
                self.enter(GroupStatus::Failed, until);
            }
            GroupStatus::Maintaining if self.rng.random_bool(0.15) => {
                let until = now + lasting(&mut self.rng, 3_600.0);
                self.enter(GroupStatus::MaintainFailed, until);
            }
            GroupStatus::Maintaining => {
                if let Some(version) = self.ota.new_version.take() {
                    self.ota.version = version;
                    self.ota.task_id.clear();
                    self.ota.due = now + lasting(&mut self.rng, 3.0 * DAY as f64);
                }
                self.enter(GroupStatus::Published, NEVER);
            }
            GroupStatus::Deploying => {
                // An update that expiry interrupted is due again.
                if self.ota.new_version.is_some() && self.ota.due == NEVER {
                    self.ota.due = now + HOUR;
                }
                self.enter(GroupStatus::Published, NEVER);
            }
            GroupStatus::Failed | GroupStatus::Ceased => {
                let until = now + self.rng.random_range(300..1_200);
                self.enter(GroupStatus::Deploying, until);
            }
            GroupStatus::MaintainFailed => {
                let until = now + self.rng.random_range(600..2_400);
                self.enter(GroupStatus::Maintaining, until);
            }
            GroupStatus::Expired if self.rng.random_bool(0.5) => {
                let until = now + self.rng.random_range(6 * HOUR..2 * DAY);
                self.enter(GroupStatus::ExpiredRecycling, until);
            }
            GroupStatus::Expired | GroupStatus::ExpiredRecycling => {
                // Somebody pays for another month, and it is published again.
                self.expires = Some(midnight_after(now + 30 * DAY));
                let until = now + self.rng.random_range(300..1_200);
                self.enter(GroupStatus::Deploying, until);
            }
            GroupStatus::Published => self.phase.until = NEVER,
        }
    }

    /// A newer version of the image appears, or the one that waits is put in.
    fn step_image(&mut self) {
        if self.ota.due > self.now {
            return;
        }
        if self.ota.new_version.is_none() {
            let task = u64::try_from(self.now).unwrap_or(0);
            self.ota.new_version = Some(image_version(self.now));
            self.ota.task_id = identifier("ota-", self.settings.key, IdKind::Task, task);
            self.ota.due = self.now + lasting(&mut self.rng, 8.0 * HOUR as f64).max(HOUR);
        } else if self.phase.status == GroupStatus::Published {
            self.ota.due = NEVER;
            let until = self.now + self.rng.random_range(600..2_400);
            self.enter(GroupStatus::Maintaining, until);
        }
    }

    fn enter(&mut self, status: GroupStatus, until: Second) {
        self.phase = GroupPhase { status, until };
    }

    fn close_everything(&mut self) {
        for position in 0..self.instances.len() {
            if !matches!(self.instances[position].status, InstanceStatus::Closing | InstanceStatus::Closed) {
                self.close(position);
            }
        }
    }
}

/// A version of an image, named after the day on which it was made.
pub(super) fn image_version(at: Second) -> String {
    let date = jiff::Timestamp::from_second(at).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    date.strftime("0.0.1-D-%Y%m%d.%H%M%S").to_string()
}

/// The next midnight of Beijing: subscriptions end there.
pub(super) fn midnight_after(at: Second) -> Second {
    let local = at + 8 * HOUR;
    (local.div_euclid(DAY) + 1) * DAY - 8 * HOUR
}
