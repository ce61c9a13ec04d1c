//! What this binary was built from; `build.rs` determines it.

use super::collectors;
use super::status::BuildInfo;
use crate::metrics::MetricFamily;

/// The exporter's version, for example `0.1.0`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The git commit, 40 hexadecimal digits; `unknown` if the sources were not a git checkout.
pub const REVISION: &str = env!("APPSTREAMING_EXPORTER_REVISION");
/// The version of the compiler, for example `1.95.0`.
pub const RUSTC: &str = env!("APPSTREAMING_EXPORTER_RUSTC");

/// The constants above as one value.
pub(super) const BUILD: BuildInfo = BuildInfo { version: VERSION, revision: REVISION, rustc: RUSTC };

/// The build as labels of a gauge that is always 1.
pub(super) fn family() -> MetricFamily {
    let values = [VERSION, REVISION, RUSTC];
    collectors::gauges("appstreaming_exporter_build_info", ["version", "revision", "rustc"], [(values, 1.0)])
}
