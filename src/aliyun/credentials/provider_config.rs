//! Which credentials to use and how to obtain them, as data.
//!
//! The exporter's configuration, a profile of the CLI and a section of an INI file all become a
//! [`ProviderConfig`]. What is not here: reading these files, and obtaining the credentials.

use std::path::PathBuf;
use std::time::Duration;

use super::credentials_uri::CredentialsUri;
use crate::aliyun::endpoint::Endpoint;
use crate::aliyun::secret::Secret;

/// Session name where none is configured: a fixed name can be found in audit logs.
pub const DEFAULT_SESSION_NAME: &str = "appstreaming-exporter";
/// Session duration where none is configured: one hour.
pub const DEFAULT_SESSION_DURATION: Duration = Duration::from_secs(3600);

/// Where credentials come from. Its `Debug` output contains no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderConfig {
    /// The first source that has credentials, in the order of the official SDKs.
    Default(ServiceEndpoints),
    /// An AccessKey.
    AccessKey {
        /// The AccessKey id.
        id: KeySource,
        /// The AccessKey secret.
        secret: KeySource,
        /// The token of a temporary key.
        security_token: Option<KeySource>,
    },
    /// A role, assumed with a token of another identity provider such as a Kubernetes cluster.
    OidcRole {
        /// `acs:ram::{account}:oidc-provider/{name}`.
        provider_arn: String,
        /// The file with the token. Read for every request: the identity provider replaces the
        /// token.
        token_file: PathBuf,
        /// The role.
        role: AssumedRole,
        /// The STS endpoint.
        sts: StsEndpoint,
    },
    /// The role of the ECS instance that this process runs on.
    EcsRamRole {
        /// The role's name; `None`: the name in the environment, or that of the attached role.
        role_name: Option<String>,
        /// The metadata service; `None`: its fixed address.
        metadata: Option<Endpoint>,
    },
    /// A role, assumed with other credentials.
    AssumeRole {
        /// The credentials that assume the role.
        base: Box<ProviderConfig>,
        /// The role.
        role: AssumedRole,
        /// The STS endpoint.
        sts: StsEndpoint,
    },
    /// A URL that returns credentials.
    Uri(CredentialsUri),
    /// A profile of the Alibaba Cloud CLI, or a section of a credentials file.
    Profile {
        /// The profile's name; `None`: the name in the environment, or the file's default.
        name: Option<String>,
        /// The file; `None`: the default locations.
        file: Option<PathBuf>,
        /// Endpoints of the services that the profile refers to.
        endpoints: ServiceEndpoints,
    },
}

impl ProviderConfig {
    /// The STS endpoint that is set explicitly, where the provider uses STS.
    pub fn explicit_sts(&self) -> Option<&Endpoint> {
        match self {
            Self::Default(endpoints) | Self::Profile { endpoints, .. } => endpoints.sts.as_ref(),
            Self::OidcRole { sts, .. } | Self::AssumeRole { sts, .. } => sts.explicit(),
            Self::AccessKey { .. } | Self::EcsRamRole { .. } | Self::Uri(_) => None,
        }
    }
}

/// Where one part of an AccessKey comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// The value itself.
    Value(Secret),
    /// A file with the value, without the whitespace around it.
    File {
        /// The file. Read for every fetch, so a replaced file is noticed.
        path: PathBuf,
        /// The value when the configuration was loaded: for display and comparison only.
        loaded: Secret,
    },
}

impl KeySource {
    /// The value as it was when the configuration was loaded.
    pub fn loaded(&self) -> &Secret {
        match self {
            Self::Value(value) | Self::File { loaded: value, .. } => value,
        }
    }
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumedRole {
    /// `acs:ram::{account}:role/{name}`.
    pub arn: String,
    /// The session's name in audit logs: 2 to 64 characters.
    pub session_name: String,
    /// The session's duration: from 15 minutes to the role's maximum.
    pub duration: Duration,
    /// A RAM policy in JSON that restricts the session's permissions.
    pub policy: Option<String>,
    /// The external id that the role's trust policy requires. Not used with OIDC.
    pub external_id: Option<Secret>,
}

impl AssumedRole {
    /// A role with defaults for everything but its ARN.
    pub fn new(arn: impl Into<String>) -> Self {
        Self {
            arn: arn.into(),
            session_name: DEFAULT_SESSION_NAME.to_owned(),
            duration: DEFAULT_SESSION_DURATION,
            policy: None,
            external_id: None,
        }
    }
}

/// Endpoints of services; `None` for the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceEndpoints {
    /// STS.
    pub sts: Option<Endpoint>,
    /// The metadata service of ECS.
    pub metadata: Option<Endpoint>,
}

/// Which endpoint of STS to call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StsEndpoint {
    /// The host of the region in the environment, or the host that serves all regions.
    #[default]
    Environment,
    /// This endpoint.
    Explicit(Endpoint),
    /// The host of a region.
    Region {
        /// E.g. `cn-hangzhou`.
        region: String,
        /// Whether to use the region's host for VPCs.
        vpc: bool,
    },
}

impl StsEndpoint {
    /// The endpoint of [`Explicit`](Self::Explicit).
    pub fn explicit(&self) -> Option<&Endpoint> {
        match self {
            Self::Explicit(endpoint) => Some(endpoint),
            Self::Environment | Self::Region { .. } => None,
        }
    }
}

impl From<Option<Endpoint>> for StsEndpoint {
    fn from(endpoint: Option<Endpoint>) -> Self {
        endpoint.map_or(Self::Environment, Self::Explicit)
    }
}
