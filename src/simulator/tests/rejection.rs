//! Requests that are rejected before an operation runs, and their codes.

use jiff::SignedDuration;
use serde_json::Value;

use super::*;
use crate::aliyun::Secret;
use crate::aliyun::access_key::Credentials;
use crate::simulator::KnownKey;

const GROUPS: &str = "ListAppInstanceGroup";
const PRODUCT: (&str, &str) = ("ProductType", "CloudApp");

/// The rejection of a request that is accepted unless `change` changes it.
fn rejection_of(version: u8, change: impl FnOnce(&mut Sent)) -> RejectedCall {
    let mut cloud = TestCloud::frozen();
    let request = TestCloud::request(
        GROUPS,
        &[PRODUCT, ("AppInstanceGroupName", "办 公*~+/=")],
        &[("Status.1", "PUBLISHED")],
    );
    let sent = cloud.sign(&request, version, &keys());
    cloud.send(&sent).unwrap();
    let mut sent = cloud.sign(&request, version, &keys());
    change(&mut sent);
    cloud.send(&sent).unwrap_err()
}

fn code(rejection: RejectedCall) -> (u16, String) {
    (rejection.0, rejection.1)
}

fn replace(text: &mut String, from: &str, to: &str) {
    assert!(text.contains(from), "{text}");
    *text = text.replace(from, to);
}

fn set(sent: &mut Sent, name: &'static str, value: &str) {
    sent.headers.insert(name, value.parse().unwrap());
}

#[test]
fn a_changed_query_body_or_header_does_not_match_its_signature() {
    let mismatch = (400, "SignatureDoesNotMatch".to_owned());
    for version in [2, 3] {
        let changed = |sent: &mut Sent| replace(&mut sent.query, "CloudApp", "CloudApq");
        assert_eq!(code(rejection_of(version, changed)), mismatch);
        assert_eq!(code(rejection_of(version, |sent| sent.query.push_str("&PageSize=1"))), mismatch);
        assert_eq!(code(rejection_of(version, |sent| sent.body = b"Status.1=FAILED".to_vec())), mismatch);
    }
    assert_eq!(code(rejection_of(3, |sent| set(sent, "host", "elsewhere"))), mismatch);
    assert_eq!(code(rejection_of(3, |sent| set(sent, "x-acs-action", "ListAppInstances"))), mismatch);
    assert_eq!(code(rejection_of(3, |sent| set(sent, "x-acs-version", "2021-02-18"))), mismatch);
    let charset = "application/x-www-form-urlencoded; charset=utf-8";
    assert_eq!(code(rejection_of(3, |sent| set(sent, "content-type", charset))), mismatch);
    assert_eq!(code(rejection_of(2, |sent| replace(&mut sent.query, "nonce", "other"))), mismatch);
}

#[test]
fn a_header_that_is_not_signed_makes_the_signature_incomplete() {
    let incomplete = (400, "IncompleteSignature".to_owned());
    assert_eq!(code(rejection_of(3, |sent| set(sent, "x-acs-something", "new"))), incomplete);
    let without_nonce = |sent: &mut Sent| {
        let authorization = sent.headers["authorization"].to_str().unwrap().to_owned();
        set(sent, "authorization", &authorization.replace(";x-acs-signature-nonce", ""));
    };
    assert_eq!(code(rejection_of(3, without_nonce)), incomplete);
    assert_eq!(
        code(rejection_of(3, |sent| set(sent, "authorization", "ACS3-HMAC-SHA256 nonsense"))),
        incomplete
    );
    let spaced = |sent: &mut Sent| {
        let authorization = sent.headers["authorization"].to_str().unwrap().to_owned();
        set(sent, "authorization", &authorization.replace(",S", ", S"));
    };
    assert_eq!(code(rejection_of(3, spaced)), incomplete);
}

#[test]
fn headers_that_proxies_change_need_not_be_signed() {
    let mut cloud = TestCloud::frozen();
    let mut sent = cloud.sign(&TestCloud::request(GROUPS, &[PRODUCT], &[]), 3, &keys());
    set(&mut sent, "user-agent", "changed on the way");
    set(&mut sent, "accept", "application/json");
    cloud.send(&sent).unwrap();
}

#[test]
fn a_missing_header_or_parameter_is_named() {
    for (header, expected) in [
        ("x-acs-date", "MissingParameter.x-acs-date"),
        ("x-acs-signature-nonce", "MissingParameter.x-acs-signature-nonce"),
        ("x-acs-content-sha256", "MissingParameter.x-acs-content-sha256"),
    ] {
        let without = |sent: &mut Sent| drop(sent.headers.remove(header));
        assert_eq!(code(rejection_of(3, without)), (400, expected.to_owned()));
    }
    for parameter in ["Action", "Version", "AccessKeyId", "Timestamp", "SignatureNonce", "SignatureMethod"] {
        let without = |sent: &mut Sent| replace(&mut sent.query, &format!("{parameter}="), "X=");
        assert_eq!(code(rejection_of(2, without)).1, format!("Missing{parameter}"));
    }
}

#[test]
fn the_body_of_an_error_has_the_fields_of_the_api() {
    let (_, _, body) = rejection_of(2, |sent| replace(&mut sent.query, "CloudApp", "CloudApq"));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["Code"], "SignatureDoesNotMatch");
    assert_eq!(body["HostId"], "appstream-center.cn-shanghai.aliyuncs.com");
    assert!(body["Message"].as_str().unwrap().contains("server string to sign is:POST&%2F&"));
    let id = body["RequestId"].as_str().unwrap();
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12]);
    assert!(body["Recommend"].as_str().unwrap().ends_with(id));
}

#[test]
fn a_nonce_is_accepted_once() {
    for version in [2, 3] {
        let mut cloud = TestCloud::frozen();
        let sent = cloud.sign(&TestCloud::request(GROUPS, &[PRODUCT], &[]), version, &keys());
        cloud.send(&sent).unwrap();
        assert_eq!(code(cloud.send(&sent).unwrap_err()), (400, "SignatureNonceUsed".to_owned()));
    }
}

#[test]
fn a_clients_clock_may_differ_by_15_minutes() {
    for version in [2, 3] {
        for (minutes, accepted) in [(-16, false), (-14, true), (14, true), (16, false)] {
            let mut cloud = TestCloud::frozen();
            let right = cloud.now;
            cloud.now = right + SignedDuration::from_mins(minutes);
            let sent = cloud.sign(&TestCloud::request(GROUPS, &[PRODUCT], &[]), version, &keys());
            cloud.now = right;
            let result = cloud.send(&sent).map_err(code);
            match accepted {
                true => assert!(result.is_ok()),
                false => assert_eq!(result.unwrap_err(), (400, "InvalidTimeStamp.Expired".to_owned())),
            }
        }
    }
    let changed = |sent: &mut Sent| set(sent, "x-acs-date", "Mon, 23 Nov 2026 02:30:00 GMT");
    assert_eq!(code(rejection_of(3, changed)), (400, "InvalidTimeStamp.Format".to_owned()));
}

#[test]
fn access_keys_and_tokens_are_checked() {
    let now: Timestamp = "2026-11-23T02:30:00Z".parse().unwrap();
    let temporary = |id: &str, expires| KnownKey {
        security_token: Some("token+/=".to_owned()),
        token_expires: Some(expires),
        ..KnownKey::new(id, "secret")
    };
    let credentials = vec![
        KnownKey::new("lasting", "secret"),
        KnownKey { active: false, ..KnownKey::new("inactive", "secret") },
        KnownKey { allowed: false, ..KnownKey::new("forbidden", "secret") },
        temporary("temporary", now + SignedDuration::from_mins(1)),
        temporary("expired", now),
    ];
    let mut cloud =
        TestCloud::new(SimulatorOptions { credentials, speed: 0.0, ..SimulatorOptions::default() });
    for (id, secret, token, expected) in [
        ("lasting", "secret", None, "OK"),
        ("lasting", "wrong", None, "SignatureDoesNotMatch"),
        ("lasting", "secret", Some("token+/="), "InvalidSecurityToken.MismatchWithAccessKey"),
        ("unknown", "secret", None, "InvalidAccessKeyId.NotFound"),
        ("inactive", "secret", None, "InvalidAccessKeyId.Inactive"),
        ("forbidden", "secret", None, "NoPermission"),
        ("temporary", "secret", Some("token+/="), "OK"),
        ("temporary", "secret", Some("another"), "InvalidSecurityToken.Malformed"),
        ("temporary", "secret", None, "InvalidAccessKeyId.NotFound"),
        ("expired", "secret", Some("token+/="), "InvalidSecurityToken.Expired"),
    ] {
        for version in [2, 3] {
            let credentials = Credentials::new(id, Secret::new(secret), token.map(Secret::new));
            let sent = cloud.sign(&TestCloud::request(GROUPS, &[PRODUCT], &[]), version, &credentials);
            let code = cloud.send(&sent).map_or_else(|(_, code, _)| code, |_| "OK".to_owned());
            assert_eq!(code, expected, "{id} {token:?} by version {version}");
        }
    }
}

#[test]
fn a_missing_permission_is_named_in_the_details() {
    let credentials = vec![KnownKey { allowed: false, ..KnownKey::new(ACCESS_KEY_ID, ACCESS_KEY_SECRET) }];
    let mut cloud = TestCloud::new(SimulatorOptions { credentials, ..SimulatorOptions::default() });
    let (status, _, body) = cloud.call("ListAppInstances", &[], &[]).unwrap_err();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, 403);
    assert_eq!(body["AccessDeniedDetail"]["AuthAction"], "appstreaming:ListAppInstances");
}

#[test]
fn only_post_to_the_root_reaches_an_operation_that_exists() {
    let not_found = (404, "InvalidAction.NotFound".to_owned());
    assert_eq!(code(rejection_of(3, |sent| sent.method = Method::GET)), not_found);
    assert_eq!(code(rejection_of(3, |sent| sent.path = "/api")), not_found);
    let mut cloud = TestCloud::frozen();
    assert_eq!(cloud.rejected("DeleteEverything", &[], &[]), not_found);
    let mut request = TestCloud::request(GROUPS, &[PRODUCT], &[]);
    request.version = "2021-02-18";
    let sent = cloud.sign(&request, 3, &keys());
    assert_eq!(code(cloud.send(&sent).unwrap_err()), (404, "NoSuchVersion".to_owned()));
}

#[test]
fn errors_are_xml_unless_json_is_requested() {
    let (_, _, body) = rejection_of(2, |sent| replace(&mut sent.query, "Format=JSON", "Format=XML"));
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains("<Error>") && body.contains("<Code>SignatureDoesNotMatch</Code>"), "{body}");
}

#[test]
fn requests_over_the_limit_are_throttled_with_the_time_to_wait() {
    let mut cloud =
        TestCloud::new(SimulatorOptions { requests_per_second: 2.0, ..SimulatorOptions::default() });
    cloud.call(GROUPS, &[PRODUCT], &[]).unwrap();
    cloud.call(GROUPS, &[PRODUCT], &[]).unwrap();
    let sent = cloud.sign(&TestCloud::request(GROUPS, &[PRODUCT], &[]), 3, &keys());
    let reply = dispatch::call(&cloud.state, &sent.incoming(), cloud.now).reply;
    let CloudReply::Error { error, .. } = reply else {
        panic!("over the limit");
    };
    assert_eq!((error.status, &*error.code), (400, "Throttling.User"));
    assert_eq!(error.retry_after.unwrap().as_millis(), 500);
    cloud.now += SignedDuration::from_millis(500);
    cloud.call(GROUPS, &[PRODUCT], &[]).unwrap();
}
