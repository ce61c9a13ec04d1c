use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::aliyun::access_key::Credentials;
use crate::aliyun::secret::Secret;

#[derive(Deserialize)]
struct Sample {
    kind: String,
    http_status: Option<u16>,
    code: Option<String>,
    error_class: Option<String>,
}

#[test]
fn every_documented_error_has_its_kind() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/samples");
    let index = std::fs::read(directory.join("index.json")).unwrap();
    let index: BTreeMap<String, Sample> = serde_json::from_slice(&index).unwrap();
    let mut verified = 0;
    for (file, sample) in index.iter().filter(|(_, sample)| sample.kind == "error") {
        let body = std::fs::read(directory.join(file)).unwrap();
        let error = Error::from_body("Operation", sample.http_status.unwrap(), &body);
        let class = match error.kind() {
            ErrorKind::Authentication => "auth",
            ErrorKind::Request => "bad_request",
            kind => kind.as_str(),
        };
        assert_eq!(Some(class), sample.error_class.as_deref(), "{file}");
        assert_eq!(Some(error.code()), sample.code.as_deref(), "{file}");
        // The same code has the same meaning with any status.
        for status in [200, 400, 403, 404, 429, 500, 503] {
            assert_eq!(Error::from_body("Operation", status, &body).kind(), error.kind(), "{file} {status}");
        }
        assert!(error.request_id().is_some_and(|id| id.starts_with("1CBAFFAB")), "{file}");
        verified += 1;
    }
    assert_eq!(verified, 22);
}

#[test]
fn codes_are_matched_as_a_whole_and_then_by_their_first_part() {
    let cases = [
        ("Throttling.Resource.Deeper", Some(ErrorKind::Throttled)),
        ("InternalError.Something", Some(ErrorKind::Server)),
        ("InvalidTimeStamp.Format", Some(ErrorKind::Clock)),
        ("IncompleteSignature", Some(ErrorKind::Authentication)),
        ("InvalidAccessKeyId.Inactive", Some(ErrorKind::Authentication)),
        ("InvalidSecurityToken.MismatchWithAccessKey", Some(ErrorKind::Authentication)),
        ("Forbidden", Some(ErrorKind::Forbidden)),
        ("Forbidden.RiskControl", Some(ErrorKind::Forbidden)),
        ("MissingParameter.ProductType", Some(ErrorKind::Request)),
        ("MissingProductType", Some(ErrorKind::Request)),
        ("ProductTypeInvalid", Some(ErrorKind::Request)),
        ("InvalidParameter", Some(ErrorKind::Request)),
        ("InvalidProtocol.NeedSsl", Some(ErrorKind::Request)),
        ("NoSuchVersion", Some(ErrorKind::Request)),
        ("InvalidProduct.NotFound", Some(ErrorKind::Request)),
        ("InvalidAppInstanceGroupSpecItem.NotFound", Some(ErrorKind::NotFound)),
        ("InvalidBrowserInstanceGroup.NotFound", Some(ErrorKind::NotFound)),
        ("ThrottlingButNot", None),
        ("SomethingNew", None),
    ];
    for (code, kind) in cases {
        assert_eq!(ErrorKind::from_code(code, ""), kind, "{code}");
    }
}

#[test]
fn the_status_decides_the_kind_of_an_unknown_code() {
    let kind = |status| Error::from_body("Operation", status, br#"{"Code":"SomethingNew"}"#).kind();
    assert_eq!(kind(500), ErrorKind::Server);
    assert_eq!(kind(429), ErrorKind::Throttled);
    assert_eq!(kind(403), ErrorKind::Forbidden);
    assert_eq!(kind(404), ErrorKind::Request);
    assert_eq!(kind(200), ErrorKind::Request);
}

#[test]
fn an_error_about_permissions_names_the_action_and_not_the_user() {
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
fn the_string_that_the_service_signed_is_removed() {
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
fn an_error_in_xml_is_parsed() {
    let body = br#"<?xml version='1.0' encoding='UTF-8'?>
        <Error><RequestId>8906582E-6722</RequestId><HostId>example.com</HostId>
        <Code>Throttling.User</Code><Message>Denied &amp;lt; &quot;flow&quot;.</Message></Error>"#;
    let error = Error::from_body("Operation", 400, body);
    assert_eq!((error.kind(), error.code()), (ErrorKind::Throttled, "Throttling.User"));
    assert_eq!(error.message(), r#"Denied &lt; "flow"."#);
    assert_eq!(error.request_id(), Some("8906582E-6722"));
}

#[test]
fn only_status_and_first_bytes_of_a_load_balancers_page_are_kept() {
    let page =
        format!("<html>\r\n<h1>502 Bad Gateway</h1>\n<code>x</code>{}</html>", "padding ".repeat(1000));
    let error = Error::from_body("Operation", 502, page.as_bytes());
    assert_eq!((error.kind(), error.code(), error.status()), (ErrorKind::Server, "protocol", Some(502)));
    assert!(
        error.message().starts_with("status 502 with a body that is not an API error: <html> <h1>502 Bad")
    );
    assert!(error.message().len() < 200 && !error.message().contains('\n'));
    let empty = Error::from_body("Operation", 400, b"");
    assert_eq!(empty.to_string(), "Operation: protocol: status 400 with an empty body");
    assert_eq!(empty.kind(), ErrorKind::Protocol);
}

#[test]
fn a_byte_order_mark_and_a_numeric_code_are_accepted() {
    let error = Error::from_body("Operation", 200, b"\xef\xbb\xbf {\"code\":404,\"message\":\"gone\"}");
    assert_eq!((error.code(), error.message()), ("404", "gone"));
    let success = Error::from_body("Operation", 200, br#"{"RequestId":"1","TotalCount":0}"#);
    assert_eq!((success.kind(), success.code()), (ErrorKind::Protocol, "protocol"));
}

#[test]
fn the_text_of_an_error_does_not_repeat_its_cause() {
    let cause = std::io::Error::other("an incomplete key");
    let error = Error::credentials("ListAppInstances", cause);
    assert_eq!(error.to_string(), "ListAppInstances: credentials: no credentials to sign with");
    assert_eq!(error.source().unwrap().to_string(), "an incomplete key");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Credentials, "credentials"));
}

#[test]
fn a_wait_header_makes_any_error_a_throttled_request() {
    let error = Error::from_body("Operation", 400, br#"{"Code":"Unknown"}"#)
        .with_retry_after(Duration::from_secs(2))
        .or_request_id(Some("from the\nheader"));
    assert_eq!((error.kind(), error.code()), (ErrorKind::Throttled, "Unknown"));
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
    fn an_error_contains_no_secret_that_a_peer_sends(
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
            let error = Error::from_response("Operation", status, body.as_bytes(), &redaction);
            let shown = format!("{error} {error:?} {error:#?}");
            for hidden in ["s3cr3t", "t0ken", "LTAI5t"] {
                prop_assert!(!shown.contains(hidden), "{}", shown);
            }
        }
    }
}
