//! Renders a fleet snapshot into response bodies: the catalogue of metric families, the encoders,
//! and the rendered exposition.
//!
//! ```text
//! Snapshot -> input (derived numbers, label names, label values) -> catalogue (table of families)
//!          -> Encoder (one exposition format) -> compress -> bytes
//! ```
//!
//! Nothing in here keeps state between two snapshots: a series exists as long as the snapshot
//! contains its value. What is not here: how the snapshot is polled (`poller`), and which format
//! and encoding a scrape gets (`scrape`).

pub mod catalogue;
pub mod compress;
pub mod encode;
mod family;
mod input;
mod label_values;
mod labels;
pub mod options;
mod render;
mod rendering;
mod sample_writer;
mod selection;

pub use family::{Exemplar, Histogram, MetricFamily, MetricType, Sample, Value};
pub use render::{Exposition, RenderedChunks};
pub use selection::Selection;

#[cfg(test)]
mod tests;
