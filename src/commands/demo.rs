//! `demo`: the daemon and a simulated cloud in one process.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::run::{serve, serving_runtime};
use super::scenario::{Requested, describe, fleet, list_scenarios, requested_scenario};
use super::{Error, terminal};
use crate::aliyun::is_connection_variable;
use crate::cli;
use crate::config;
use crate::server::BoundAddress;
use crate::simulator::{self, Scenario, SimulatedCloud};

/// The account that `demo` polls.
const DEMO_ACCOUNT: &str = "demo";

/// Settings that the operator can override. A short interval shows changes soon.
const DEMO_SETTINGS: [&str; 1] = ["poll.interval=5s"];

/// Polls a simulated cloud and serves its metrics until a signal arrives.
///
/// # Errors
/// The scenario is unknown, the configuration is invalid, or an address cannot be listened on.
pub(super) fn run(arguments: &cli::DemoArguments) -> Result<ExitCode, Error> {
    let scenario = match requested_scenario(&arguments.fleet)? {
        Requested::Fleet(scenario) => scenario,
        Requested::List => return list_scenarios(),
    };
    let mut sources = arguments.configuration.sources();
    let settings = scenario.map_or(&[][..], |scenario| scenario.settings);
    sources.set.splice(0..0, DEMO_SETTINGS.iter().chain(settings).map(ToString::to_string));
    // The simulated cloud, which replaces the accounts, is reached without proxy and certificates.
    sources.environment.retain(|name, _| !is_connection_variable(name));
    let mut config = super::load(&sources, &arguments.log)?;
    let serving = serving_runtime()?;
    super::polling_runtime()?.block_on(async {
        let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let cloud =
            SimulatedCloud::bind(fleet(&arguments.fleet, scenario), loopback).map_err(Error::Simulator)?;
        let cloud_address = cloud.address();
        let accounts =
            simulated_accounts(cloud_address, scenario.is_some_and(|scenario| scenario.needs_role))?;
        config.replace_accounts(&accounts);
        let load_config = move || {
            let mut loaded = config::load(&sources)?;
            loaded.config.replace_accounts(&accounts);
            Ok(loaded)
        };

        let end = CancellationToken::new();
        let simulation = serving.spawn(cloud.run(end.clone().cancelled_owned()));
        let web = &arguments.web;
        let introduce = |addresses: &[BoundAddress]| introduce(addresses, web, cloud_address, scenario);
        let served = serve(config, Arc::new(load_config), web, serving.handle(), introduce).await;
        end.cancel();
        // The result has no use: nothing depends on the simulation any more, and a panic in it has
        // been logged.
        let _ = simulation.await;
        served?;
        Ok(ExitCode::SUCCESS)
    })
}

/// A configuration whose only account belongs to the simulated cloud.
fn simulated_accounts(cloud: SocketAddr, needs_role: bool) -> Result<config::Config, Error> {
    let endpoint = format!("http://{cloud}");
    let key = |prefix: &str| {
        [
            (format!("{prefix}source"), "access_key".to_owned()),
            (format!("{prefix}access_key_id"), simulator::ACCESS_KEY_ID.to_owned()),
            (format!("{prefix}access_key_secret"), simulator::ACCESS_KEY_SECRET.to_owned()),
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
    Ok(config::load(&sources).map_err(Error::Configuration)?.config)
}

/// Prints the addresses of the pages.
fn introduce(
    addresses: &[BoundAddress],
    web: &cli::WebArguments,
    cloud: SocketAddr,
    scenario: Option<&Scenario>,
) -> Result<(), Error> {
    // A Unix socket has a path and no port.
    let exporter = match addresses.first() {
        Some(BoundAddress::Tcp(address)) => format!("http://localhost:{}", address.port()),
        Some(socket) => socket.to_string(),
        None => String::new(),
    };
    let (bold, reset) = (terminal::HEADING.render(), terminal::HEADING.render_reset());
    let telemetry_path = &web.telemetry_path;
    let mut text = format!(
        "\n{bold}The exporter polls a simulated fleet.{reset} No data leaves this machine.\n\n\
         \x20 page      {bold}{exporter}/{reset}\n\
         \x20 metrics   {bold}{exporter}{telemetry_path}{reset}\n\
         \x20 cloud     http://{cloud}/_truth   the state of the simulated cloud\n\n\
         Press Ctrl-C to stop.\n\n"
    );
    if let Some(scenario) = scenario {
        text += &format!("{}\n\n", describe(scenario));
    }
    terminal::print(&text)
}
