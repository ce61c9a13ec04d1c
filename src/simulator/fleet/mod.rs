//! The simulated fleet: delivery groups that live by simulated time.
//!
//! Every group is a pure function of (seed, its number, sizes, start, simulated time elapsed): it
//! advances in steps on a grid of its own, so how often and in which order anybody looks at the
//! groups changes nothing. What is not here: HTTP, JSON, real time.

mod build;
mod catalogue;
mod demand;
mod identity;
mod lifecycle;
mod model;
mod persistence;
mod scaling;
mod schedule;
mod sessions;
mod staging;
mod status;
#[cfg(test)]
mod tests;

pub(super) use build::GroupSize;
pub(super) use identity::{user_name, write_instance_id, write_network_interface, write_node_id};
pub(super) use model::{PersistentSession, Second, SimulatedGroup, SimulatedInstance, SimulatedPool};
pub(super) use schedule::scheduled_nodes;
pub(super) use status::{GroupStatus, InstanceStatus, PersistentStatus, SessionStatus};
