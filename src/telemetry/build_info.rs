//! What this binary was built from. `build.rs` finds it out.

use std::borrow::Cow;

use crate::metrics::{Kind, MetricFamily, Sample, Value};

/// The exporter's version, `0.1.0`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The git commit it was built from, all 40 digits; `unknown` where the sources were no git checkout.
pub const REVISION: &str = env!("APPSTREAMING_EXPORTER_REVISION");
/// The version of the compiler, `1.95.0`.
pub const RUSTC: &str = env!("APPSTREAMING_EXPORTER_RUSTC");

const NAME: &str = "appstreaming_exporter_build_info";

pub(super) fn family() -> MetricFamily {
    let labels = [("version", VERSION), ("revision", REVISION), ("rustc", RUSTC)];
    MetricFamily {
        name: Cow::Borrowed(NAME),
        help: Cow::Borrowed(super::help(NAME)),
        kind: Kind::Gauge,
        samples: vec![Sample {
            labels: labels.map(|(name, value)| (Cow::Borrowed(name), value.to_owned())).into(),
            value: Value::Number(1.0),
        }],
    }
}
