//! `probe`: what health checks of containers and supervisors run.

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
    assert_eq!(by_url.status, 0, "the URL beats the environment: {}", by_url.stderr);
}

#[test]
fn an_exporter_that_waits_for_its_first_poll_is_healthy_but_not_ready_and_says_why() {
    let cloud = Cloud::start(&["--groups", "1", "--latency", "60s"]);
    let exporter = Exporter::polling(&cloud, &["api.request_timeout=60s"]);

    assert_eq!(run(binary().arg("probe").arg(format!("{}/-/healthy", exporter.url))).status, 0);
    let not_ready = run(binary().arg("probe").arg(format!("{}/-/ready", exporter.url)));
    assert_eq!(not_ready.status, 1);
    assert!(not_ready.stderr.contains("503: waiting for the first poll of test/"), "{}", not_ready.stderr);
}

#[test]
fn nobody_there_and_nobody_answering_are_failures_within_the_timeout() {
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let nobody = run(binary().args(["probe", "--web.listen-address", &gone.to_string()]));
    assert_eq!(nobody.status, 1);
    assert!(nobody.stderr.contains(&format!("no answer from {gone}")), "{}", nobody.stderr);

    // Accepts by the kernel's backlog and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let waited = run(binary().args(["probe", "--timeout", "200ms", "--web.listen-address", &address]));
    assert_eq!(waited.status, 1);
    assert!(waited.stderr.contains("timed out"), "{}", waited.stderr);

    let any_port = run(binary().args(["probe", "--web.listen-address", "127.0.0.1:0"]));
    assert_eq!(any_port.status, 1);
    assert!(any_port.stderr.contains("say where with a URL"), "{}", any_port.stderr);
}

#[test]
fn a_password_in_the_address_is_sent_and_never_shown() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let request = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).unwrap();
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 3\r\n\r\nno\n").unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let refused = run(binary().arg("probe").arg(format!("http://prober:hunter2@{address}/-/healthy")));
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains(&format!("{address} answered 403: no")), "{}", refused.stderr);
    assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
    let request = request.join().unwrap().to_ascii_lowercase();
    assert!(request.contains("authorization: basic cHJvYmVyOmh1bnRlcjI=".to_ascii_lowercase().as_str()));
}
