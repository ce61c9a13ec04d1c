//! When a replica reads, claims and renews the Lease, and when it is the leader: a state machine
//! without clock and without I/O.
//!
//! Clocks of replicas are never compared. A standby counts the duration of a Lease from when it saw
//! the Lease change, by its own monotonic clock, and the leader counts it from when it sent the
//! renewal. The first of these instants is never before the second, so the leader's term ends
//! before another replica's claim.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::Leadership;
use super::lease::{Candidate, Lease, duration, holder, is_same_renewal};

/// Time between two reads of a standby, so that it sees a release within one second.
pub(super) const READ_INTERVAL: Duration = Duration::from_secs(1);
/// Time until a request that failed is repeated.
pub(super) const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// The leader renews the Lease this many times in its duration, so that it can miss several
/// renewals.
const RENEWALS: u32 = 5;
/// Conflicts in succession after each of which the Lease is read again without delay. Of several
/// replicas that claim a Lease at the same time, one succeeds, so one read is enough; more are
/// needed only while other clients write to the Lease.
const MAX_IMMEDIATE_RETRIES: u32 = 3;

/// The state of one replica in the election.
#[derive(Debug)]
pub(super) struct Elector {
    candidate: Candidate,
    /// The newest Lease that was seen; kept when it is deleted, because a deletion does not end the
    /// holder's term.
    observed: Option<ObservedLease>,
    knowledge: Knowledge,
    /// Until when this replica is the leader.
    leads_until: Option<Instant>,
    /// Whether this replica may be the holder: a claim can succeed although its response is lost.
    may_hold: bool,
    next_at: Instant,
    conflicts: u32,
}

#[derive(Debug)]
struct ObservedLease {
    lease: Box<Lease>,
    /// When its last renewal was first seen.
    since: Instant,
}

/// What is known of the Lease in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knowledge {
    /// It was never read.
    Unknown,
    /// The observed Lease must be read again before it is claimed.
    Outdated,
    /// The observed Lease was read or written just now, or is this replica's own.
    Current,
    /// It does not exist.
    Missing,
}

/// What to do next.
#[derive(Debug)]
pub(super) enum Step {
    /// Wait until this time, or until the permission to claim changes.
    Wait(Instant),
    /// Send this request.
    Send(Request),
}

/// A request to the API server.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Request {
    /// Read the Lease.
    Get,
    /// Create the Lease.
    Create(Box<Lease>),
    /// Replace the Lease, if it still has the same version.
    Update(Box<Lease>),
}

/// The result of a request that reached the API server.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reply {
    /// The Lease that was read.
    Found(Box<Lease>),
    /// The Lease does not exist.
    Missing,
    /// The Lease that was created or updated.
    Written(Box<Lease>),
    /// Another client has changed, created or deleted the Lease in the meantime.
    Conflict,
}

impl Elector {
    pub(super) fn new(candidate: Candidate, now: Instant) -> Self {
        Self {
            candidate,
            observed: None,
            knowledge: Knowledge::Unknown,
            leads_until: None,
            may_hold: false,
            next_at: now,
            conflicts: 0,
        }
    }

    /// The role of this replica.
    pub(super) fn leadership(&self, now: Instant) -> Leadership {
        if self.is_leader(now) {
            return Leadership::Leader;
        }
        if self.knowledge == Knowledge::Unknown {
            return Leadership::Unknown;
        }
        let holder = self.observed.as_ref().and_then(|observed| holder(&observed.lease));
        let holder = holder.filter(|holder| *holder != self.candidate.identity);
        Leadership::Follower { holder: holder.map(str::to_owned) }
    }

    /// The next step. `wall` is the time that is written into the Lease, and `may_claim` whether
    /// this replica may become the leader.
    pub(super) fn next(&mut self, now: Instant, wall: Timestamp, may_claim: bool) -> Step {
        if now < self.next_at {
            let end = self.leads_until.filter(|&end| now < end);
            return Step::Wait(end.map_or(self.next_at, |end| end.min(self.next_at)));
        }
        if matches!(self.knowledge, Knowledge::Unknown | Knowledge::Outdated) {
            return Step::Send(Request::Get);
        }
        let may_lead = may_claim || self.is_leader(now);
        match self.write(now, wall).filter(|_| may_lead) {
            Some(request) => {
                self.may_hold = true;
                Step::Send(request)
            }
            None => Step::Wait(self.stand_by(now)),
        }
    }

    /// When the request that is sent now must end at the latest: with the leader's term, so that
    /// the end of the term is noticed.
    pub(super) fn deadline(&self, now: Instant, timeout: Duration) -> Instant {
        let end = self.leads_until.filter(|&end| now < end);
        end.map_or(now + timeout, |end| end.min(now + timeout))
    }

    /// Takes the next step now instead of later.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.next_at = self.next_at.min(now);
    }

    /// Records the reply to a request that was sent at `sent`.
    pub(super) fn replied(&mut self, reply: Reply, sent: Instant, now: Instant) {
        self.next_at = now;
        match reply {
            Reply::Found(lease) => self.observe(lease, now),
            Reply::Missing => self.knowledge = Knowledge::Missing,
            Reply::Written(lease) => {
                self.observe(lease, now);
                self.leads_until = Some(sent + self.candidate.lease_duration());
                self.next_at = sent + self.candidate.lease_duration() / RENEWALS;
                self.conflicts = 0;
            }
            Reply::Conflict => {
                self.outdate();
                self.conflicts += 1;
                if self.conflicts > MAX_IMMEDIATE_RETRIES {
                    self.next_at = now + RETRY_INTERVAL;
                }
            }
        }
    }

    /// Records that a request failed. The API server may have executed it.
    pub(super) fn failed(&mut self, now: Instant) {
        self.outdate();
        self.next_at = now + RETRY_INTERVAL;
    }

    /// Whether this replica may be the holder of the Lease.
    pub(super) fn may_hold(&self) -> bool {
        self.may_hold
    }

    fn is_leader(&self, now: Instant) -> bool {
        self.leads_until.is_some_and(|end| now < end)
    }

    /// The claim or the renewal, unless another replica is the holder.
    fn write(&self, now: Instant, wall: Timestamp) -> Option<Request> {
        let observed = self.observed.as_ref().filter(|_| self.knowledge != Knowledge::Missing);
        let Some(ObservedLease { lease, .. }) = observed else {
            let is_free = self.is_leader(now) || !self.is_held_by_other(now);
            return is_free.then(|| Request::Create(Box::new(self.candidate.create(wall))));
        };
        if self.candidate.holds(lease) {
            return Some(Request::Update(Box::new(self.candidate.renew(lease, wall))));
        }
        let is_free = !self.is_held_by_other(now);
        is_free.then(|| Request::Update(Box::new(self.candidate.take_over(lease, wall))))
    }

    /// Waits for the holder to release the Lease, or for the permission to claim it.
    fn stand_by(&mut self, now: Instant) -> Instant {
        self.outdate();
        self.conflicts = 0;
        self.next_at = now + READ_INTERVAL;
        if let Some(end) = self.end_of_other(now) {
            self.next_at = self.next_at.min(end);
        }
        self.next_at
    }

    fn is_held_by_other(&self, now: Instant) -> bool {
        self.end_of_other(now).is_some()
    }

    /// The end of another replica's term, if it is in the future.
    fn end_of_other(&self, now: Instant) -> Option<Instant> {
        let ObservedLease { lease, since } = self.observed.as_ref()?;
        holder(lease).filter(|holder| *holder != self.candidate.identity)?;
        let end = *since + duration(lease).unwrap_or(self.candidate.lease_duration());
        (now < end).then_some(end)
    }

    fn observe(&mut self, lease: Box<Lease>, now: Instant) {
        if let Some(holder) = holder(&lease) {
            self.may_hold = holder == self.candidate.identity;
            self.leads_until = self.leads_until.filter(|_| self.may_hold);
        }
        let since = match &self.observed {
            Some(observed) if is_same_renewal(&observed.lease, &lease) => observed.since,
            _ => now,
        };
        self.observed = Some(ObservedLease { lease, since });
        self.knowledge = Knowledge::Current;
    }

    fn outdate(&mut self) {
        if self.knowledge != Knowledge::Unknown {
            self.knowledge = Knowledge::Outdated;
        }
    }
}
