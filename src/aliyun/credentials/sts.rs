//! The two operations of STS that hand out a role's credentials.
//!
//! Source: "Resource Access Management: AssumeRole" and "AssumeRoleWithOIDC", version 2015-04-01.

use std::time::Duration;

use jiff::Timestamp;

use super::super::client::Options;
use super::super::error::{Error as ApiError, Redaction};
use super::super::request::{Parameter, value};
use super::super::signature::{Context, FORM, Signed, canonical_query, date, v2};
use super::super::transport::Transport;
use super::super::{Request, Secret, SignatureVersion};
use super::{Credentials, Error, Role, StsPlace, Surroundings, answer};

const VERSION: &str = "2015-04-01";
const ASSUME_ROLE: &str = "AssumeRole";
const ASSUME_ROLE_WITH_OIDC: &str = "AssumeRoleWithOIDC";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(10);
const LARGEST_ANSWER: u64 = 1024 * 1024;

/// A client of one STS.
pub(super) struct Sts {
    from: &'static str,
    host: String,
    transport: Transport,
}

impl Sts {
    /// Sets a client up for the source named `from`; nothing is sent yet.
    pub(super) fn new(
        from: &'static str,
        place: &StsPlace,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let endpoint = place
            .endpoint(&surroundings.environment)
            .ok_or_else(|| Error::new(from, "the STS region makes no host name"))?;
        let options = Options {
            signature: SignatureVersion::V2,
            connect_timeout: CONNECT_TIMEOUT,
            request_timeout: CONNECT_TIMEOUT + READ_TIMEOUT,
            max_in_flight: 1,
            max_response_bytes: LARGEST_ANSWER,
            proxy: surroundings.proxy.clone(),
            user_agent: surroundings.user_agent.clone(),
            ..Options::new(endpoint)
        };
        let transport = Transport::new(&options)
            .map_err(|error| Error::new(from, "no client for STS").with_source(error))?;
        Ok(Self { from, host: options.endpoint.authority(), transport })
    }

    /// `AssumeRole`, signed by `signer`.
    pub(super) async fn assume_role(&self, role: &Role, signer: &Credentials) -> Result<Credentials, Error> {
        let external_id = role.external_id.as_ref().map(|id| value("ExternalId", id.expose()));
        let mut request = Request::new(ASSUME_ROLE, VERSION);
        request.form = Some(of_role(role).chain(external_id).collect());
        let nonce = format!("{:032x}", rand::random::<u128>());
        let context = Context { host: &self.host, credentials: signer, now: Timestamp::now(), nonce: &nonce };
        let redaction = Redaction::new(signer);
        self.exchange(role, request.operation, v2::sign(&request, &context), &redaction).await
    }

    /// `AssumeRoleWithOIDC`: nobody signs, the token is the proof. It travels in the body, since URLs get logged.
    pub(super) async fn assume_role_with_oidc(
        &self,
        role: &Role,
        provider_arn: &str,
        token: &Secret,
    ) -> Result<Credentials, Error> {
        let common = [
            ("Action", ASSUME_ROLE_WITH_OIDC.to_owned()),
            ("Version", VERSION.to_owned()),
            ("Format", "JSON".to_owned()),
            ("Timestamp", date(Timestamp::now())),
        ];
        let proof = [value("OIDCProviderArn", provider_arn), value("OIDCToken", token.expose())];
        let sent = Signed {
            query: canonical_query(common),
            headers: vec![("content-type", FORM.to_owned())],
            body: canonical_query(of_role(role).chain(proof)),
        };
        // An error may quote the token.
        let bearer = Credentials::new("", token.clone(), None);
        self.exchange(role, ASSUME_ROLE_WITH_OIDC, sent, &Redaction::new(&bearer)).await
    }

    async fn exchange(
        &self,
        role: &Role,
        operation: &'static str,
        sent: Signed,
        redaction: &Redaction<'_>,
    ) -> Result<Credentials, Error> {
        let answer = match self.transport.send(operation, sent).await {
            Ok(answer) if answer.status == 200 => return answer::of_sts(self.from, &answer.body),
            Ok(answer) => Err(ApiError::from_answer(operation, answer.status, &answer.body, redaction)),
            Err(error) => Err(error),
        };
        answer.map_err(|error| {
            let advice = advice(operation, error.code()).map(|advice| format!(" ({advice})"));
            let message = format!("STS gives no session of {}{}", role.arn, advice.unwrap_or_default());
            Error::new(self.from, message).with_source(error)
        })
    }
}

fn of_role(role: &Role) -> impl Iterator<Item = Parameter> {
    let policy = role.policy.as_deref().map(|policy| value("Policy", policy));
    [
        value("RoleArn", &role.arn),
        value("RoleSessionName", &role.session_name),
        value("DurationSeconds", role.duration.as_secs().to_string()),
    ]
    .into_iter()
    .chain(policy)
}

/// What an operator can do about an error code of STS.
fn advice(operation: &str, code: &str) -> Option<&'static str> {
    Some(match code {
        "NoPermission" if operation == ASSUME_ROLE => {
            "the caller needs sts:AssumeRole on this role, and the role's trust policy must name the caller and \
             its external id"
        }
        "NoPermission" | "AuthenticationFail.NoPermission" => {
            "the role's trust policy must let in this OIDC provider with the audience sts.aliyuncs.com and this \
             service account"
        }
        "EntityNotExist.Role" => "there is no such role: check the account and the name in role_arn",
        "EntityNotExist.OIDCProvider" => "there is no such OIDC provider: check oidc_provider_arn",
        "InvalidParameter.DurationSeconds" => {
            "the duration must be at least 15 minutes and at most what the role allows"
        }
        _ if code.starts_with("AuthenticationFail.OIDCToken") => {
            "the OIDC token must be a current one, issued for the audience sts.aliyuncs.com"
        }
        "connect" | "timeout" => {
            "check the network, or choose an STS that can be reached by sts_endpoint or ALIBABA_CLOUD_STS_REGION"
        }
        _ => return None,
    })
}
