//! The standard metrics of a process, under the names that Prometheus's client libraries use.

use crate::metrics::catalogue::collector::Collector;
use crate::metrics::catalogue::family::{Family, Section};

pub(super) const SECTION: Section = Section {
    title: "The process",
    introduction: "Standard process metrics, on Linux only.",
    families: FAMILIES,
};

const GAUGE: Family = Family { collector: Collector::Process, ..Family::GAUGE };
const COUNTER: Family = Family { collector: Collector::Process, ..Family::COUNTER };

static FAMILIES: &[Family] = &[
    Family {
        name: "process_cpu_seconds_total",
        help: "Total user and system CPU time spent in seconds.",
        source: "clock_gettime",
        ..COUNTER
    },
    Family {
        name: "process_open_fds",
        help: "Number of open file descriptors.",
        source: "/proc/self/fd",
        ..GAUGE
    },
    Family {
        name: "process_max_fds",
        help: "Maximum number of open file descriptors.",
        source: "getrlimit",
        ..GAUGE
    },
    Family {
        name: "process_virtual_memory_bytes",
        help: "Virtual memory size in bytes.",
        source: "/proc/self/stat",
        ..GAUGE
    },
    Family {
        name: "process_virtual_memory_max_bytes",
        help: "Maximum amount of virtual memory available in bytes.",
        source: "getrlimit",
        ..GAUGE
    },
    Family {
        name: "process_resident_memory_bytes",
        help: "Resident memory size in bytes.",
        source: "/proc/self/stat",
        ..GAUGE
    },
    Family {
        name: "process_start_time_seconds",
        help: "Start time of the process since unix epoch in seconds.",
        source: "/proc/self/stat",
        ..GAUGE
    },
    Family {
        name: "process_threads",
        help: "Number of OS threads in the process.",
        source: "/proc/self/stat",
        ..GAUGE
    },
];
