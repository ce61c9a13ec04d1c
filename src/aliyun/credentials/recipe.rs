//! Which source to use and how, as data: what a configuration, a CLI profile and an INI section all come to.

use std::path::PathBuf;
use std::time::Duration;

use super::super::{Endpoint, Secret};
use super::environment::{Environment, STS_REGION, VPC_ENDPOINT_ENABLED};

/// What sessions are called where nobody gave them a name: a fixed one can be found in audits.
pub const SESSION_NAME: &str = "appstreaming-exporter";
/// How long a session lasts where nobody said.
pub const SESSION_DURATION: Duration = Duration::from_secs(3600);

/// Where credentials are to come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipe {
    /// The first of the sources that the official SDKs look through.
    Default(Places),
    /// Keys that were written down.
    AccessKey {
        /// The AccessKey id.
        id: KeyText,
        /// The AccessKey secret.
        secret: KeyText,
        /// The token, with temporary keys.
        token: Option<KeyText>,
    },
    /// A role taken on with a token that somebody else issued, such as a Kubernetes cluster.
    OidcRole {
        /// `acs:ram::{account}:oidc-provider/{name}`.
        provider_arn: String,
        /// Read again for every request: whoever writes it replaces it.
        token_file: PathBuf,
        /// The role.
        role: Role,
        /// Whom to ask.
        sts: StsPlace,
    },
    /// The role of the ECS instance that this process runs on.
    EcsRamRole {
        /// Its name, where it needn't be asked for.
        role_name: Option<String>,
        /// Where the metadata service is, if not at its usual address.
        metadata: Option<Endpoint>,
    },
    /// A role taken on with other credentials.
    AssumeRole {
        /// Who asks for the role.
        base: Box<Recipe>,
        /// The role.
        role: Role,
        /// Whom to ask.
        sts: StsPlace,
    },
    /// A URL that hands out credentials; what opens it may be in its query.
    Uri(Secret),
    /// A profile of the Alibaba Cloud CLI, or a section of a credentials file.
    Profile {
        /// Its name; `None`: what the environment or the file says.
        name: Option<String>,
        /// The file; `None`: the usual ones.
        file: Option<PathBuf>,
        /// Where to ask for what the profile asks for.
        places: Places,
    },
}

/// A part of an AccessKey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyText {
    /// The text itself.
    Given(Secret),
    /// What is in a file, without the blanks around it. Read again when the service refuses the key.
    File(PathBuf),
}

/// A role to take on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// `acs:ram::{account}:role/{name}`.
    pub arn: String,
    /// What the session is called in audits.
    pub session_name: String,
    /// 15 minutes up to the role's maximum.
    pub duration: Duration,
    /// Narrows the role's rights for the session.
    pub policy: Option<String>,
    /// What the role's trust policy may ask for. Not used with OIDC.
    pub external_id: Option<Secret>,
}

impl Role {
    /// A role with defaults for all but its name.
    pub fn new(arn: impl Into<String>) -> Self {
        Self {
            arn: arn.into(),
            session_name: SESSION_NAME.to_owned(),
            duration: SESSION_DURATION,
            policy: None,
            external_id: None,
        }
    }
}

/// Services that aren't at their usual addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// STS.
    pub sts: Option<Endpoint>,
    /// The metadata service.
    pub metadata: Option<Endpoint>,
}

/// Which STS to ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StsPlace {
    /// As the environment says; without a word the one for all regions.
    #[default]
    Usual,
    /// This one.
    Endpoint(Endpoint),
    /// That of a region.
    Region {
        /// E.g. `cn-hangzhou`.
        region: String,
        /// Its host inside a VPC.
        vpc: bool,
    },
}

impl StsPlace {
    /// An endpoint, where one was given.
    pub fn at(endpoint: Option<Endpoint>) -> Self {
        endpoint.map_or(Self::Usual, Self::Endpoint)
    }

    /// The endpoint itself. `None` where a region's name makes no host.
    ///
    /// Source: "Resource Access Management: Endpoints". As in the SDKs, a VPC without a region means nothing.
    pub(super) fn endpoint(&self, environment: &Environment) -> Option<Endpoint> {
        let (region, vpc) = match self {
            Self::Endpoint(endpoint) => return Some(endpoint.clone()),
            Self::Region { region, vpc } => (Some(region.as_str()), *vpc),
            Self::Usual => (environment.get(STS_REGION), environment.is_true(VPC_ENDPOINT_ENABLED)),
        };
        let host = match (region, vpc) {
            (None, _) => "sts.aliyuncs.com".to_owned(),
            (Some(region), false) => format!("sts.{region}.aliyuncs.com"),
            (Some(region), true) => format!("sts-vpc.{region}.aliyuncs.com"),
        };
        Endpoint::https(&host).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(place: &StsPlace, variables: &[(&str, &str)]) -> String {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        place.endpoint(&Environment::new(variables)).unwrap().to_string()
    }

    #[test]
    fn sts_is_found_by_region_and_vpc() {
        let region = (STS_REGION, "cn-hangzhou");
        let vpc = (VPC_ENDPOINT_ENABLED, "True");
        let usual = StsPlace::Usual;
        assert_eq!(host(&usual, &[]), "https://sts.aliyuncs.com");
        assert_eq!(host(&usual, &[vpc]), "https://sts.aliyuncs.com");
        assert_eq!(host(&usual, &[region]), "https://sts.cn-hangzhou.aliyuncs.com");
        assert_eq!(host(&usual, &[region, vpc]), "https://sts-vpc.cn-hangzhou.aliyuncs.com");
        let given = StsPlace::Region { region: "cn-beijing".into(), vpc: false };
        assert_eq!(host(&given, &[region, vpc]), "https://sts.cn-beijing.aliyuncs.com");
        let endpoint = StsPlace::at(Some("http://127.0.0.1:1".parse().unwrap()));
        assert_eq!(host(&endpoint, &[region, vpc]), "http://127.0.0.1:1");
    }
}
