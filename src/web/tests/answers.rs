//! The responses to requests.

use super::*;
use crate::server::handler::Handler;

#[test]
fn a_scrape_gets_the_fleet_and_then_the_exporters_own_metrics() {
    let server = Running::start(polled());
    let reply = server.get("/metrics");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("transfer-encoding"), None);
    let text = reply.text();
    let (fleet, own) = (text.find("# HELP appstreaming_up").unwrap(), text.find("# HELP own_gauge").unwrap());
    assert!(fleet < own);
    assert_eq!(server.get("/metrics?debug=1").body, reply.body, "other parameters are ignored");
}

#[test]
fn before_the_first_poll_a_scrape_gets_the_exporters_own_metrics() {
    let reply = Running::start(Shown::default()).get("/metrics");
    assert_eq!(reply.status, 200);
    assert!(reply.text().starts_with("# HELP own_gauge"));
}

#[test]
fn head_has_the_headers_of_get_and_does_not_count_as_a_scrape() {
    let content = Arc::new(polled());
    let server = Running::with_content(Arc::clone(&content), false);
    let mut client = server.connect();

    for path in [
        "/metrics",
        "/",
        "/exporter",
        "/groups/a/b",
        "/api/v1/fleet",
        "/config",
        "/-/healthy",
        "/-/ready",
        "/favicon.svg",
        "/nowhere",
    ] {
        let head = client.ask("HEAD", path);
        let get = client.ask("GET", path);
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.header("content-length").unwrap(), get.body.len().to_string(), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
    assert_eq!(content.scrapes.load(Ordering::SeqCst), 1);
}

const ACCEPTS: [&str; 5] = [
    "text/plain;version=0.0.4",
    "text/plain;version=1.0.0",
    "application/openmetrics-text;version=0.0.1",
    "application/openmetrics-text;version=1.0.0",
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
];

/// The body of `reply` before compression.
fn decompressed(reply: &Reply) -> Vec<u8> {
    let mut body = Vec::new();
    match reply.header("content-encoding") {
        None => body.extend_from_slice(&reply.body),
        Some("gzip") => drop(flate2::read::GzDecoder::new(&reply.body[..]).read_to_end(&mut body).unwrap()),
        Some(_) => drop(zstd::Decoder::new(&reply.body[..]).unwrap().read_to_end(&mut body).unwrap()),
    }
    body
}

#[test]
fn a_scrape_after_a_recorded_value_has_it_in_every_format_and_encoding() {
    let content = Arc::new(polled());
    let server = Running::with_content(Arc::clone(&content), false);
    let mut client = server.connect();
    for (accept, encoding) in
        ACCEPTS.into_iter().flat_map(|accept| ["identity", "gzip", "zstd"].map(|encoding| (accept, encoding)))
    {
        for _ in 0..2 {
            let value = content.recorded.fetch_add(1, Ordering::SeqCst) + 1;
            let line = format!("\nown_gauge{{label=\"x\"}} {value}\n");
            let expected: Vec<u8> = match accept.contains("protobuf") {
                true => (value as f64).to_le_bytes().into(),
                false => line.into(),
            };
            for _ in 0..2 {
                let headers = [("Accept", accept), ("Accept-Encoding", encoding)];
                let body = decompressed(&client.ask_with("/metrics", &headers));
                let found = body.windows(expected.len()).filter(|bytes| *bytes == expected).count();
                assert_eq!(found, 1, "{accept} {encoding}");
            }
        }
    }
}

#[test]
fn every_body_has_the_format_and_encoding_of_its_headers() {
    let server = Running::start(polled());
    for accept in ACCEPTS {
        let plain = server.connect().ask_with("/metrics", &[("Accept", accept)]);
        let (kind, version) = accept.split_once(';').unwrap();
        let content_type = plain.header("content-type").unwrap();
        assert!(content_type.starts_with(kind), "{content_type}");
        assert!(kind.ends_with("protobuf") || content_type.contains(version), "{content_type}");
        assert_eq!(plain.header("vary"), Some("Accept, Accept-Encoding"));
        assert_eq!(plain.header("content-encoding"), None);
        let ends = plain.body.ends_with(b"# EOF\n");
        assert_eq!(ends, kind.contains("openmetrics"), "{kind}");
        for coding in ["gzip", "zstd"] {
            let compressed =
                server.connect().ask_with("/metrics", &[("Accept", accept), ("Accept-Encoding", coding)]);
            assert_eq!(compressed.header("content-encoding"), Some(coding));
            assert!(decompressed(&compressed) == plain.body, "{kind} {coding}");
        }
    }
}

#[test]
fn before_the_first_poll_an_openmetrics_body_still_ends_with_eof() {
    let server = Running::start(Shown::default());
    let accept = [("Accept", "application/openmetrics-text"), ("Accept-Encoding", "gzip")];
    let reply = server.connect().ask_with("/metrics", &accept);
    let mut decompressed = String::new();
    flate2::read::GzDecoder::new(&reply.body[..]).read_to_string(&mut decompressed).unwrap();
    assert!(
        decompressed.starts_with("# TYPE own_gauge gauge\n") && decompressed.ends_with("\n# EOF\n"),
        "{decompressed}"
    );
}

#[test]
fn a_query_selects_a_part_of_the_metrics() {
    let server = Running::start(polled());
    let parts = |query: &str| {
        let reply = server.get(&format!("/metrics?{query}"));
        assert_eq!(reply.status, 200, "{query}: {}", reply.text());
        (reply.text().contains("appstreaming_up{"), reply.text().contains("own_gauge"))
    };
    assert_eq!(parts("account=default"), (true, true));
    assert_eq!(parts("collect[]=health"), (true, false));
    assert_eq!(parts("collect[]=health&collect[]=exporter"), (true, true));
    assert_eq!(parts("collect[]=exporter"), (false, true));
    assert_eq!(parts("collect[]=groups&account=default"), (false, false));

    for (query, named) in [
        ("account=absent", "unknown account \"absent\"\nknown: default\n"),
        ("group_id=aig-1", "unknown group_id \"aig-1\"\nnone is known now\n"),
        ("x=1&collect%5B%5D=fleet", "unknown collect[] \"fleet\"\nknown: exporter, groups, health, "),
    ] {
        let reply = server.get(&format!("/metrics?{query}"));
        assert_eq!(reply.status, 400, "{query}");
        assert!(reply.text().starts_with(named), "{}", reply.text());
    }
}

#[test]
fn not_ready_is_answered_with_the_reasons() {
    let content = Shown::default();
    let readiness = content.readiness.clone();
    let latch = readiness.latch("the first poll of default/CloudApp");
    let server = Running::start(content);

    let reply = server.get("/-/ready");
    assert_eq!((reply.status, reply.text()), (503, "waiting for the first poll of default/CloudApp\n"));
    assert_eq!(server.get("/-/healthy").status, 200);
    latch.open();
    assert_eq!(server.get("/-/ready").status, 200);
    readiness.shut_down();
    let reply = server.get("/-/ready");
    assert_eq!((reply.status, reply.text()), (503, "shutting down\n"));
}

#[test]
fn pages_may_load_nothing_from_other_hosts() {
    let server = Running::start(polled());
    let page = server.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for asset in page.text().split('"').filter_map(|part| part.strip_prefix("./assets/")) {
        let asset = server.get(&format!("/assets/{asset}"));
        assert_eq!(asset.status, 200);
        assert!(asset.header("cache-control").unwrap().contains("immutable"));
    }
    assert!(page.text().contains("CloudApp"));

    let config = server.get("/config");
    assert_eq!(config.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(config.text(), "[poll]\ninterval = \"60s\"\n");
    for icon in ["/favicon.svg", "/favicon.ico"] {
        assert_eq!(server.get(icon).header("content-type"), Some("image/svg+xml"));
    }
}

#[test]
fn a_response_to_an_unknown_path_lists_the_known_paths() {
    let server = Running::start(polled());
    for path in ["/nowhere", "/nowhere/", "/metrics/x", "/%2e%2e/etc/passwd"] {
        let reply = server.get(path);
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.text().contains(" /metrics "), "{}", reply.text());
    }
}

#[test]
fn a_path_with_superfluous_slashes_is_redirected_with_its_query() {
    let server = Running::start(polled());
    for (path, location) in [
        ("//metrics", "/metrics"),
        ("/metrics/", "/metrics"),
        ("///metrics//?collect[]=health&x=//", "/metrics?collect[]=health&x=//"),
        ("//", "/"),
        ("//?sort=name", "/?sort=name"),
        ("/exporter/", "/exporter"),
        ("/config/", "/config"),
        ("/api//v1/fleet/", "/api/v1/fleet"),
        ("/groups/a/b/", "/groups/a/b"),
        ("//-/ready", "/-/ready"),
    ] {
        for method in ["GET", "HEAD", "POST"] {
            let reply = server.connect().ask(method, path);
            assert_eq!((reply.status, reply.header("location")), (308, Some(location)), "{method} {path}");
        }
    }
}

#[test]
fn no_request_is_redirected_to_another_host() {
    let server = Running::start(polled());
    for path in [
        "//evil.example",
        "//evil.example/",
        "///evil.example/metrics",
        "//evil.example//metrics/",
        "/\\evil.example/",
        "//evil.example/..//metrics/",
        "//groups//evil.example/",
    ] {
        let reply = server.get(path);
        assert_eq!(reply.header("location"), None, "{path}");
        assert!([400, 404].contains(&reply.status), "{path}: {}", reply.status);
    }
    let reply = server.get("//groups//evil.example//a/");
    assert_eq!(reply.header("location"), Some("/groups/evil.example/a"));
}

#[test]
fn a_telemetry_path_that_ends_with_a_slash_is_the_target_of_redirects() {
    let routes = Routes::new(Arc::new(polled()), "/metrics/".to_owned(), false);
    let respond = |uri: &str| {
        let (parts, ()) = hyper::Request::get(uri).body(()).unwrap().into_parts();
        Runtime::new().unwrap().block_on(Handler::handle(&routes, &parts))
    };
    assert_eq!(respond("/metrics/").status(), 200);
    for uri in ["/metrics", "//metrics//"] {
        assert_eq!(respond(uri).headers()["location"], "/metrics/", "{uri}");
    }
}

#[test]
fn reload_needs_post_or_put_and_the_lifecycle_flag() {
    let off = Running::start(polled());
    assert_eq!(off.connect().ask("POST", "/-/reload").status, 403);
    let reply = off.get("/-/reload");
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST, PUT")));

    let on = Running::with_lifecycle(polled());
    for method in ["POST", "PUT"] {
        let reply = on.connect().ask(method, "/-/reload");
        assert_eq!((reply.status, reply.text()), (200, "reloaded\n"), "{method}");
    }
    let bad = Running::with_lifecycle(Shown { panics: true, ..polled() });
    let reply = bad.connect().ask("POST", "/-/reload");
    assert_eq!((reply.status, reply.text()), (400, "exporter.toml:1: poll.interval: must be a duration\n"));
}

#[test]
fn a_response_to_another_method_lists_the_allowed_ones() {
    let server = Running::start(polled());
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let reply = server.connect().ask(method, "/metrics");
        assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    let mut client = server.connect();
    client.send("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n");
    let _ = client.0.write_all(&vec![b'x'; 300_000]);
    assert_eq!(client.reply(false).unwrap().status, 405, "responds without reading the body");
}

#[test]
fn a_panic_fails_only_its_request() {
    let server = Running::start(Shown { panics: true, ..polled() });
    let mut client = server.connect();
    assert_eq!(client.ask("GET", "/config").status, 500);
    assert_eq!(client.ask("GET", "/metrics").status, 200, "on the same connection");
}
