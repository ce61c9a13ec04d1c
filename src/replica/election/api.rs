//! Requests of one Lease to the Kubernetes API server, each with a limit of time.

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::time::{Instant, timeout_at};

use super::elector::{Reply, Request};
use super::error::{RequestError, Verb, describe};

/// The name under which the API server records who changed a field.
const FIELD_MANAGER: &str = "appstreaming-exporter";

/// One Lease in the cluster.
pub(super) struct LeaseApi {
    api: Api<Lease>,
    namespace: String,
    name: String,
}

impl LeaseApi {
    pub(super) fn new(client: Client, namespace: String, name: String) -> Self {
        Self { api: Api::namespaced(client, &namespace), namespace, name }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Sends a request, and waits for the response until the deadline.
    ///
    /// # Errors
    /// There was no response in time, or the API server returned another error than a conflict.
    pub(super) async fn send(&self, request: &Request, deadline: Instant) -> Result<Reply, RequestError> {
        self.send_with(request, deadline, false).await
    }

    /// Sends a request that the API server checks and does not execute.
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
    pub(super) async fn try_out(&self, request: &Request, deadline: Instant) -> Result<Reply, RequestError> {
        self.send_with(request, deadline, true).await
    }

    async fn send_with(
        &self,
        request: &Request,
        deadline: Instant,
        dry_run: bool,
    ) -> Result<Reply, RequestError> {
        let sent = Instant::now();
        let parameters = PostParams { dry_run, field_manager: Some(FIELD_MANAGER.to_owned()) };
        let response = timeout_at(deadline, async {
            match request {
                Request::Get => self.api.get(&self.name).await,
                Request::Create(lease) => self.api.create(&parameters, lease).await,
                Request::Update(lease) => self.api.replace(&self.name, &parameters, lease).await,
            }
        });
        let response = response.await.map_err(|_| RequestError::TimedOut(deadline - sent))?;
        match response {
            Ok(lease) if *request == Request::Get => Ok(Reply::Found(Box::new(lease))),
            Ok(lease) => Ok(Reply::Written(Box::new(lease))),
            Err(error) => self.classify(request, error),
        }
    }

    fn classify(&self, request: &Request, error: kube::Error) -> Result<Reply, RequestError> {
        let kube::Error::Api(status) = error else {
            return Err(RequestError::Unreachable(describe(&error)));
        };
        match (status.code, request) {
            (401, _) => Err(RequestError::Unauthorized),
            (403, _) => Err(RequestError::Forbidden {
                verb: request.verb(),
                lease: self.name.clone(),
                namespace: self.namespace.clone(),
            }),
            (404, Request::Get) => Ok(Reply::Missing),
            // The Lease was deleted before the update. (A create returns 404 if the namespace does not
            // exist.)
            (404, Request::Update(_)) | (409, _) => Ok(Reply::Conflict),
            (code, _) => Err(RequestError::Refused { code, message: status.message }),
        }
    }
}

impl Request {
    pub(super) fn verb(&self) -> Verb {
        match self {
            Self::Get => Verb::Get,
            Self::Create(_) => Verb::Create,
            Self::Update(_) => Verb::Update,
        }
    }
}
