//! The standard `process_*` metrics, read from the kernel on Linux and absent elsewhere.
//!
//! The `prometheus` crate has a collector of these too, but it counts CPU time in whole seconds,
//! and a poll takes a fraction of one. They are read for each scrape, so each of them takes one
//! system call.

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
    use std::fs::{self, File};
    use std::os::unix::fs::FileExt as _;
    use std::sync::LazyLock;

    use rustix::param::{clock_ticks_per_second, page_size};
    use rustix::process::{Resource, getrlimit};
    use rustix::time::{ClockId, clock_gettime};

    use super::ProcessUsage;

    /// The directory of the open file descriptors.
    const FDS_PATH: &str = "/proc/self/fd";

    // Both files are kept open, because opening them takes longer than reading them. Each read
    // returns the present values.
    static STAT: LazyLock<Option<File>> = LazyLock::new(|| File::open("/proc/self/stat").ok());
    static FDS: LazyLock<Option<File>> = LazyLock::new(|| File::open(FDS_PATH).ok());

    /// When the process started, in Unix seconds. Calculated once: the clock may be set later, and
    /// that must not change the start time of the process.
    static STARTED: LazyLock<Option<f64>> = LazyLock::new(|| {
        let stat = Stat::read()?;
        let boot = fs::read_to_string("/proc/stat").ok()?;
        let boot: u64 = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
        Some(boot as f64 + stat.start_ticks as f64 / clock_ticks_per_second() as f64)
    });

    /// The figures now.
    pub(in crate::telemetry) fn usage() -> ProcessUsage {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let stat = Stat::read();
        ProcessUsage {
            cpu_seconds: Some(cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9),
            resident_bytes: stat.as_ref().map(|stat| stat.resident_pages as f64 * page_size() as f64),
            virtual_bytes: stat.as_ref().map(|stat| stat.virtual_bytes as f64),
            threads: stat.as_ref().map(|stat| stat.threads as f64),
            start_time_seconds: *STARTED,
            open_fds: open_fds().map(|open| open as f64),
            max_fds: Some(limit(Resource::Nofile)),
            max_virtual_bytes: Some(limit(Resource::As)),
        }
    }

    /// The fields of `/proc/self/stat` that are exported (proc_pid_stat(5)).
    #[derive(Debug, PartialEq)]
    pub(super) struct Stat {
        pub(super) threads: u64,
        pub(super) start_ticks: u64,
        pub(super) virtual_bytes: u64,
        pub(super) resident_pages: u64,
    }

    impl Stat {
        fn read() -> Option<Self> {
            // The line has 51 numbers of at most 20 digits and the name of the program.
            let mut buffer = [0; 2048];
            let count = STAT.as_ref()?.read_at(&mut buffer, 0).ok()?;
            Self::parse(&buffer[..count])
        }

        /// Parses the line. The program's name is in parentheses, and may contain any character.
        pub(super) fn parse(line: &[u8]) -> Option<Self> {
            let name_end = line.iter().rposition(|byte| *byte == b')')?;
            let after_name = std::str::from_utf8(&line[name_end + 1..]).ok()?;
            // Field 3 is the first one after the name.
            let mut fields = after_name.split_ascii_whitespace().skip(20 - 3);
            let threads = fields.next()?.parse().ok()?;
            let mut fields = fields.skip(22 - 20 - 1);
            let mut next = || fields.next()?.parse().ok();
            Some(Self { threads, start_ticks: next()?, virtual_bytes: next()?, resident_pages: next()? })
        }
    }

    /// Linux 6.2 and later report the number of open files as the size of the directory; earlier
    /// versions report 0.
    fn open_fds() -> Option<u64> {
        match FDS.as_ref()?.metadata().ok()?.len() {
            // Without the file descriptor that reads the directory.
            0 => Some((fs::read_dir(FDS_PATH).ok()?.count() as u64).saturating_sub(1)),
            open => Some(open),
        }
    }

    /// A soft limit.
    fn limit(resource: Resource) -> f64 {
        getrlimit(resource).current.map_or(f64::INFINITY, |limit| limit as f64)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::linux::Stat;
    use super::*;

    #[test]
    fn the_name_of_the_program_may_contain_spaces_and_parentheses() {
        let line = b"7 (a) R (b 1) S 1 7 7 0 -1 4194560 99 0 0 0 2 3 0 0 20 0 4 0 4242 123456789 321 18446744073709551615 1 1";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.threads, stat.start_ticks), (4, 4242));
        assert_eq!((stat.virtual_bytes, stat.resident_pages), (123_456_789, 321));
        assert_eq!(Stat::parse(b"7 (a) S 1 2"), None);
    }

    #[test]
    fn every_figure_is_that_of_this_process() {
        let usage = usage();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let kilobytes = |name: &str| -> f64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        let is_near = |value: Option<f64>, expected: f64| (value.unwrap() / expected - 1.0).abs() < 0.5;
        assert!(is_near(usage.resident_bytes, kilobytes("VmRSS:") * 1024.0), "{usage:?}");
        assert!(is_near(usage.virtual_bytes, kilobytes("VmSize:") * 1024.0), "{usage:?}");
        assert!(usage.threads.unwrap() >= 1.0);
        assert!(usage.open_fds.unwrap() >= 3.0 && usage.open_fds < usage.max_fds, "{usage:?}");
        assert!(usage.max_virtual_bytes.unwrap() > usage.virtual_bytes.unwrap());
        let age = jiff::Timestamp::now().as_second() as f64 - usage.start_time_seconds.unwrap();
        assert!((-2.0..86_400.0).contains(&age), "{age} seconds ago");
        let earlier = usage.cpu_seconds.unwrap();
        std::hint::black_box((0..3_000_000_u64).map(std::hint::black_box).sum::<u64>());
        assert!(super::usage().cpu_seconds.unwrap() > earlier, "finer than a clock tick");
    }
}
