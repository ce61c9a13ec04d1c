//! The standard `process_*` metrics, read from `/proc` on Linux and absent elsewhere.
//!
//! The `prometheus` crate has a collector of these too, but it counts CPU time in whole seconds,
//! and a poll takes a fraction of one.

use super::collectors;
use super::status::ProcessUsage;
use crate::metrics::{MetricFamily, MetricType};

#[cfg(target_os = "linux")]
pub(super) use linux::usage;

/// Other systems have no `/proc`.
#[cfg(not(target_os = "linux"))]
pub(super) fn usage() -> ProcessUsage {
    ProcessUsage::default()
}

/// The families of the figures that could be read.
pub(super) fn families() -> Vec<MetricFamily> {
    let usage = usage();
    let figures = [
        ("process_cpu_seconds_total", MetricType::Counter, usage.cpu_seconds),
        ("process_resident_memory_bytes", MetricType::Gauge, usage.resident_bytes),
        ("process_virtual_memory_bytes", MetricType::Gauge, usage.virtual_bytes),
        ("process_virtual_memory_max_bytes", MetricType::Gauge, usage.max_virtual_bytes),
        ("process_threads", MetricType::Gauge, usage.threads),
        ("process_open_fds", MetricType::Gauge, usage.open_fds),
        ("process_max_fds", MetricType::Gauge, usage.max_fds),
        ("process_start_time_seconds", MetricType::Gauge, usage.start_time_seconds),
    ];
    let family = |(name, metric_type, value): (&'static str, MetricType, Option<f64>)| {
        value.map(|value| MetricFamily { metric_type, ..collectors::gauge(name, value) })
    };
    figures.into_iter().filter_map(family).collect()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::LazyLock;

    use procfs::process::{LimitValue, Process};

    use super::ProcessUsage;

    /// When the machine started, in Unix seconds. Read once: the clock may be set later, and that
    /// must not change the start time of the process.
    static BOOT: LazyLock<Option<f64>> =
        LazyLock::new(|| procfs::boot_time_secs().ok().map(|seconds| seconds as f64));

    /// The figures now.
    pub(in crate::telemetry) fn usage() -> ProcessUsage {
        let mut usage = ProcessUsage::default();
        let Ok(process) = Process::myself() else { return usage };
        if let Ok(stat) = process.stat() {
            let ticks = procfs::ticks_per_second() as f64;
            usage.cpu_seconds = Some((stat.utime + stat.stime) as f64 / ticks);
            usage.resident_bytes = Some(stat.rss as f64 * procfs::page_size() as f64);
            usage.virtual_bytes = Some(stat.vsize as f64);
            usage.threads = Some(stat.num_threads as f64);
            usage.start_time_seconds = BOOT.map(|boot| boot + stat.starttime as f64 / ticks);
        }
        usage.open_fds = process.fd_count().ok().map(|open| open as f64);
        if let Ok(limits) = process.limits() {
            usage.max_fds = Some(limit(limits.max_open_files.soft_limit));
            usage.max_virtual_bytes = Some(limit(limits.max_address_space.soft_limit));
        }
        usage
    }

    fn limit(limit: LimitValue) -> f64 {
        match limit {
            LimitValue::Unlimited => f64::INFINITY,
            LimitValue::Value(value) => value as f64,
        }
    }
}
