//! How callers of the simulated cloud obtain temporary credentials: from STS, from the metadata
//! service of an ECS instance, or from a credentials URI.
//!
//! | part | what is in it |
//! |---|---|
//! | `options` | the roles of the account, and the lifetime of credentials |
//! | `issuer` | all AccessKeys that the account knows; temporary ones are issued here |
//! | `sts` | `AssumeRole`, `AssumeRoleWithOIDC`, `GetCallerIdentity`, at the address of the API |
//! | `oidc` | the tokens of a simulated cluster, and their check |
//! | `metadata` | `/latest/...`, `/credentials` and `/oidc/token` |
//!
//! What is not here: the checks of signatures (`authentication`), and faults (`dispatch`). Every
//! service works on an [`Issuer`] and a real instant that its caller passes: simulated time does
//! not affect credentials.

mod issuer;
pub(super) mod metadata;
mod oidc;
mod options;
pub(super) mod sts;

pub(super) use issuer::Issuer;
pub(super) use options::lifetime_problem;
pub use options::{
    EXTERNAL_ID, EcsInstance, GUARDED_ROLE, INSTANCE_ROLE, IssuerOptions, OIDC_PROVIDER, OTHER_ACCOUNTS_ROLE,
    ROLE, RamRole,
};
