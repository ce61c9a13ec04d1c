use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use serde::Deserialize;

use super::super::Secret;
use super::super::credentials::Credentials;
use super::*;

#[derive(Deserialize)]
struct Sample {
    kind: String,
    http_status: Option<u16>,
    code: Option<String>,
    error_class: Option<String>,
}

#[test]
fn every_known_error_is_of_its_documented_kind() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/samples");
    let index = std::fs::read(directory.join("index.json")).unwrap();
    let index: BTreeMap<String, Sample> = serde_json::from_slice(&index).unwrap();
    let mut proven = 0;
    for (file, sample) in index.iter().filter(|(_, sample)| sample.kind == "error") {
        let body = std::fs::read(directory.join(file)).unwrap();
        let error = Error::from_body("Operation", sample.http_status.unwrap(), &body);
        let class = match error.kind() {
            Kind::Authentication => "auth",
            Kind::Request => "bad_request",
            kind => kind.as_str(),
        };
        assert_eq!(Some(class), sample.error_class.as_deref(), "{file}");
        assert_eq!(Some(error.code()), sample.code.as_deref(), "{file}");
        // The same code means the same whatever status a gateway chose.
        for status in [200, 400, 403, 404, 429, 500, 503] {
            assert_eq!(Error::from_body("Operation", status, &body).kind(), error.kind(), "{file} {status}");
        }
        assert!(error.request_id().is_some_and(|id| id.starts_with("1CBAFFAB")), "{file}");
        proven += 1;
    }
    assert_eq!(proven, 22);
}

#[test]
fn codes_are_matched_whole_then_by_their_first_part() {
    let cases = [
        ("Throttling.Resource.Deeper", Some(Kind::Throttled)),
        ("InternalError.Something", Some(Kind::Server)),
        ("InvalidTimeStamp.Format", Some(Kind::Clock)),
        ("IncompleteSignature", Some(Kind::Authentication)),
        ("InvalidAccessKeyId.Inactive", Some(Kind::Authentication)),
        ("InvalidSecurityToken.MismatchWithAccessKey", Some(Kind::Authentication)),
        ("Forbidden", Some(Kind::Forbidden)),
        ("Forbidden.RiskControl", Some(Kind::Forbidden)),
        ("MissingParameter.ProductType", Some(Kind::Request)),
        ("MissingProductType", Some(Kind::Request)),
        ("ProductTypeInvalid", Some(Kind::Request)),
        ("InvalidParameter", Some(Kind::Request)),
        ("InvalidProtocol.NeedSsl", Some(Kind::Request)),
        ("NoSuchVersion", Some(Kind::Request)),
        ("InvalidProduct.NotFound", Some(Kind::Request)),
        ("InvalidAppInstanceGroupSpecItem.NotFound", Some(Kind::NotFound)),
        ("InvalidBrowserInstanceGroup.NotFound", Some(Kind::NotFound)),
        ("ThrottlingButNot", None),
        ("SomethingNew", None),
    ];
    for (code, kind) in cases {
        assert_eq!(Kind::of_code(code, ""), kind, "{code}");
    }
}

#[test]
fn an_unknown_code_is_judged_by_its_status() {
    let kind = |status| Error::from_body("Operation", status, br#"{"Code":"SomethingNew"}"#).kind();
    assert_eq!(kind(500), Kind::Server);
    assert_eq!(kind(429), Kind::Throttled);
    assert_eq!(kind(403), Kind::Forbidden);
    assert_eq!(kind(404), Kind::Request);
    assert_eq!(kind(200), Kind::Request);
}

#[test]
fn a_missing_permission_names_the_action_and_not_the_user() {
    let body = include_bytes!("../../../tests/data/samples/error_forbidden_no_permission.json");
    let error = Error::from_body("ListAppInstances", 403, body);
    assert_eq!(error.denied_action(), Some("appstreaming:ListAppInstances"));
    assert_eq!(
        error.to_string(),
        "ListAppInstances: NoPermission: You are not authorized to do this action. You should be authorized by \
         RAM. (appstreaming:ListAppInstances: ImplicitDeny) (request id 1CBAFFAB-B697-4049-A9B1-67E1FC5FA01F)"
    );
    assert!(error.advice().is_some());
    assert!(!format!("{error:?}").contains("234567890123456789"));
}

#[test]
fn the_string_that_the_service_signed_is_not_repeated() {
    let body = include_bytes!("../../../tests/data/samples/error_signature_does_not_match.json");
    let error = Error::from_body("ListAppInstances", 400, body);
    assert_eq!(
        error.message(),
        "Specified signature is not matched with our calculation. server string to sign is: <redacted>"
    );
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("exampleAccessKeyId") && !text.contains("POST"), "{text}");
    }
}

#[test]
fn an_error_in_xml_is_read_as_well() {
    let body = br#"<?xml version='1.0' encoding='UTF-8'?>
        <Error><RequestId>8906582E-6722</RequestId><HostId>example.com</HostId>
        <Code>Throttling.User</Code><Message>Denied &amp;lt; &quot;flow&quot;.</Message></Error>"#;
    let error = Error::from_body("Operation", 400, body);
    assert_eq!((error.kind(), error.code()), (Kind::Throttled, "Throttling.User"));
    assert_eq!(error.message(), r#"Denied &lt; "flow"."#);
    assert_eq!(error.request_id(), Some("8906582E-6722"));
}

#[test]
fn of_a_load_balancers_page_only_status_and_first_bytes_are_kept() {
    let page =
        format!("<html>\r\n<h1>502 Bad Gateway</h1>\n<code>x</code>{}</html>", "padding ".repeat(1000));
    let error = Error::from_body("Operation", 502, page.as_bytes());
    assert_eq!((error.kind(), error.code(), error.status()), (Kind::Server, "protocol", Some(502)));
    assert!(error.message().starts_with("status 502 with a body that is no API error: <html> <h1>502 Bad"));
    assert!(error.message().len() < 200 && !error.message().contains('\n'));
    let empty = Error::from_body("Operation", 400, b"");
    assert_eq!(empty.to_string(), "Operation: protocol: status 400 with an empty body");
    assert_eq!(empty.kind(), Kind::Protocol);
}

#[test]
fn a_byte_order_mark_and_a_numeric_code_are_tolerated() {
    let error = Error::from_body("Operation", 200, b"\xef\xbb\xbf {\"code\":404,\"message\":\"gone\"}");
    assert_eq!((error.code(), error.message()), ("404", "gone"));
    let success = Error::from_body("Operation", 200, br#"{"RequestId":"1","TotalCount":0}"#);
    assert_eq!((success.kind(), success.code()), (Kind::Protocol, "protocol"));
}

#[test]
fn the_cause_is_a_source_and_not_said_twice() {
    let cause = credentials::Error::new("environment", "half a key");
    let error = Error::credentials("ListAppInstances", cause);
    assert_eq!(error.to_string(), "ListAppInstances: credentials: no credentials to sign with");
    assert_eq!(error.source().unwrap().to_string(), "credentials from environment: half a key");
    assert_eq!((error.kind(), error.code()), (Kind::Credentials, "credentials"));
}

#[test]
fn a_wait_header_makes_any_error_a_throttled_one() {
    let error = Error::from_body("Operation", 400, br#"{"Code":"Whatever"}"#)
        .with_retry_after(Duration::from_secs(2))
        .or_request_id(Some("from the\nheader"));
    assert_eq!((error.kind(), error.code()), (Kind::Throttled, "Whatever"));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
    assert_eq!(error.request_id(), Some("fromtheheader"));
}

proptest! {
    #[test]
    fn any_body_becomes_a_short_error_on_one_line(status in 200_u16..600, body in any::<Vec<u8>>()) {
        let error = Error::from_body("Operation", status, &body);
        prop_assert!(!error.code().is_empty());
        prop_assert!(error.to_string().chars().count() < 1000);
        prop_assert!(!error.to_string().contains(|character: char| character.is_control()));
    }

    #[test]
    fn no_secret_gets_through_wherever_a_peer_puts_it(
        before in "[ -~]{0,20}", after in "[ -~]{0,20}", code in "[A-Za-z.]{1,12}", status in 200_u16..600,
    ) {
        let secret = "s3cr3t+Value/0123456789==";
        let id = "LTAI5tExampleExampleAbCd";
        let credentials = Credentials::new(id, Secret::new(secret), Some(Secret::new("t0ken+Value/==")));
        let redaction = Redaction::new(&credentials);
        let message = format!("{before}{secret}{after}t0ken+Value/=={before} {id} {after}");
        let bodies = [
            serde_json::json!({"Code": code, "Message": message, "RequestId": message}).to_string(),
            format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
            format!("<html>{message}"),
        ];
        for body in bodies {
            let error = Error::from_answer("Operation", status, body.as_bytes(), &redaction);
            let shown = format!("{error} {error:?} {error:#?}");
            for hidden in ["s3cr3t", "t0ken", "LTAI5t"] {
                prop_assert!(!shown.contains(hidden), "{}", shown);
            }
        }
    }
}
