//! Leases as they are read and written. Nothing here knows when a Lease is claimed (`elector`).

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

/// Duration that a released Lease is valid for: one second, the shortest that the API server
/// accepts.
const RELEASED_SECONDS: i32 = 1;

/// A replica that can hold a Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The name of the Lease.
    pub(super) lease: String,
    /// What the replica writes as the holder.
    pub(super) identity: String,
    /// How long the Lease is valid after a renewal, in whole seconds.
    pub(super) lease_seconds: i32,
}

impl Candidate {
    /// How long the Lease is valid after a renewal.
    pub(super) fn lease_duration(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.lease_seconds).unwrap_or_default())
    }

    /// Whether the replica is the holder of the Lease.
    pub(super) fn holds(&self, lease: &Lease) -> bool {
        holder(lease) == Some(&self.identity)
    }

    /// The first Lease.
    pub(super) fn create(&self, now: Timestamp) -> Lease {
        let mut lease = Lease::default();
        lease.metadata.name = Some(self.lease.clone());
        lease.spec = Some(self.term(now, 0));
        lease
    }

    /// The Lease with a new holder.
    pub(super) fn take_over(&self, observed: &Lease, now: Timestamp) -> Lease {
        let transitions = spec(observed).and_then(|spec| spec.lease_transitions).unwrap_or_default();
        self.with_term(observed, self.term(now, transitions.saturating_add(1)))
    }

    /// The Lease with a later time of renewal.
    pub(super) fn renew(&self, observed: &Lease, now: Timestamp) -> Lease {
        let observed_spec = spec(observed);
        let transitions = observed_spec.and_then(|spec| spec.lease_transitions).unwrap_or_default();
        let mut term = self.term(now, transitions);
        if let Some(acquired) = observed_spec.and_then(|spec| spec.acquire_time.clone()) {
            term.acquire_time = Some(acquired);
        }
        self.with_term(observed, term)
    }

    /// The Lease without a holder, as client-go writes it.
    pub(super) fn release(&self, observed: &Lease, now: Timestamp) -> Lease {
        let transitions = spec(observed).and_then(|spec| spec.lease_transitions).unwrap_or_default();
        let term = LeaseSpec {
            holder_identity: Some(String::new()),
            lease_duration_seconds: Some(RELEASED_SECONDS),
            ..self.term(now, transitions)
        };
        self.with_term(observed, term)
    }

    fn term(&self, now: Timestamp, transitions: i32) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(self.lease_seconds),
            acquire_time: Some(MicroTime(now)),
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }

    /// The observed Lease with another term. Its labels, annotations and version are kept: the API
    /// server refuses the update if the version is not the current one.
    fn with_term(&self, observed: &Lease, term: LeaseSpec) -> Lease {
        let (strategy, preferred_holder) = spec(observed)
            .map(|spec| (spec.strategy.clone(), spec.preferred_holder.clone()))
            .unwrap_or_default();
        let mut lease = observed.clone();
        // The API server keeps these.
        lease.metadata.managed_fields = None;
        lease.spec = Some(LeaseSpec { strategy, preferred_holder, ..term });
        lease
    }
}

/// The holder of a Lease, unless it was released.
pub(super) fn holder(lease: &Lease) -> Option<&str> {
    spec(lease)?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// How long the holder of a Lease keeps it without a renewal, if the Lease contains that.
pub(super) fn duration(lease: &Lease) -> Option<Duration> {
    let seconds = spec(lease)?.lease_duration_seconds?;
    u64::try_from(seconds).ok().filter(|&seconds| seconds > 0).map(Duration::from_secs)
}

/// Whether two versions of a Lease are of the same renewal of the same term.
pub(super) fn is_same_renewal(one: &Lease, other: &Lease) -> bool {
    spec(one) == spec(other)
}

fn spec(lease: &Lease) -> Option<&LeaseSpec> {
    lease.spec.as_ref()
}
