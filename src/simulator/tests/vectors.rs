//! Requests that the official SDK signed are accepted, byte for byte as the SDK sent them.

use serde_json::Value;

use super::*;
use crate::simulator::KnownKey;

/// The request of a vector as it was sent, its AccessKey, and its time.
fn sent(vector: &Value) -> (Sent, KnownKey, Timestamp) {
    let (input, expected) = (&vector["input"], &vector["expected"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let v3 = vector["scheme"] == "acs3-hmac-sha256";
    let mut headers = HeaderMap::new();
    let signed = input["signed_headers"].as_object().cloned().unwrap_or_default();
    for (name, value) in &signed {
        headers.insert(name.parse::<HeaderName>().unwrap(), text(value).parse().unwrap());
    }
    if v3 {
        headers.insert("authorization", text(&expected["authorization"]).parse().unwrap());
    } else {
        headers.insert("content-type", text(&expected["content_type"]).parse().unwrap());
    }
    let (query, body) = match v3 {
        // The SDK sends blanks in the URL as plus signs.
        true => (text(&expected["canonical_query"]).replace("%20", "+"), text(&input["body"])),
        false => (text(&expected["url_query_strict"]), text(&expected["body"])),
    };
    let credential = KnownKey {
        security_token: input["security_token"].as_str().map(str::to_owned),
        ..KnownKey::new(text(&input["access_key_id"]), text(&input["access_key_secret"]))
    };
    let date = text(if v3 { &input["date"] } else { &input["timestamp"] }).parse().unwrap();
    (Sent { method: Method::POST, path: "/", query, headers, body: body.into_bytes() }, credential, date)
}

#[test]
fn every_request_of_the_official_sdk_is_accepted() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/signing-vectors.json");
    let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let of_sdk = vectors["vectors"].as_array().unwrap().iter().filter(|vector| vector["origin"] == "sdk");
    let mut accepted = 0;
    for vector in of_sdk {
        let (sent, credential, date) = sent(vector);
        let mut cloud = TestCloud::new(SimulatorOptions {
            credentials: vec![credential],
            speed: 0.0,
            ..SimulatorOptions::default()
        });
        cloud.now = date;
        match cloud.send(&sent) {
            Ok(_) => {}
            // The signature was valid: the group of the vectors does not exist.
            Err((_, code, _)) => assert_eq!(code, "InvalidAppInstanceGroup.NotFound", "{}", vector["name"]),
        }
        accepted += 1;
    }
    assert_eq!(accepted, 6);
}
