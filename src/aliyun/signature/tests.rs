use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::aliyun::request::Request;
use crate::aliyun::secret::Secret;

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    scheme: String,
    input: Input,
    expected: Expected,
}

#[derive(Deserialize)]
struct Input {
    method: String,
    access_key_id: String,
    access_key_secret: String,
    security_token: Option<String>,
    action: Option<String>,
    version: Option<String>,
    host: Option<String>,
    #[serde(alias = "date")]
    timestamp: Option<Timestamp>,
    nonce: Option<String>,
    canonical_uri: Option<String>,
    signed_params: Option<BTreeMap<String, String>>,
    signed_headers: Option<BTreeMap<String, String>>,
    query: Option<BTreeMap<String, String>>,
    form: Option<BTreeMap<String, String>>,
    body: Option<String>,
}

#[derive(Deserialize)]
struct Expected {
    canonical_query: String,
    string_to_sign: String,
    signature: String,
    signed_params: Option<BTreeMap<String, String>>,
    url_query_strict: Option<String>,
    body: Option<String>,
    canonical_headers: Option<String>,
    signed_headers: Option<String>,
    hashed_payload: Option<String>,
    canonical_request: Option<String>,
    hashed_canonical_request: Option<String>,
    authorization: Option<String>,
}

fn vectors(scheme: &str) -> Vec<Vector> {
    let all: Vectors =
        serde_json::from_str(include_str!("../../../tests/data/signing-vectors.json")).unwrap();
    all.vectors.into_iter().filter(|vector| vector.scheme == scheme).collect()
}

impl Input {
    fn credentials(&self) -> Credentials {
        let token = self.security_token.as_ref().map(Secret::new);
        Credentials::new(&self.access_key_id, Secret::new(&self.access_key_secret), token)
    }

    /// The request, for vectors that state where each parameter belongs.
    fn request(&self) -> Option<Request> {
        let parameters = |map: &BTreeMap<String, String>| {
            // Reversed, to verify sorting too.
            map.iter().rev().map(|(name, value)| (name.clone().into(), value.clone())).collect()
        };
        Some(Request {
            query: parameters(self.query.as_ref()?),
            form: Some(parameters(self.form.as_ref()?)),
            ..Request::new(self.action.clone()?.leak(), self.version.clone()?.leak())
        })
    }

    fn context<'a>(&'a self, credentials: &'a Credentials) -> Option<SigningContext<'a>> {
        Some(SigningContext {
            host: self.host.as_deref()?,
            credentials,
            now: self.timestamp?,
            nonce: self.nonce.as_deref()?,
        })
    }
}

#[test]
fn v2_agrees_with_every_vector_stage_by_stage() {
    let vectors = vectors("v2-rpc-hmac-sha1");
    assert_eq!(vectors.len(), 5);
    for Vector { name, input, expected, .. } in vectors {
        let parameters = input.signed_params.as_ref().or(expected.signed_params.as_ref()).unwrap();
        assert_eq!(canonical_query(parameters), expected.canonical_query, "{name}");
        let string_to_sign = v2::string_to_sign(&input.method, &expected.canonical_query);
        assert_eq!(string_to_sign, expected.string_to_sign, "{name}");
        let signature = v2::signature(&Secret::new(&input.access_key_secret), &expected.string_to_sign);
        assert_eq!(signature, expected.signature, "{name}");
    }
}

#[test]
fn v2_signs_query_and_form_together_as_the_sdk_does() {
    let mut verified = 0;
    for Vector { name, input, expected, .. } in vectors("v2-rpc-hmac-sha1") {
        let Some(request) = input.request() else { continue };
        let credentials = input.credentials();
        let context = input.context(&credentials).unwrap();
        let all: BTreeMap<_, _> = v2::parameters(&request, &context).into_iter().collect();
        // The SDK writes `json` where the documentation writes `JSON`; everything else must be the
        // same.
        let mut wanted = expected.signed_params.clone().unwrap();
        assert_eq!(wanted.insert("Format".to_owned(), "JSON".to_owned()).as_deref(), Some("json"), "{name}");
        assert!(
            all.iter()
                .map(|(name, value)| (&**name, &**value))
                .eq(wanted.iter().map(|(name, value)| (&**name, &**value)))
        );

        let signed = v2::sign(&request, &context);
        let signature = v2::signature(
            &credentials.access_key_secret,
            &v2::string_to_sign("POST", &canonical_query(&wanted)),
        );
        assert!(signed.query.ends_with(&format!("&Signature={}", percent_encode(&signature))), "{name}");
        let strict = expected.url_query_strict.unwrap();
        let without_signature = |query: &str| {
            let mut parts: Vec<_> =
                query.split('&').filter(|part| !part.starts_with("Signature=")).map(str::to_owned).collect();
            parts.sort();
            parts.join("&")
        };
        assert_eq!(
            without_signature(&signed.query),
            without_signature(&strict.replace("Format=json", "Format=JSON")),
            "{name}"
        );
        assert_eq!(signed.headers, [("content-type", FORM_CONTENT_TYPE.to_owned())], "{name}");
        // V2 signs decoded parameters: a space may be `+` or `%20`.
        assert_eq!(signed.body, expected.body.unwrap().replace('+', "%20"), "{name}");
        verified += 1;
    }
    assert_eq!(verified, 2);
}

#[test]
fn v3_agrees_with_every_vector_stage_by_stage() {
    let vectors = vectors("acs3-hmac-sha256");
    assert_eq!(vectors.len(), 5);
    for Vector { name, input, expected, .. } in vectors {
        let headers: Vec<_> = input.signed_headers.as_ref().unwrap().iter().rev().collect();
        let uri = input.canonical_uri.as_deref().unwrap();
        let payload = expected.hashed_payload.unwrap();
        let request = expected.canonical_request.unwrap();
        assert_eq!(canonical_query(input.query.as_ref().unwrap()), expected.canonical_query, "{name}");
        assert_eq!(v3::canonical_headers(&headers), expected.canonical_headers.unwrap(), "{name}");
        let names = v3::signed_headers(&headers);
        assert_eq!(names, expected.signed_headers.unwrap(), "{name}");
        assert_eq!(v3::hashed_payload(input.body.as_deref().unwrap().as_bytes()), payload, "{name}");
        let built = v3::canonical_request(
            &input.method,
            uri,
            &expected.canonical_query,
            &v3::canonical_headers(&headers),
            &names,
            &payload,
        );
        assert_eq!(built, request, "{name}");
        assert_eq!(
            v3::hashed_payload(request.as_bytes()),
            expected.hashed_canonical_request.unwrap(),
            "{name}"
        );
        assert_eq!(v3::string_to_sign(&request), expected.string_to_sign, "{name}");
        let signature = v3::signature(&Secret::new(&input.access_key_secret), &expected.string_to_sign);
        assert_eq!(signature, expected.signature, "{name}");
        let authorization = v3::authorization(&input.access_key_id, &names, &signature);
        assert_eq!(authorization, expected.authorization.unwrap(), "{name}");
    }
}

/// Verifies a signed request as the service does, from its bytes.
#[test]
fn v3_signs_the_same_headers_as_the_sdk_over_its_own_body() {
    let mut verified = 0;
    for Vector { name, input, expected, .. } in vectors("acs3-hmac-sha256") {
        if name.ends_with("all-headers") {
            continue;
        }
        let Some(request) = input.request() else { continue };
        let credentials = input.credentials();
        let signed = v3::sign(&request, &input.context(&credentials).unwrap());
        assert_eq!(signed.query, expected.canonical_query, "{name}");
        assert_eq!(signed.body, input.body.as_ref().unwrap().replace('+', "%20"), "{name}");

        let mut headers = signed.headers.clone();
        let (_, authorization) = headers.pop().unwrap();
        headers.push(("host", input.host.clone().unwrap()));
        let names = v3::signed_headers(&headers);
        assert_eq!(names, expected.signed_headers.unwrap(), "{name}");
        // The hash of the body may differ: it depends on the encoding of a space.
        for (header, value) in &headers {
            if *header != "x-acs-content-sha256" {
                assert_eq!(value, &input.signed_headers.as_ref().unwrap()[*header], "{name} {header}");
            }
        }
        let canonical = v3::canonical_request(
            "POST",
            "/",
            &signed.query,
            &v3::canonical_headers(&headers),
            &names,
            &v3::hashed_payload(signed.body.as_bytes()),
        );
        let signature = v3::signature(&credentials.access_key_secret, &v3::string_to_sign(&canonical));
        assert_eq!(authorization, v3::authorization(&input.access_key_id, &names, &signature), "{name}");
        verified += 1;
    }
    assert_eq!(verified, 2);
}

#[test]
fn an_empty_form_has_a_content_type_and_no_form_has_none() {
    let credentials = Credentials::new("id", Secret::new("secret"), None);
    let context = SigningContext {
        host: "example.com",
        credentials: &credentials,
        now: Timestamp::UNIX_EPOCH,
        nonce: "nonce",
    };
    let without = Request::new("Operation", "2021-09-01");
    let with = Request { form: Some(Vec::new()), ..without.clone() };
    for sign in [v2::sign, v3::sign] {
        let has_type =
            |request| sign(request, &context).headers.iter().any(|(name, _)| *name == "content-type");
        assert!(has_type(&with));
        assert!(!has_type(&without));
        assert_eq!(sign(&with, &context).body, "");
    }
}

#[test]
fn headers_are_trimmed_and_repeated_names_are_joined_in_order() {
    let headers = [("X-Acs-B", " two words \t"), ("x-acs-a", "2"), ("X-ACS-A", "1")];
    assert_eq!(v3::canonical_headers(&headers), "x-acs-a:1,2\nx-acs-b:two words\n");
    assert_eq!(v3::signed_headers(&headers), "x-acs-a;x-acs-b");
}

#[test]
fn characters_that_form_encoders_treat_differently_are_encoded_by_rfc_3986() {
    assert_eq!(percent_encode(" *~+/=!'()&%"), "%20%2A~%2B%2F%3D%21%27%28%29%26%25");
    assert_eq!(percent_encode("办公"), "%E5%8A%9E%E5%85%AC");
    assert!(matches!(percent_encode("ABCxyz-019_.~"), Cow::Borrowed("ABCxyz-019_.~")));
}

#[test]
fn debug_output_of_a_signed_request_contains_no_content() {
    let credentials = Credentials::new("LTAIexampleid", Secret::new("hunter2"), Some(Secret::new("token")));
    let context = SigningContext {
        host: "example.com",
        credentials: &credentials,
        now: Timestamp::UNIX_EPOCH,
        nonce: "nonce",
    };
    let signed = v2::sign(&Request::new("Operation", "1"), &context);
    assert_eq!(format!("{signed:?}"), "SignedRequest { .. }");
    let shown = format!("{context:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("token\"") && !shown.contains("LTAI"), "{shown}");
}

proptest! {
    #[test]
    fn encoding_is_undone_by_decoding(text in any::<String>()) {
        let encoded = percent_encode(&text).into_owned();
        prop_assert_eq!(percent_decode_str(&encoded).decode_utf8().unwrap(), text.as_str());
        let mut appended = String::from("before ");
        percent_encode_into(&mut appended, &text);
        prop_assert_eq!(appended, format!("before {encoded}"));
    }

    #[test]
    fn only_unreserved_characters_stay_and_digits_are_upper_case(text in any::<String>()) {
        let encoded = percent_encode(&text);
        let mut bytes = encoded.bytes();
        while let Some(byte) = bytes.next() {
            if byte == b'%' {
                for _ in 0..2 {
                    prop_assert!(matches!(bytes.next(), Some(b'0'..=b'9' | b'A'..=b'F')));
                }
            } else {
                prop_assert!(byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
            }
        }
    }

    #[test]
    fn a_canonical_query_holds_every_parameter_sorted_by_name(
        parameters in prop::collection::btree_map("[A-Za-z]{1,4}(\\.[0-9]{1,2})?", any::<String>(), 0..8),
    ) {
        let query = canonical_query(parameters.iter().rev());
        let read: Vec<_> = query
            .split('&')
            .filter(|part| !part.is_empty())
            .map(|part| part.split_once('=').unwrap())
            .map(|(name, value)| (
                percent_decode_str(name).decode_utf8().unwrap().into_owned(),
                percent_decode_str(value).decode_utf8().unwrap().into_owned(),
            ))
            .collect();
        prop_assert_eq!(read, parameters.into_iter().collect::<Vec<_>>());
    }
}
