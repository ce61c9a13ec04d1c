//! A role taken on with other credentials: across accounts, or to have fewer rights.

use std::sync::Arc;

use super::provider::{Fetching, Provider};
use super::sts::Sts;
use super::{Credentials, Error, Role};

/// A role, and who asks for it.
pub(super) struct AssumeRole {
    base: Arc<dyn Provider>,
    role: Role,
    sts: Sts,
}

impl AssumeRole {
    /// The [name](Provider::name).
    pub(super) const NAME: &'static str = "assume_role";

    pub(super) fn new(base: Arc<dyn Provider>, role: Role, sts: Sts) -> Self {
        Self { base, role, sts }
    }

    /// First the base's own, fetched anew: once in a session's life that costs nothing, and they can't be over.
    async fn assume(&self) -> Result<Credentials, Error> {
        let base = self.base.fetch().await.map_err(|error| {
            Error::new(Self::NAME, "there is nobody to ask for the role").with_source(error)
        })?;
        self.sts.assume_role(&self.role, &base).await
    }
}

impl Provider for AssumeRole {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.assume())
    }
}
