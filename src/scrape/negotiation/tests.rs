use hyper::header::HeaderName;
use proptest::prelude::*;

use super::*;

fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn accepted(accept: &[&str]) -> Representation {
    negotiate(&headers(ACCEPT, accept))
}

fn encoded(accept: &[&str]) -> Encoding {
    negotiate(&headers(ACCEPT_ENCODING, accept)).encoding
}

#[test]
fn every_client_gets_the_format_it_prefers() {
    use Format::*;
    let prometheus_2_42 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    let prometheus_2_42_histograms = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    let telegraf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3";
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
    for (accept, expected) in [
        (&[][..], Text004),
        (&["*/*"], Text004),
        (&[prometheus_2_42], OpenMetrics100),
        (&[prometheus_2_42_histograms], Protobuf),
        (&[prometheus_3], OpenMetrics100),
        (&[telegraf], Protobuf),
        (&[browser], Text004),
        // Types without a version.
        (&["text/plain"], Text004),
        (&["text/*"], Text004),
        (&["application/*"], OpenMetrics100),
        (&["application/openmetrics-text"], OpenMetrics100),
        (&["application/vnd.google.protobuf"], Protobuf),
        // Versions in any notation.
        (&["text/plain;version=1.0.0"], Text100),
        (&["text/plain; version=\"1.0.0\""], Text100),
        (&["TEXT/Plain ; Version=0.0.4 ; Q=0.5, text/plain;version=1.0.0;q=0.4"], Text004),
        (&["application/openmetrics-text; version=0.0.1; charset=utf-8"], OpenMetrics001),
        // Weights.
        (&["text/plain;version=0.0.4;q=0.3, application/openmetrics-text;version=1.0.0;q=0.2"], Text004),
        (
            &["text/plain;version=0.0.4;q=0.300, application/openmetrics-text;version=0.0.1;q=0.301"],
            OpenMetrics001,
        ),
        (&["application/openmetrics-text;q=0, */*"], Text004),
        (&["text/plain;q=0, */*"], OpenMetrics100),
        (&["text/plain;version=0.0.4;q=0, text/plain"], Text100),
        // Several headers are one list.
        (&["text/plain;q=0.4", "application/openmetrics-text;q=0.5"], OpenMetrics100),
        // A listed format before a wildcard, then the client's order.
        (&["*/*, application/openmetrics-text;version=1.0.0"], OpenMetrics100),
        (&["text/*, text/plain;version=1.0.0"], Text100),
        (&["application/openmetrics-text, text/plain"], OpenMetrics100),
        (&["text/plain, application/openmetrics-text"], Text004),
        (&["text/plain;version=1.0.0, text/plain;version=0.0.4"], Text100),
        // Formats that are not supported.
        (&["application/json"], Text004),
        (&["application/json, application/openmetrics-text;q=0.1"], OpenMetrics100),
        (&["text/plain;version=2.0.0, application/openmetrics-text;version=2.0.0"], Text004),
        (&["application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text"], Text004),
        (&["application/vnd.google.protobuf;proto=other.Message;encoding=delimited"], Text004),
        (&["text/plain;q=0"], Text004),
        (&["text/html, */*;q=0"], Text004),
        // Invalid headers are ignored.
        (&[""], Text004),
        (&["text"], Text004),
        (&["application/openmetrics-text;q=1.5, text/plain;q=0.5"], Text004),
        (&["a/b;x=\"1, application/openmetrics-text\", */*;q=0.25"], Text004),
    ] {
        assert_eq!(accepted(accept).format, expected, "{accept:?}");
    }
}

#[test]
fn content_types_are_those_that_prometheus_expects() {
    let protobuf =
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    let sent = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    for (accept, expected) in [
        ("text/plain", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=0.0.4;escaping=allow-utf-8", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=1.0.0", "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"),
        (
            "text/plain;version=1.0.0;escaping=allow-utf-8",
            "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        ),
        (
            "text/plain;version=1.0.0;escaping=dots",
            "text/plain; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        (
            "application/openmetrics-text;version=1.0.0",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=values",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=values",
        ),
        (
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text; version=0.0.1; charset=utf-8",
        ),
        (protobuf, sent),
        (&*format!("{protobuf};escaping=allow-utf-8"), &*format!("{sent}; escaping=allow-utf-8")),
        ("image/png", "text/plain; version=0.0.4; charset=utf-8"),
    ] {
        assert_eq!(accepted(&[accept]).content_type(), expected, "{accept}");
    }
}

#[test]
fn the_escaping_comes_from_the_chosen_range() {
    let both = "application/openmetrics-text;version=1.0.0;escaping=values;q=0.1,text/plain;version=1.0.0;escaping=allow-utf-8";
    assert_eq!(accepted(&[both]).escaping, Some(Escaping::AllowUtf8));
    assert_eq!(accepted(&["*/*;escaping=values"]).escaping, Some(Escaping::Values));
}

#[test]
fn an_encoding_with_weight_zero_is_never_sent() {
    use Encoding::*;
    for (accept, expected) in [
        (&[][..], Identity),
        (&[""], Identity),
        (&["gzip"], Gzip),
        (&["x-gzip"], Gzip),
        (&["GZIP;q=0.001"], Gzip),
        (&["zstd"], Zstd),
        (&["gzip, deflate, br, zstd"], Gzip),
        (&["gzip;q=0.5, zstd;q=0.6"], Zstd),
        (&["gzip;q=0.5", "zstd;q=0.6"], Zstd),
        (&["gzip;q=0"], Identity),
        (&["gzip;q=0.0, zstd"], Zstd),
        (&["gzip;q=0, *"], Zstd),
        (&["gzip;q=0, zstd;q=0, *"], Identity),
        (&["gzip;q=0.5, identity;q=0.8"], Identity),
        (&["gzip, identity"], Gzip),
        (&["gzip;q=1.0, identity;q=0.5, *;q=0"], Gzip),
        (&["*"], Gzip),
        (&["*;q=0"], Identity),
        (&["identity;q=0"], Gzip),
        (&["identity;q=0, gzip;q=0"], Zstd),
        (&["identity;q=0, zstd;q=0.1"], Zstd),
        (&["identity;q=0, gzip;q=0, zstd;q=0"], Identity),
        (&["deflate, br"], Identity),
        (&["br;q=1, *;q=0.1, zstd;q=0.2"], Zstd),
        (&["gzip;q=2"], Identity),
    ] {
        assert_eq!(encoded(accept), expected, "{accept:?}");
    }
}

#[test]
fn only_an_encoded_body_has_a_content_encoding() {
    let encodings: Vec<_> = ["identity", "gzip", "zstd"]
        .into_iter()
        .map(|coding| negotiate(&headers(ACCEPT_ENCODING, &[coding])).content_encoding())
        .collect();
    assert_eq!(encodings, [None, Some("gzip"), Some("zstd")]);
}

/// Headers made of typical parts in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "text/plain",
        "application/openmetrics-text",
        "*/*",
        "text/*",
        "gzip",
        "zstd",
        "identity",
        "*",
        ";",
        ",",
        "=",
        "q=",
        "q",
        "0",
        "1",
        ".",
        "0.5",
        "version=",
        "1.0.0",
        "\"",
        "\\",
        " ",
        "\t",
        "escaping=",
        "allow-utf-8",
        "/",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_header_yields_a_representation(accept in prop::collection::vec(any::<u8>(), 0..80), encoding in "[ -~]{0,80}") {
        let mut all = headers(ACCEPT_ENCODING, &[&encoding]);
        if let Ok(value) = HeaderValue::from_bytes(&accept) {
            all.insert(ACCEPT, value);
        }
        negotiate(&all).content_type();
    }

    #[test]
    fn any_combination_of_typical_parts_yields_a_representation(accept in pieces(), encoding in pieces()) {
        let mut all = headers(ACCEPT, &[&accept]);
        all.extend(headers(ACCEPT_ENCODING, &[&encoding]));
        negotiate(&all).content_type();
    }

    #[test]
    fn the_encoding_with_the_highest_weight_wins(gzip in 0..=1000_u16, zstd in 0..=1000_u16, identity in 0..=1000_u16) {
        let weight = |weight: u16| format!("{}.{:03}", weight / 1000, weight % 1000);
        let accept = format!(
            "zstd;q={}, identity; q={} ,gzip;q={}", weight(zstd), weight(identity), weight(gzip)
        );
        let chosen = match encoded(&[&accept]) {
            Encoding::Gzip => gzip,
            Encoding::Zstd => zstd,
            Encoding::Identity => identity,
        };
        prop_assert_eq!(chosen, gzip.max(zstd).max(identity));
    }
}
