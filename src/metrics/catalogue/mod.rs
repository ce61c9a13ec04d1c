//! Every metric that the exporter can serve, as one table: name, help, type, labels, source, and
//! how a fleet metric is read from a snapshot.
//!
//! The renderer and the generated reference (`docs/metrics.md`) read the same table, so the
//! documentation matches the output. The name of a metric changes only with a changelog entry.

mod collector;
mod detail;
mod docs;
mod exporter;
pub(super) mod family;
mod groups;
mod health;
mod node_pools;
mod persistent;
mod process;
mod sections;
mod sessions;

pub use collector::Collector;
pub use docs::{json, markdown};
pub use exporter::{POLL_DURATION_BUCKETS, REQUEST_DURATION_BUCKETS};
pub(in crate::metrics) use family::Extract;
pub use family::Family;
#[cfg(test)]
pub(crate) use sections::find;
pub use sections::{families, help};
