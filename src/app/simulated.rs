//! `demo` and `simulate`: the exporter without a cloud, and a cloud without the exporter.

use std::{
    io::{IsTerminal as _, stdout},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::ExitCode,
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

use super::{
    Error,
    daemon::{self, Daemon},
};
use crate::{
    cli, config, lifecycle, server,
    simulator::{self, SCENARIOS, Scenario},
};

/// The account that `demo` polls.
const DEMO_ACCOUNT: &str = "demo";

/// A newcomer wants to see numbers move; an operator's own setting still wins.
const DEMO_SETTINGS: [&str; 1] = ["poll.interval=5s"];

pub(super) fn demo(arguments: &cli::Demo) -> Result<ExitCode, Error> {
    let scenario = match asked(&arguments.fleet)? {
        Asked::Fleet(scenario) => scenario,
        Asked::List => return list_scenarios(),
    };
    let mut sources = arguments.configuration.sources();
    let settings = scenario.map_or(&[][..], |scenario| scenario.settings);
    sources.set.splice(0..0, DEMO_SETTINGS.iter().chain(settings).map(ToString::to_string));
    let mut config = super::load(&sources, &arguments.log)?;
    let serving = daemon::serving_runtime()?;
    super::runtime()?.block_on(async {
        let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let cloud = simulator::SimulatedCloud::bind(fleet(&arguments.fleet, scenario), loopback)
            .map_err(Error::Simulator)?;
        let of_a_role = scenario.is_some_and(|scenario| scenario.of_a_role);
        let accounts = simulated_accounts(cloud.address(), of_a_role)?;
        config.accounts.clone_from(&accounts);
        let load = move || {
            let mut loaded = config::load(&sources)?;
            loaded.config.accounts.clone_from(&accounts);
            Ok(loaded)
        };
        let daemon = Daemon::start(config, Arc::new(load), &arguments.web, serving.handle().clone())?;
        invite(daemon.addresses(), &arguments.web.telemetry_path, cloud.address())?;
        if let Some(scenario) = scenario {
            super::print(format!("{}\n\n", story(scenario)).as_bytes())?;
        }

        let end = CancellationToken::new();
        let simulation = serving.spawn(cloud.run(end.clone().cancelled_owned()));
        daemon.serve().await;
        end.cancel();
        // It has nothing to lose but connections; a panic in it was logged.
        let _ = simulation.await;
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn simulate(arguments: &cli::Simulate) -> Result<ExitCode, Error> {
    let scenario = match asked(&arguments.fleet)? {
        Asked::Fleet(scenario) => scenario,
        Asked::List => return list_scenarios(),
    };
    super::start_logging(&arguments.log)?;
    let behaviour = &arguments.behaviour;
    let options = simulator::SimulatorOptions {
        latency: behaviour.latency,
        requests_per_second: behaviour.requests_per_second,
        faults: behaviour.faults.iter().map(fault_rule).collect(),
        access: simulator::IssuerOptions {
            token_lifetime: behaviour.token_lifetime,
            ..simulator::IssuerOptions::default()
        },
        ..fleet(&arguments.fleet, scenario)
    };
    super::server_runtime(|| {})?.block_on(async {
        let cloud = simulator::SimulatedCloud::bind(options, arguments.listen).map_err(Error::Simulator)?;
        let address = cloud.address();
        let signals = lifecycle::signals(lifecycle::Readiness::default())
            .map_err(|source| Error::System { doing: "watch for signals", source })?;
        super::print(
            format!(
                "A simulated App Streaming cloud listens at http://{address}\n\
                 AccessKey: {} / {}\n\
                 role: {} with tokens from http://{address}/oidc/token\n\
                 truth: http://{address}/_truth   statistics: http://{address}/_stats\n",
                simulator::ACCESS_KEY_ID,
                simulator::ACCESS_KEY_SECRET,
                simulator::ROLE,
            )
            .as_bytes(),
        )?;
        if let Some(scenario) = scenario {
            super::print(format!("{}\n", story(scenario)).as_bytes())?;
        }
        cloud.run(signals.shutdown.cancelled_owned()).await;
        Ok(ExitCode::SUCCESS)
    })
}

/// What `--scenario` asks for.
enum Asked {
    /// A fleet, with or without a scenario.
    Fleet(Option<&'static Scenario>),
    /// What scenarios there are.
    List,
}

fn asked(fleet: &cli::Fleet) -> Result<Asked, Error> {
    match fleet.scenario.as_deref() {
        None => Ok(Asked::Fleet(None)),
        Some("list") => Ok(Asked::List),
        Some(name) => match Scenario::named(name) {
            None => Err(Error::Scenario(name.to_owned())),
            found => Ok(Asked::Fleet(found)),
        },
    }
}

fn list_scenarios() -> Result<ExitCode, Error> {
    let width = |of: fn(&Scenario) -> &str| SCENARIOS.iter().map(|row| of(row).len()).max().unwrap_or(0);
    let alert = |scenario: &Scenario| scenario.alert.unwrap_or("-");
    let (names, alerts) = (width(|row| row.name), width(|row| row.alert.unwrap_or("-")));
    let mut text = format!("{:names$}  {:alerts$}  what is wrong\n", "scenario", "alert");
    for scenario in SCENARIOS {
        text += &format!("{:names$}  {:alerts$}  {}\n", scenario.name, alert(scenario), scenario.about);
    }
    super::print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// What a scenario is about, and what it takes to see it.
fn story(scenario: &Scenario) -> String {
    let mut story = format!("scenario {}: {}", scenario.name, scenario.about);
    if let Some(alert) = scenario.alert {
        story += &format!("; alert {alert}");
    }
    if !scenario.settings.is_empty() {
        let settings: String = scenario.settings.iter().map(|setting| format!(" --set {setting}")).collect();
        story += &format!("; takes an exporter with{settings}");
    }
    if scenario.of_a_role {
        story += "; takes an exporter with the credentials of a role";
    }
    story
}

fn fleet(fleet: &cli::Fleet, scenario: Option<&'static Scenario>) -> simulator::SimulatorOptions {
    simulator::SimulatorOptions {
        groups: fleet.groups,
        instances_per_group: fleet.instances_per_group,
        persistent_per_group: fleet.persistent_per_group,
        seed: fleet.seed,
        // A scenario that lived would soon be another one.
        speed: fleet.speed.unwrap_or(if scenario.is_some() { 0.0 } else { 1.0 }),
        scenario,
        ..simulator::SimulatorOptions::default()
    }
}

/// What the flag calls by a word of its own; every other word is an error code of the API.
fn fault_rule(fault: &cli::Fault) -> simulator::FaultRule {
    let rule = simulator::FaultRule::share(fault.share, fault.what.as_str());
    let fault = match fault.what.as_str() {
        "drop" => simulator::RequestFault::Drop,
        "truncate" => simulator::RequestFault::Truncate,
        "html" => simulator::RequestFault::Html,
        "null_list" => simulator::RequestFault::NullList,
        _ => return rule,
    };
    simulator::FaultRule { fault, ..rule }
}

/// The accounts of a configuration that knows nothing but the simulated cloud.
fn simulated_accounts(cloud: SocketAddr, of_a_role: bool) -> Result<Vec<config::Account>, Error> {
    let endpoint = format!("http://{cloud}");
    let key = |place: &str| {
        [
            (format!("{place}source"), "access_key".to_owned()),
            (format!("{place}access_key_id"), simulator::ACCESS_KEY_ID.to_owned()),
            (format!("{place}access_key_secret"), simulator::ACCESS_KEY_SECRET.to_owned()),
        ]
    };
    let mut settings =
        vec![("name".to_owned(), DEMO_ACCOUNT.to_owned()), ("endpoint".to_owned(), endpoint.clone())];
    if of_a_role {
        settings.extend([
            ("credentials.source".to_owned(), "assume_role".to_owned()),
            ("credentials.role_arn".to_owned(), simulator::ROLE.to_owned()),
            ("credentials.sts_endpoint".to_owned(), endpoint),
        ]);
        settings.extend(key("credentials.base."));
    } else {
        settings.extend(key("credentials."));
    }
    let set = settings.into_iter().map(|(key, value)| format!("accounts.0.{key}={value}")).collect();
    let sources = config::Sources { set, ..config::Sources::default() };
    Ok(config::load(&sources).map_err(Error::Configuration)?.config.accounts)
}

/// Says where to look. For a person only: a log collector has nothing from it.
fn invite(addresses: &[server::BoundAddress], telemetry_path: &str, cloud: SocketAddr) -> Result<(), Error> {
    // Of a socket without a port only its name can be told.
    let place = match addresses.first() {
        Some(server::BoundAddress::Tcp(address)) => format!("http://localhost:{}", address.port()),
        Some(socket) => socket.to_string(),
        None => String::new(),
    };
    let (bold, plain) = if stdout().is_terminal() { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    super::print(
        format!(
            "\n{bold}The exporter polls a simulated fleet.{plain} Nothing leaves this machine.\n\n\
             \x20 page      {bold}{place}/{plain}\n\
             \x20 metrics   {bold}{place}{telemetry_path}{plain}\n\
             \x20 cloud     http://{cloud}/_truth   what the simulated cloud itself says\n\n\
             Ctrl-C ends it.\n\n"
        )
        .as_bytes(),
    )
}
