//! The provider of a role that is assumed with other credentials: across accounts, or with fewer
//! permissions.

use std::sync::Arc;

use super::error::Error;
use super::provider::{FetchFuture, Provider};
use super::provider_config::AssumedRole;
use super::sts::Sts;
use crate::aliyun::access_key::Credentials;

/// A role, and the credentials that assume it.
pub(super) struct AssumeRoleProvider {
    base: Arc<dyn Provider>,
    role: AssumedRole,
    sts: Sts,
}

impl AssumeRoleProvider {
    /// The [name](Provider::name).
    pub(super) const NAME: &'static str = "assume_role";

    /// The role `role`, assumed with the credentials of `base`.
    pub(super) fn new(base: Arc<dyn Provider>, role: AssumedRole, sts: Sts) -> Self {
        Self { base, role, sts }
    }

    /// Fetches the base's credentials for every session instead of caching them, so they are never
    /// expired. The cost is one more fetch per session.
    async fn assume(&self) -> Result<Credentials, Error> {
        let base = self.base.fetch().await.map_err(|error| {
            Error::new(Self::NAME, "no credentials to assume the role with").with_source(error)
        })?;
        self.sts.assume_role(&self.role, &base).await
    }
}

impl Provider for AssumeRoleProvider {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn fetch(&self) -> FetchFuture<'_> {
        Box::pin(self.assume())
    }
}
