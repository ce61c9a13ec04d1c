//! How a request becomes a reply: authentication, the rate limit, faults, then the operation.
//!
//! What is not here: sockets and HTTP responses (`routes`), and the operations themselves (`api`,
//! `credentials`).

use std::time::Duration;

use jiff::Timestamp;

use super::api::{self, ApiError, ApiOperation, Distortion, RequestParameters, RequestedPage};
use super::authentication::{IncomingRequest, authenticate, wants_xml};
use super::credentials::metadata;
use super::credentials::sts::{self, StsOperation};
use super::faults::{Injection, RequestFault, RequestScope};
use super::reply::{CloudReply, HandledRequest};
use super::state::CloudState;

/// How long the connection of a response that does not arrive stays open: one minute, longer than
/// clients wait for the metadata service.
const LOST_RESPONSE_TIME: Duration = Duration::from_mins(1);

/// Handles a request of the API or of STS, which share one address.
pub(super) fn call(state: &CloudState, incoming: &IncomingRequest<'_>, real: Timestamp) -> HandledRequest {
    let request_id = state.next_request_id();
    match StsOperation::of(incoming) {
        Some(operation) => call_sts(state, operation, incoming, &request_id, real),
        None => call_api(state, incoming, &request_id, real),
    }
}

/// Handles a request of `service`, one of the services next to the API.
pub(super) fn call_service(
    state: &CloudState,
    service: &'static str,
    incoming: &IncomingRequest<'_>,
    real: Timestamp,
) -> HandledRequest {
    let (mut latency, fault) = service_fault(state, service);
    let reply = match fault {
        Some(RequestFault::Drop) => CloudReply::Dropped,
        Some(RequestFault::Error(fault)) => {
            let error = ApiError::from(fault);
            CloudReply::Plain { status: error.status, body: error.code.into_owned() }
        }
        _ => {
            let IncomingRequest { method, path, query, headers, .. } = incoming;
            let mut issuer = state.issuer.lock();
            match metadata::respond(&mut issuer, method, path, query, headers, real) {
                Some((status, body)) => CloudReply::Plain { status, body },
                None => {
                    latency += LOST_RESPONSE_TIME;
                    CloudReply::Dropped
                }
            }
        }
    };
    HandledRequest { operation: service, latency, reply }
}

fn call_sts(
    state: &CloudState,
    operation: StsOperation,
    incoming: &IncomingRequest<'_>,
    request_id: &str,
    real: Timestamp,
) -> HandledRequest {
    let (latency, fault) = service_fault(state, operation.as_str());
    let result = match fault {
        Some(RequestFault::Drop) => Ok(CloudReply::Dropped),
        Some(RequestFault::Error(fault)) => Err(fault.into()),
        _ => sts::call(&mut state.issuer.lock(), operation, incoming, &state.nonces, real).and_then(
            |mut body| {
                check_format(incoming)?;
                body["RequestId"] = request_id.into();
                Ok(CloudReply::Success(body.to_string().into_bytes()))
            },
        ),
    };
    let reply = result.unwrap_or_else(|error| error_reply(error, incoming, request_id));
    HandledRequest { operation: operation.as_str(), latency, reply }
}

fn call_api(
    state: &CloudState,
    incoming: &IncomingRequest<'_>,
    request_id: &str,
    real: Timestamp,
) -> HandledRequest {
    let keys = state.issuer.lock().keys();
    let mut operation = "unknown";
    let mut latency = *state.latency.lock();
    let result = authenticate(incoming, &keys, &state.nonces, real).and_then(|call| {
        operation = call.operation.as_str();
        state.limiter.lock().admit(real).map_err(ApiError::throttled)?;
        check_format(incoming)?;
        let injection = api_faults(state, call.operation, &call.parameters);
        latency += Duration::from_millis(injection.latency_ms);
        run_operation(state, call.operation, &call.parameters, injection.fault, request_id, real)
    });
    let reply = result.unwrap_or_else(|error| error_reply(error, incoming, request_id));
    HandledRequest { operation, latency, reply }
}

/// Runs an operation. A fault replaces or changes its response.
fn run_operation(
    state: &CloudState,
    operation: ApiOperation,
    parameters: &RequestParameters,
    fault: Option<RequestFault>,
    request_id: &str,
    real: Timestamp,
) -> Result<CloudReply, ApiError> {
    let mut distortion = Distortion::default();
    let mut truncated = false;
    match fault {
        None | Some(RequestFault::Latency { .. }) => {}
        Some(RequestFault::Error(fault)) => return Err(fault.into()),
        Some(RequestFault::Drop) => return Ok(CloudReply::Dropped),
        Some(RequestFault::Html) => return Ok(CloudReply::Html),
        Some(RequestFault::Huge { bytes }) => return Ok(CloudReply::Huge(bytes)),
        Some(RequestFault::Truncate) => truncated = true,
        Some(RequestFault::TotalCount(wrong)) => distortion.total_count = Some(wrong),
        Some(RequestFault::NullList) => distortion.null_list = true,
    }
    let now = state.now(real);
    let fleet = state.fleet.read();
    let body = api::run(operation, &fleet.at(now), parameters, request_id, distortion)?;
    Ok(if truncated { CloudReply::Truncated(body) } else { CloudReply::Success(body) })
}

fn api_faults(state: &CloudState, operation: ApiOperation, parameters: &RequestParameters) -> Injection {
    let scope = RequestScope {
        operation: operation.as_str(),
        group_id: parameters.get("AppInstanceGroupId"),
        page: RequestedPage::of(parameters).map_or(0, |page| page.number),
        only_named: false,
    };
    state.faults.lock().inject(&scope)
}

/// The latency and the fault of a service that is not part of the API. Only rules that name the
/// service apply. The services return no listings, so only [`RequestFault::Error`] and
/// [`RequestFault::Drop`] have an effect.
fn service_fault(state: &CloudState, service: &'static str) -> (Duration, Option<RequestFault>) {
    let scope = RequestScope { operation: service, group_id: None, page: 0, only_named: true };
    let Injection { latency_ms, fault } = state.faults.lock().inject(&scope);
    (*state.latency.lock() + Duration::from_millis(latency_ms), fault)
}

/// Rejects requests for XML, because only errors are rendered in XML.
fn check_format(incoming: &IncomingRequest<'_>) -> Result<(), ApiError> {
    if wants_xml(incoming) {
        let message = "Only JSON is simulated: send Format=JSON.";
        return Err(ApiError::invalid("Format").with_message(message));
    }
    Ok(())
}

fn error_reply(error: ApiError, incoming: &IncomingRequest<'_>, request_id: &str) -> CloudReply {
    let xml = wants_xml(incoming);
    let body = if xml { error.xml(request_id) } else { error.json(request_id) };
    CloudReply::Error { error, xml, body }
}
