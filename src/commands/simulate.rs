//! `simulate`: serves the simulated cloud.

use std::process::ExitCode;

use super::Error;
use super::scenario::{Requested, describe, fleet, list_scenarios, requested_scenario};
use crate::cli;
use crate::lifecycle;
use crate::simulator;

/// Serves the simulated cloud until a signal arrives.
///
/// # Errors
/// The scenario or the log level is invalid, or the address cannot be listened on.
pub(super) fn run(arguments: &cli::SimulateArguments) -> Result<ExitCode, Error> {
    let scenario = match requested_scenario(&arguments.fleet)? {
        Requested::Fleet(scenario) => scenario,
        Requested::List => return list_scenarios(),
    };
    super::start_logging(&arguments.log)?;
    let behaviour = &arguments.behaviour;
    let options = simulator::SimulatorOptions {
        latency: behaviour.latency,
        requests_per_second: behaviour.requests_per_second,
        faults: behaviour.faults.iter().map(fault_rule).collect(),
        issuer: simulator::IssuerOptions {
            token_lifetime: behaviour.token_lifetime,
            ..simulator::IssuerOptions::default()
        },
        ..fleet(&arguments.fleet, scenario)
    };
    super::server_runtime(|| {})?.block_on(async {
        let cloud = simulator::SimulatedCloud::bind(options, arguments.listen).map_err(Error::Simulator)?;
        let address = cloud.address();
        let signals = lifecycle::install_signal_handlers(lifecycle::Readiness::default())
            .map_err(|source| Error::System { doing: "install signal handlers", source })?;
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
            super::print(format!("{}\n", describe(scenario)).as_bytes())?;
        }
        cloud.run(signals.shutdown.cancelled_owned()).await;
        Ok(ExitCode::SUCCESS)
    })
}

/// The fault of a flag; a name that is not listed here is an error code of the API.
fn fault_rule(fault: &cli::FaultArgument) -> simulator::FaultRule {
    let rule = simulator::FaultRule::share(fault.share, fault.fault.as_str());
    let fault = match fault.fault.as_str() {
        "drop" => simulator::RequestFault::Drop,
        "truncate" => simulator::RequestFault::Truncate,
        "html" => simulator::RequestFault::Html,
        "null_list" => simulator::RequestFault::NullList,
        _ => return rule,
    };
    simulator::FaultRule { fault, ..rule }
}
