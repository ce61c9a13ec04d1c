//! Temporary credentials: how callers obtain them, what is rejected, and that the API accepts them
//! until they expire.

use std::time::Duration;

use hyper::header::CONTENT_TYPE;
use jiff::SignedDuration;
use serde_json::Value;

use super::*;
use crate::aliyun::Secret;
use crate::aliyun::access_key::Credentials;
use crate::aliyun::signature::{canonical_query, v2};
use crate::simulator::credentials::metadata::service_at;
use crate::simulator::{
    EXTERNAL_ID, EcsInstance, GUARDED_ROLE, INSTANCE_ROLE, IssuerOptions, OIDC_PROVIDER, ROLE,
};

const VERSION: &str = "2015-04-01";
const GROUPS: &str = "ListAppInstanceGroup";

impl TestCloud {
    fn assume(&mut self, version: u8, form: &[(&'static str, &str)]) -> Result<Value, RejectedCall> {
        let mut request = Self::request("AssumeRole", &[], form);
        request.version = VERSION;
        let sent = self.sign(&request, version, &keys());
        self.send(&sent).map(|body| serde_json::from_slice(&body).unwrap())
    }

    /// `AssumeRoleWithOIDC`: with GET all parameters are in the query, with POST the secret ones
    /// are in the form.
    fn assume_with_oidc(&self, method: Method, parameters: &[(&str, &str)]) -> Result<Value, RejectedCall> {
        let common = [("Action", "AssumeRoleWithOIDC"), ("Version", VERSION), ("Format", "JSON")];
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let (query, body) = match method {
            Method::GET => (canonical_query(common.iter().chain(parameters).copied()), String::new()),
            _ => (canonical_query(common), canonical_query(parameters.iter().copied())),
        };
        let sent = Sent { method, path: "/", query, headers, body: body.into_bytes() };
        self.send(&sent).map(|body| serde_json::from_slice(&body).unwrap())
    }

    fn call_service(
        &self,
        method: &Method,
        path: &str,
        query: &str,
        header: Option<(&'static str, &str)>,
    ) -> (u16, String) {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        let incoming = IncomingRequest { method, path, query, headers: &headers, body: &[] };
        let service = service_at(path).unwrap();
        match dispatch::call_service(&self.state, service, &incoming, self.now).reply {
            CloudReply::Plain { status, body } => (status, body),
            other => panic!("{other:?}"),
        }
    }

    fn list_with(&mut self, fields: &Value) -> Result<Vec<u8>, RejectedCall> {
        let field = |name: &str| fields[name].as_str().unwrap().to_owned();
        let token = Secret::new(field("SecurityToken"));
        let credentials =
            Credentials::new(field("AccessKeyId"), Secret::new(field("AccessKeySecret")), Some(token));
        let sent = self.sign(&Self::request(GROUPS, &[("ProductType", "CloudApp")], &[]), 3, &credentials);
        self.send(&sent)
    }
}

const SESSION: [(&str, &str); 2] = [("RoleArn", ROLE), ("RoleSessionName", "metrics")];

fn code<T: std::fmt::Debug>(outcome: Result<T, RejectedCall>) -> String {
    outcome.unwrap_err().1
}

#[test]
fn the_api_accepts_a_session_until_it_expires() {
    let mut cloud = TestCloud::frozen();
    for version in [2, 3] {
        let session = cloud.assume(version, &[SESSION[0], SESSION[1], ("DurationSeconds", "900")]).unwrap();
        assert_eq!(session["Credentials"]["Expiration"], "2026-11-23T02:45:00Z");
        cloud.list_with(&session["Credentials"]).unwrap();
        let start = cloud.now;
        cloud.now += SignedDuration::from_secs(900);
        assert_eq!(code(cloud.list_with(&session["Credentials"])), "InvalidSecurityToken.Expired");
        cloud.now = start;
    }
}

#[test]
fn a_session_may_be_requested_with_get_and_all_parameters_in_the_query() {
    let cloud = TestCloud::frozen();
    let parameters = [
        ("Action", "AssumeRole"),
        ("Version", VERSION),
        ("Format", "JSON"),
        ("Timestamp", "2026-11-23T02:30:00Z"),
        ("SignatureNonce", "n"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("AccessKeyId", ACCESS_KEY_ID),
        SESSION[0],
        SESSION[1],
    ];
    let query = canonical_query(parameters);
    let signature = v2::signature(&Secret::new(ACCESS_KEY_SECRET), &v2::string_to_sign("GET", &query));
    let query = format!("{query}&{}", canonical_query([("Signature", signature)]));
    let sent = |method, query| Sent { method, path: "/", query, headers: HeaderMap::new(), body: Vec::new() };
    cloud.send(&sent(Method::GET, query.clone())).unwrap();
    let other = TestCloud::frozen();
    assert_eq!(code(other.send(&sent(Method::POST, query))), "SignatureDoesNotMatch");
}

#[test]
fn invalid_sts_requests_are_rejected_with_their_codes() {
    let mut cloud = TestCloud::frozen();
    let with = |changed: &[(&'static str, &'static str)]| {
        let mut form = SESSION.to_vec();
        form.retain(|(name, _)| changed.iter().all(|(other, _)| other != name));
        form.extend(changed.iter().filter(|(_, value)| !value.is_empty()));
        form
    };
    for (changed, expected) in [
        (&[("RoleArn", "acs:ram::1:role/gone")][..], "EntityNotExist.Role"),
        (&[("RoleArn", "")], "MissingRoleArn"),
        (&[("RoleSessionName", "")], "MissingRoleSessionName"),
        (&[("RoleSessionName", "a b")], "InvalidParameter.RoleSessionName"),
        (&[("DurationSeconds", "899")], "InvalidParameter.DurationSeconds"),
        (&[("DurationSeconds", "3601")], "InvalidParameter.DurationSeconds"),
        (&[("Policy", "{")], "InvalidParameter.PolicyGrammar"),
        (&[("RoleArn", GUARDED_ROLE)], "NoPermission"),
        (&[("RoleArn", GUARDED_ROLE), ("ExternalId", "wrong")], "NoPermission"),
    ] {
        assert_eq!(code(cloud.assume(2, &with(changed))), expected, "{changed:?}");
    }
    cloud.assume(2, &with(&[("RoleArn", GUARDED_ROLE), ("ExternalId", EXTERNAL_ID)])).unwrap();
    let mut unversioned = TestCloud::request("AssumeRole", &[], &SESSION);
    unversioned.version = "2021-09-01";
    let sent = cloud.sign(&unversioned, 2, &keys());
    assert_eq!(code(cloud.send(&sent)), "NoSuchVersion");
}

#[test]
fn a_token_of_the_cluster_assumes_a_role_without_a_signature() {
    let mut cloud = TestCloud::frozen();
    let (status, token) = cloud.call_service(&Method::GET, "/oidc/token", "", None);
    assert_eq!(status, 200);
    fn with<'a>(token: &'a str, provider: &'a str, role: &'a str) -> [(&'a str, &'a str); 4] {
        [SESSION[1], ("RoleArn", role), ("OIDCProviderArn", provider), ("OIDCToken", token)]
    }
    for method in [Method::POST, Method::GET] {
        let session = cloud.assume_with_oidc(method, &with(&token, OIDC_PROVIDER, ROLE)).unwrap();
        assert_eq!(session["OIDCTokenInfo"]["VerificationInfo"], "Success");
        cloud.list_with(&session["Credentials"]).unwrap();
    }
    let issued = |query: &str| cloud.call_service(&Method::GET, "/oidc/token", query, None).1;
    let rejected = |token: &str, provider, role| {
        code(cloud.assume_with_oidc(Method::POST, &with(token, provider, role)))
    };
    let forged = token.replacen('.', ".e", 1);
    assert_eq!(rejected(&forged, OIDC_PROVIDER, ROLE), "AuthenticationFail.OIDCToken.Invalid");
    assert_eq!(rejected("abc", OIDC_PROVIDER, ROLE), "InvalidParameter.OIDCToken");
    let expired = issued("expires_in=-1");
    assert_eq!(rejected(&expired, OIDC_PROVIDER, ROLE), "AuthenticationFail.OIDCToken.Expired");
    let other_audience = issued("audience=kubernetes");
    assert_eq!(rejected(&other_audience, OIDC_PROVIDER, ROLE), "AuthenticationFail.NoPermission");
    assert_eq!(rejected(&token, OIDC_PROVIDER, GUARDED_ROLE), "AuthenticationFail.NoPermission");
    assert_eq!(rejected(&token, "acs:ram::1:oidc-provider/x", ROLE), "EntityNotExist.OIDCProvider");
    assert_eq!(rejected(&token, OIDC_PROVIDER, "acs:ram::1:role/x"), "EntityNotExist.Role");
}

#[test]
fn a_caller_can_query_its_own_identity() {
    let mut cloud = TestCloud::frozen();
    let mut request = TestCloud::request("GetCallerIdentity", &[], &[]);
    request.version = VERSION;
    let sent = cloud.sign(&request, 3, &keys());
    let identity: Value = serde_json::from_slice(&cloud.send(&sent).unwrap()).unwrap();
    assert_eq!(identity["AccountId"], "1234567890123456");
    assert_eq!(identity["Arn"], "acs:ram::1234567890123456:user/exporter");
}

#[test]
fn the_metadata_service_serves_the_instances_role_in_both_modes() {
    const ROLES: &str = "/latest/meta-data/ram/security-credentials/";
    const TTL: &str = "x-aliyun-ecs-metadata-token-ttl-seconds";
    const TOKEN: &str = "x-aliyun-ecs-metadata-token";
    let mut cloud = TestCloud::frozen();
    let get = |cloud: &TestCloud, path: &str, token: Option<&str>| {
        cloud.call_service(&Method::GET, path, "", token.map(|token| (TOKEN, token)))
    };
    let put = |cloud: &TestCloud, ttl: &str| {
        cloud.call_service(&Method::PUT, "/latest/api/token", "", Some((TTL, ttl)))
    };
    assert_eq!(put(&cloud, "0").0, 400);
    assert_eq!(put(&cloud, "21601").0, 400);
    let token = put(&cloud, "10").1;
    let role = format!("{ROLES}{INSTANCE_ROLE}");
    assert_eq!(get(&cloud, ROLES, None), (200, INSTANCE_ROLE.to_owned()));
    assert_eq!(get(&cloud, ROLES, Some(&token)), (200, INSTANCE_ROLE.to_owned()));
    assert_eq!(get(&cloud, ROLES, Some("wrong")).0, 403);
    assert_eq!(get(&cloud, &format!("{ROLES}other"), None).0, 404);
    let (_, body) = get(&cloud, &role, Some(&token));
    let fields: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(fields["Code"], "Success");
    cloud.list_with(&fields).unwrap();

    cloud.control(r#"{"instance": {"role": "exporter-role", "v2_only": true}}"#).unwrap();
    assert_eq!(get(&cloud, &role, None).0, 403);
    assert_eq!(get(&cloud, &role, Some(&token)).0, 200);
    cloud.now += SignedDuration::from_secs(11);
    assert_eq!(get(&cloud, &role, Some(&token)).0, 403, "the metadata token has expired");
}

#[test]
fn a_token_that_is_lost_is_not_replaced_by_a_response_and_other_requests_are_served() {
    let cloud = TestCloud::frozen();
    cloud.control(r#"{"instance": {"role": "exporter-role", "loses_tokens": true}}"#).unwrap();
    let headers = HeaderMap::new();
    let method = Method::PUT;
    let incoming = IncomingRequest {
        method: &method,
        path: "/latest/api/token",
        query: "",
        headers: &headers,
        body: &[],
    };
    let handled = dispatch::call_service(&cloud.state, "Metadata", &incoming, cloud.now);
    assert!(matches!(handled.reply, CloudReply::Dropped), "{:?}", handled.reply);
    assert!(handled.latency >= Duration::from_secs(60), "clients time out first");
    let role = "/latest/meta-data/ram/security-credentials/";
    assert_eq!(cloud.call_service(&Method::GET, role, "", None).0, 200);
}

#[test]
fn the_lifetime_of_credentials_can_be_set_and_ended() {
    let options = IssuerOptions {
        token_lifetime: Some(Duration::from_secs(60)),
        instance: EcsInstance::default(),
        ..IssuerOptions::default()
    };
    let mut cloud =
        TestCloud::new(SimulatorOptions { speed: 0.0, issuer: options, ..SimulatorOptions::default() });
    let get = |cloud: &TestCloud| -> Value {
        serde_json::from_str(&cloud.call_service(&Method::GET, "/credentials", "", None).1).unwrap()
    };
    let fields = get(&cloud);
    assert_eq!(fields["Expiration"], "2026-11-23T02:31:00Z");
    cloud.list_with(&fields).unwrap();
    cloud.control(r#"{"expire_tokens": true}"#).unwrap();
    assert_eq!(code(cloud.list_with(&fields)), "InvalidSecurityToken.Expired");
    cloud.call(GROUPS, &[("ProductType", "CloudApp")], &[]).unwrap();
    cloud.control(r#"{"token_lifetime_seconds": 0}"#).unwrap();
    assert_eq!(get(&cloud)["Expiration"], "2026-11-23T03:30:00Z");
    assert!(cloud.control(r#"{"token_lifetime_seconds": 0.2}"#).is_err());
}

#[test]
fn faults_apply_to_these_services_only_by_name() {
    let mut cloud = TestCloud::frozen();
    cloud.control(r#"{"faults": [{"fault": {"error": {"code": "InternalError"}}}]}"#).unwrap();
    cloud.assume(2, &SESSION).unwrap();
    assert_eq!(cloud.call_service(&Method::GET, "/credentials", "", None).0, 200);
    cloud
        .control(
            r#"{"faults": [{"operation": "AssumeRole", "fault": {"error": {"code": "Throttling.User"}}},
                           {"operation": "CredentialsUri", "fault": {"error": {"code": "InternalError"}}}]}"#,
        )
        .unwrap();
    assert_eq!(code(cloud.assume(2, &SESSION)), "Throttling.User");
    assert_eq!(cloud.call_service(&Method::GET, "/credentials", "", None).0, 500);
}
