//! Leases as they are read and written. Nothing here knows when a Lease is claimed (`elector`).
//!
//! What the exporter does not know of a Lease is kept when it is written: labels, annotations, and
//! fields of newer versions of Kubernetes.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// Duration that a released Lease is valid for: one second, the shortest that the API server
/// accepts.
const RELEASED_SECONDS: i32 = 1;

/// A Lease of `coordination.k8s.io/v1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lease {
    api_version: String,
    kind: String,
    pub(super) metadata: Map<String, Value>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) spec: LeaseSpec,
}

/// A Lease can be created without a specification.
fn or_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LeaseSpec, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Who holds a Lease, and since when.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LeaseSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) holder_identity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lease_duration_seconds: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) acquire_time: Option<MicroTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) renew_time: Option<MicroTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lease_transitions: Option<i32>,
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

/// A time in whole microseconds. The API server accepts it only with six decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MicroTime(pub(super) Timestamp);

impl Serialize for MicroTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.6}", self.0))
    }
}

impl<'de> Deserialize<'de> for MicroTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Timestamp::deserialize(deserializer).map(Self)
    }
}

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
        Lease {
            api_version: "coordination.k8s.io/v1".to_owned(),
            kind: "Lease".to_owned(),
            metadata: Map::from_iter([("name".to_owned(), Value::from(&*self.lease))]),
            spec: self.term(now, 0),
        }
    }

    /// The Lease with a new holder.
    pub(super) fn take_over(&self, observed: &Lease, now: Timestamp) -> Lease {
        self.with_term(observed, self.term(now, transitions(observed).saturating_add(1)))
    }

    /// The Lease with a later time of renewal.
    pub(super) fn renew(&self, observed: &Lease, now: Timestamp) -> Lease {
        let mut term = self.term(now, transitions(observed));
        term.acquire_time = observed.spec.acquire_time.or(term.acquire_time);
        self.with_term(observed, term)
    }

    /// The Lease without a holder, as client-go writes it.
    pub(super) fn release(&self, observed: &Lease, now: Timestamp) -> Lease {
        let term = LeaseSpec {
            holder_identity: Some(String::new()),
            lease_duration_seconds: Some(RELEASED_SECONDS),
            ..self.term(now, transitions(observed))
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

    /// The observed Lease with another term. Everything else is kept, also its version: the API
    /// server refuses the update if that is not the current one.
    fn with_term(&self, observed: &Lease, term: LeaseSpec) -> Lease {
        let mut lease = observed.clone();
        // The API server keeps these.
        lease.metadata.remove("managedFields");
        lease.spec = LeaseSpec { rest: lease.spec.rest, ..term };
        lease
    }
}

/// The holder of a Lease, unless it was released.
pub(super) fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// How long the holder of a Lease keeps it without a renewal, if the Lease contains that.
pub(super) fn duration(lease: &Lease) -> Option<Duration> {
    let seconds = lease.spec.lease_duration_seconds?;
    u64::try_from(seconds).ok().filter(|&seconds| seconds > 0).map(Duration::from_secs)
}

/// Whether two versions of a Lease are of the same renewal of the same term.
pub(super) fn is_same_renewal(one: &Lease, other: &Lease) -> bool {
    one.spec == other.spec
}

/// How often the holder has changed.
fn transitions(lease: &Lease) -> i32 {
    lease.spec.lease_transitions.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_update_keeps_what_the_exporter_does_not_know() {
        let read = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "exporter", "resourceVersion": "7", "labels": {"a": "b"}, "managedFields": [{}]},
            "spec": {
                "holderIdentity": "a", "leaseDurationSeconds": 15, "leaseTransitions": 2,
                "acquireTime": "2026-01-02T03:04:05.100000Z", "renewTime": "2026-01-02T03:04:05.000006Z",
                "preferredHolder": "b", "strategy": "OldestEmulationVersion",
            },
        });
        let lease: Lease = serde_json::from_value(read.clone()).unwrap();
        let candidate =
            Candidate { lease: "exporter".to_owned(), identity: "a".to_owned(), lease_seconds: 15 };
        let now = "2026-01-02T03:04:08Z".parse().unwrap();
        let mut expected = read;
        expected["metadata"].as_object_mut().unwrap().remove("managedFields");
        expected["spec"]["renewTime"] = json!("2026-01-02T03:04:08.000000Z");
        assert_eq!(serde_json::to_value(candidate.renew(&lease, now)).unwrap(), expected);
    }

    #[test]
    fn a_lease_without_a_specification_has_no_holder() {
        let mut lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {}});
        for spec in [None, Some(Value::Null), Some(json!({})), Some(json!({"holderIdentity": null}))] {
            lease.as_object_mut().unwrap().extend(spec.map(|spec| ("spec".to_owned(), spec)));
            let lease: Lease = serde_json::from_value(lease.clone()).unwrap();
            assert_eq!((holder(&lease), duration(&lease)), (None, None));
        }
    }
}
