//! The standard metrics of a process, under the names that all exporters use.

use super::{Chapter, Collector, Extract, Family};
use crate::metrics::Kind;

pub(super) const CHAPTER: Chapter = Chapter {
    title: "The process",
    introduction: "Standard, as every exporter has them; only on Linux.",
    families: FAMILIES,
};

const fn family(kind: Kind, name: &'static str, source: &'static str, help: &'static str) -> Family {
    Family::new(Collector::Process, kind, name, &[], source, help, Extract::Kept)
}

static FAMILIES: &[Family] = &[
    family(
        Kind::Counter,
        "process_cpu_seconds_total",
        "/proc/self/stat",
        "Total user and system CPU time spent in seconds.",
    ),
    family(Kind::Gauge, "process_open_fds", "/proc/self/fd", "Number of open file descriptors."),
    family(Kind::Gauge, "process_max_fds", "/proc/self/limits", "Maximum number of open file descriptors."),
    family(Kind::Gauge, "process_virtual_memory_bytes", "/proc/self/stat", "Virtual memory size in bytes."),
    family(
        Kind::Gauge,
        "process_virtual_memory_max_bytes",
        "/proc/self/limits",
        "Maximum amount of virtual memory available in bytes.",
    ),
    family(Kind::Gauge, "process_resident_memory_bytes", "/proc/self/stat", "Resident memory size in bytes."),
    family(
        Kind::Gauge,
        "process_start_time_seconds",
        "/proc/self/stat",
        "Start time of the process since unix epoch in seconds.",
    ),
    family(Kind::Gauge, "process_threads", "/proc/self/stat", "Number of OS threads in the process."),
];
