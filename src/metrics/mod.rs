//! From a fleet snapshot to bytes: the catalogue of families, the encoders, the rendered exposition.
//!
//! ```text
//! Snapshot -> rows (derived facts, label names, words shown) -> catalogue (table of families) -> Encoder -> pack -> bytes
//! ```
//!
//! Nothing in here keeps state between two snapshots: a series exists because the snapshot says so, and
//! is gone when it no longer does. What is not here: how the snapshot came to be (`poller`), and who asks
//! for which format (`http`).

pub mod catalogue;
pub mod encode;
mod family;
mod labels;
pub mod options;
pub mod pack;
mod render;
mod rows;
mod selection;
mod series;
mod words;

pub use catalogue::Collector;
pub use family::{Exemplar, Heading, Histogram, Kind, MetricFamily, Sample, Unit, Value};
pub use labels::LabelClash;
pub use render::Exposition;
pub use selection::Selection;

#[cfg(test)]
mod tests;
