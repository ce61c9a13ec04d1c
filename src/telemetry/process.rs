//! What the process costs: the standard `process_*` metrics, read from `/proc` on Linux and missing
//! elsewhere.
//!
//! The `prometheus` crate has a collector of this too, but counts CPU time in whole seconds, and a poll
//! takes a fraction of one.

#[cfg(target_os = "linux")]
pub(super) use linux::families;

/// There is no `/proc` to read.
#[cfg(not(target_os = "linux"))]
pub(super) fn families() -> Vec<crate::metrics::MetricFamily> {
    Vec::new()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::borrow::Cow;
    use std::sync::LazyLock;

    use procfs::process::{LimitValue, Process};

    use crate::metrics::{Kind, MetricFamily, Sample, Value};

    /// When the machine started, Unix seconds. Read once: the clock may be set afterwards, and the
    /// process' start must not move with it.
    static BOOT: LazyLock<Option<f64>> =
        LazyLock::new(|| procfs::boot_time_secs().ok().map(|seconds| seconds as f64));

    /// Every family that could be read.
    pub(in crate::telemetry) fn families() -> Vec<MetricFamily> {
        use Kind::{Counter, Gauge};

        let mut families = Vec::with_capacity(8);
        let Ok(process) = Process::myself() else { return families };
        let mut add = |kind, name, value| families.push(family(kind, name, value));

        if let Ok(stat) = process.stat() {
            let ticks = procfs::ticks_per_second() as f64;
            let resident = stat.rss as f64 * procfs::page_size() as f64;
            add(Counter, "process_cpu_seconds_total", (stat.utime + stat.stime) as f64 / ticks);
            add(Gauge, "process_resident_memory_bytes", resident);
            add(Gauge, "process_virtual_memory_bytes", stat.vsize as f64);
            add(Gauge, "process_threads", stat.num_threads as f64);
            if let Some(boot) = *BOOT {
                add(Gauge, "process_start_time_seconds", boot + stat.starttime as f64 / ticks);
            }
        }
        if let Ok(open) = process.fd_count() {
            add(Gauge, "process_open_fds", open as f64);
        }
        if let Ok(limits) = process.limits() {
            add(Gauge, "process_max_fds", number(limits.max_open_files.soft_limit));
            add(Gauge, "process_virtual_memory_max_bytes", number(limits.max_address_space.soft_limit));
        }
        families
    }

    fn family(kind: Kind, name: &'static str, value: f64) -> MetricFamily {
        MetricFamily {
            name: Cow::Borrowed(name),
            help: Cow::Borrowed(crate::telemetry::help(name)),
            kind,
            samples: vec![Sample { labels: Vec::new(), value: Value::Number(value) }],
        }
    }

    fn number(limit: LimitValue) -> f64 {
        match limit {
            LimitValue::Unlimited => f64::INFINITY,
            LimitValue::Value(value) => value as f64,
        }
    }
}
