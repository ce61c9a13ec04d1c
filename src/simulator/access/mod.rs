//! How callers of the simulated cloud come by temporary credentials: STS, the metadata service of an ECS instance, a
//! credentials URI.
//!
//! | part | what is in it |
//! |---|---|
//! | `options` | which roles there are, and how long credentials live |
//! | `issue` | temporary credentials, which the API takes until they end |
//! | `sts` | `AssumeRole`, `AssumeRoleWithOIDC`, `GetCallerIdentity`, on the same address as the API |
//! | `oidc` | tokens as a cluster issues them, and their check |
//! | `beside` | `/latest/...`, `/credentials` and `/oidc/token` |

mod beside;
mod issue;
mod oidc;
mod options;
mod sts;

pub(super) use beside::{Plain, is_beside};
pub(super) use issue::Issuer;
pub(super) use options::life_problem;
pub use options::{
    EXTERNAL_ID, EcsInstance, GUARDED_ROLE, INSTANCE_ROLE, IssuerOptions, OIDC_PROVIDER, OTHER_ACCOUNTS_ROLE,
    ROLE, RamRole,
};
