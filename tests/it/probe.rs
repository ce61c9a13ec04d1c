//! `probe`, the command of health checks of containers and supervisors.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::support::{Cloud, Exporter, binary, run};

#[test]
fn a_running_exporter_is_healthy_and_ready_once_it_has_polled() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let exporter = Exporter::polling(&cloud, &[]);
    exporter.first_poll();
    let address = exporter.url.trim_start_matches("http://");

    let healthy = run(binary().args(["probe", "--web.listen-address", address]));
    assert_eq!((healthy.status, healthy.stdout.as_str()), (0, "healthy\n"), "{}", healthy.stderr);
    let from_environment =
        run(binary().args(["probe", "--ready"]).env("APPSTREAMING_EXPORTER_WEB__LISTEN_ADDRESS", address));
    assert_eq!((from_environment.status, from_environment.stdout.as_str()), (0, "ready\n"));
    let by_url = run(binary()
        .arg("probe")
        .arg(format!("{}/-/ready", exporter.url))
        .env("APPSTREAMING_EXPORTER_WEB__LISTEN_ADDRESS", "127.0.0.1:1"));
    assert_eq!(by_url.status, 0, "the URL overrides the environment: {}", by_url.stderr);
}

#[test]
fn an_exporter_before_its_first_poll_is_healthy_and_not_ready_with_a_reason() {
    let cloud = Cloud::start(&["--groups", "1", "--latency", "60s"]);
    let exporter = Exporter::polling(&cloud, &["api.request_timeout=60s"]);

    assert_eq!(run(binary().arg("probe").arg(format!("{}/-/healthy", exporter.url))).status, 0);
    let not_ready = run(binary().arg("probe").arg(format!("{}/-/ready", exporter.url)));
    assert_eq!(not_ready.status, 1);
    assert!(not_ready.stderr.contains("503: waiting for the first poll of test/"), "{}", not_ready.stderr);
}

#[test]
fn a_missing_and_a_silent_exporter_are_failures_within_the_timeout() {
    let unused = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let missing = run(binary().args(["probe", "--web.listen-address", &unused.to_string()]));
    assert_eq!(missing.status, 1);
    assert!(missing.stderr.contains(&format!("no response from {unused}")), "{}", missing.stderr);

    // The kernel accepts connections into the backlog, and no response is sent.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let waited = run(binary().args(["probe", "--timeout", "200ms", "--web.listen-address", &address]));
    assert_eq!(waited.status, 1);
    assert!(waited.stderr.contains("timed out"), "{}", waited.stderr);

    let any_port = run(binary().args(["probe", "--web.listen-address", "127.0.0.1:0"]));
    assert_eq!(any_port.status, 1);
    assert!(any_port.stderr.contains("give the exporter's URL"), "{}", any_port.stderr);
}

#[test]
fn a_password_in_the_url_is_sent_and_never_shown() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let request = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).unwrap();
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 3\r\n\r\nno\n").unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let rejected = run(binary().arg("probe").arg(format!("http://prober:hunter2@{address}/-/healthy")));
    assert_eq!(rejected.status, 1);
    assert!(rejected.stderr.contains(&format!("{address} returned 403: no")), "{}", rejected.stderr);
    assert!(!rejected.stderr.contains("hunter2"), "{}", rejected.stderr);
    let request = request.join().unwrap().to_ascii_lowercase();
    assert!(request.contains("authorization: basic cHJvYmVyOmh1bnRlcjI=".to_ascii_lowercase().as_str()));
}
