//! The simulated fleet: delivery groups that change over simulated time.
//!
//! Without control requests, every group is a pure function of the seed, its number, the sizes, the
//! start and the elapsed simulated time. It advances in steps of equal length, so its state does
//! not depend on how often or in which order groups are read.
//!
//! | part | what is in it |
//! |---|---|
//! | `model`, `status`, `group` | the data of a group, and what can be read from it |
//! | `catalogue`, `create` | the eight kinds of groups, and a group at the start |
//! | `advance` | one step of `lifecycle`, `sessions`, `persistent` and `scaling` |
//! | `course` | one step of a scenario whose fault is a series of events |
//! | `events` | exact counts of what happened in a group |
//! | `demand`, `schedule`, `identity` | arrivals of users, scheduled nodes, identifiers |
//! | `setup` | states that scenarios put a group into |
//! | `store` | all groups, behind locks |
//!
//! What is not here: HTTP, JSON, real time.

mod advance;
mod catalogue;
mod course;
mod create;
mod demand;
mod events;
mod group;
mod identity;
mod lifecycle;
mod model;
mod persistent;
mod scaling;
mod schedule;
mod sessions;
pub mod setup;
mod status;
mod store;
#[cfg(test)]
mod tests;

pub use create::GroupSize;
pub use identity::{instance_id, network_interface_id, node_id, user_name};
pub use model::{
    Durations, PersistentSession, Second, SimulatedApp, SimulatedGroup, SimulatedInstance, SimulatedPeriod,
    SimulatedPool, SimulatedSchedule,
};
pub use schedule::scheduled_nodes;
pub use status::{GroupStatus, InstanceStatus, PersistentStatus, ScheduleCounts, SessionStatus};
pub use store::{FleetPlan, FleetStore, FleetView};
