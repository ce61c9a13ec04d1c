//! `demo`: the daemon over a simulated cloud in the same process.

use std::{
    io::{IsTerminal as _, stdout},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::ExitCode,
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

use super::Error;
use super::run::{self, Daemon};
use super::scenario::{Requested, fleet, list_scenarios, requested_scenario, story};
use crate::{cli, config, server, simulator};

/// The account that `demo` polls.
const DEMO_ACCOUNT: &str = "demo";

/// A newcomer wants to see numbers move; an operator's own setting still wins.
const DEMO_SETTINGS: [&str; 1] = ["poll.interval=5s"];

pub(super) fn run(arguments: &cli::Demo) -> Result<ExitCode, Error> {
    let scenario = match requested_scenario(&arguments.fleet)? {
        Requested::Fleet(scenario) => scenario,
        Requested::List => return list_scenarios(),
    };
    let mut sources = arguments.configuration.sources();
    let settings = scenario.map_or(&[][..], |scenario| scenario.settings);
    sources.set.splice(0..0, DEMO_SETTINGS.iter().chain(settings).map(ToString::to_string));
    let mut config = super::load(&sources, &arguments.log)?;
    let serving = run::serving_runtime()?;
    super::runtime()?.block_on(async {
        let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let cloud = simulator::SimulatedCloud::bind(fleet(&arguments.fleet, scenario), loopback)
            .map_err(Error::Simulator)?;
        let needs_role = scenario.is_some_and(|scenario| scenario.needs_role);
        let accounts = simulated_accounts(cloud.address(), needs_role)?;
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

/// The accounts of a configuration that knows nothing but the simulated cloud.
fn simulated_accounts(cloud: SocketAddr, needs_role: bool) -> Result<Vec<config::Account>, Error> {
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
    if needs_role {
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
