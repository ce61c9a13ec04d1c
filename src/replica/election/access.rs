//! Whether the service account has the rights that the election needs.

use tokio::time::Instant;

use super::ElectionOptions;
use super::api::LeaseApi;
use super::connect::connect;
use super::elector::{Reply, Request};
use super::error::{ElectionError, RequestError, Verb, missing_rules};
use super::lease::{Candidate, holder};
use super::run::{REQUEST_TIMEOUT, candidate};

/// What the service account may do with the Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessReport {
    /// The name of the Lease.
    pub lease: String,
    /// Its namespace.
    pub namespace: String,
    /// The identity of its holder. `None` if there is none, or if the Lease cannot be read.
    pub holder: Option<String>,
    /// What the service account is not permitted to do.
    pub denied: Vec<Verb>,
}

impl AccessReport {
    /// What the Role must contain in addition; `None` if it contains everything.
    pub fn advice(&self) -> Option<String> {
        (!self.denied.is_empty()).then(|| missing_rules(&self.denied, &self.lease))
    }
}

/// Checks whether the service account may read, create and update the Lease. Nothing is changed:
/// the API server checks the requests and does not execute them.
///
/// # Errors
/// There is no cluster, or the API server does not respond.
pub async fn check_access(options: ElectionOptions) -> Result<AccessReport, ElectionError> {
    let (client, namespace) = connect(options.namespace.as_deref())?;
    let api = LeaseApi::new(client, namespace, options.lease.clone());
    Ok(report(&api, &candidate(&options)).await?)
}

pub(super) async fn report(api: &LeaseApi, candidate: &Candidate) -> Result<AccessReport, RequestError> {
    let mut report = AccessReport {
        lease: api.name().to_owned(),
        namespace: api.namespace().to_owned(),
        holder: None,
        denied: Vec::new(),
    };
    let now = jiff::Timestamp::now();
    let observed = match attempt(api, Request::Get, &mut report).await? {
        Some(Reply::Found(lease)) => Some(*lease),
        _ => None,
    };
    report.holder = observed.as_ref().and_then(holder).map(str::to_owned);
    let new = Box::new(candidate.create(now));
    attempt(api, Request::Create(new.clone()), &mut report).await?;
    // An update of a Lease that does not exist creates it, which needs the right to create.
    if observed.is_some() || !report.denied.contains(&Verb::Create) {
        attempt(api, Request::Update(observed.map_or(new, Box::new)), &mut report).await?;
    }
    Ok(report)
}

/// The reply, unless the request is not permitted. The API server checks the permission first, so
/// a request that it refuses for another reason is permitted.
async fn attempt(
    api: &LeaseApi,
    request: Request,
    report: &mut AccessReport,
) -> Result<Option<Reply>, RequestError> {
    match api.try_out(&request, Instant::now() + REQUEST_TIMEOUT).await {
        Ok(reply) => Ok(Some(reply)),
        Err(RequestError::Forbidden { verb, .. }) => {
            report.denied.push(verb);
            Ok(None)
        }
        Err(RequestError::Refused { code: 400 | 422, .. }) => Ok(None),
        Err(failure) => Err(failure),
    }
}
