//! Flags of `simulate` and `demo`.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::{ConfigurationArguments, LogArguments, WebArguments};
use crate::document::parse_duration;

/// Flags of the simulated fleet.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "Simulated fleet")]
pub struct FleetArguments {
    /// Number of delivery groups
    #[arg(long, value_name = "NUMBER", default_value_t = 8)]
    pub groups: usize,
    /// Number of instances in each group at the start
    #[arg(long, value_name = "NUMBER", default_value_t = 40)]
    pub instances_per_group: usize,
    /// Number of persistent sessions in each group that supports them
    #[arg(long, value_name = "NUMBER", default_value_t = 12)]
    pub persistent_per_group: usize,
    /// Seed of the fleet; the same seed creates the same fleet
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Simulated time at the start, such as 2026-03-04T10:30:00+08:00 [default: now]; the same time and
    /// the same seed create the same fleet
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub start: Option<Timestamp>,
    /// Simulated seconds per second, from 0; 0 stops time [default: 1, in a scenario 0]
    #[arg(long, value_name = "FACTOR", value_parser = from_zero)]
    pub speed: Option<f64>,
    /// Which nodes count towards the number that a schedule demands: all nodes of a pool, or only
    /// those that scaling has added
    #[arg(long, value_name = "NODES", value_enum, default_value_t = ScheduleCountsArgument::Elastic)]
    pub schedule_counts: ScheduleCountsArgument,
    /// Simulate one problem, so that one alert fires; "list" prints all scenarios
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<String>,
}

/// The value of `--schedule-counts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScheduleCountsArgument {
    /// All nodes.
    Total,
    /// Nodes that scaling has added.
    Elastic,
}

/// Flags of `demo`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct DemoArguments {
    /// The fleet to poll.
    #[command(flatten)]
    pub fleet: FleetArguments,
    /// Sources of the configuration; the simulated account replaces its accounts.
    #[command(flatten)]
    pub configuration: ConfigurationArguments,
    /// Listening and serving.
    #[command(flatten)]
    pub web: WebArguments,
    /// Logging.
    #[command(flatten)]
    pub log: LogArguments,
}

/// Flags of `simulate`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct SimulateArguments {
    /// Address to listen on: :PORT for every IPv4 address, or ADDRESS:PORT
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9878", value_parser = socket_address)]
    pub listen: SocketAddr,
    /// The fleet to simulate.
    #[command(flatten)]
    pub fleet: FleetArguments,
    /// Behaviour of the simulated API.
    #[command(flatten)]
    pub behaviour: BehaviourArguments,
    /// Logging.
    #[command(flatten)]
    pub log: LogArguments,
}

/// Flags of the simulated API.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "Simulated API")]
pub struct BehaviourArguments {
    /// Delay of every response
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = duration)]
    pub latency: Duration,
    /// Throttle requests beyond this rate per second; 0 disables throttling
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = from_zero)]
    pub requests_per_second: f64,
    /// Fail a share of the requests (above 0, at most 1) with an error code of the API or with
    /// drop, truncate, html or null_list, such as 0.1=ServiceUnavailable; repeatable
    #[arg(long = "fault", value_name = "SHARE=FAULT", value_parser = fault)]
    pub faults: Vec<FaultArgument>,
    /// Lifetime of the temporary credentials of the simulated STS, metadata service and credentials
    /// URI, from 1s [default: as requested]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub token_lifetime: Option<Duration>,
}

/// A share of the requests that fail.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultArgument {
    /// Above 0, at most 1.
    pub share: f64,
    /// An error code of the API, or `drop`, `truncate`, `html` or `null_list`.
    pub fault: String,
}

fn socket_address(text: &str) -> Result<SocketAddr, String> {
    let every = text.strip_prefix(':').and_then(|port| port.parse().ok());
    let every = every.map(|port: u16| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
    every.or_else(|| text.parse().ok()).ok_or_else(|| "write :9878, 127.0.0.1:9878 or [::1]:9878".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write a duration such as 200ms or 1s".to_owned())
}

fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "write a time with its offset, such as 2026-03-04T10:30:00+08:00".to_owned())
}

fn from_zero(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "write a number from 0".to_owned())
}

fn fault(text: &str) -> Result<FaultArgument, String> {
    let parsed = text.split_once('=').and_then(|(share, fault)| {
        let share = share.parse::<f64>().ok().filter(|share| *share > 0.0 && *share <= 1.0)?;
        (!fault.is_empty()).then(|| FaultArgument { share, fault: fault.to_owned() })
    });
    parsed.ok_or_else(|| {
        "write SHARE=FAULT with a share above 0 and at most 1, such as 0.1=ServiceUnavailable".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_configure_the_simulated_cloud() {
        let crate::cli::Command::Simulate(simulate) = crate::cli::tests::parsed(
            "simulate --listen :0 --groups 3 --seed 7 --speed 60 --latency 20ms --requests-per-second 5 \
             --fault 0.1=ServiceUnavailable --fault 0.5=drop --start 2026-03-04T10:30:00+08:00",
        ) else {
            panic!("not simulate");
        };
        assert_eq!(
            (simulate.fleet.groups, simulate.fleet.seed, simulate.fleet.instances_per_group),
            (3, 7, 40)
        );
        assert_eq!(simulate.fleet.start.map(Timestamp::as_second), Some(1_772_591_400));
        assert_eq!(simulate.behaviour.latency, Duration::from_millis(20));
        assert_eq!(simulate.behaviour.faults[1], FaultArgument { share: 0.5, fault: "drop".to_owned() });
    }
}
