//! Connections: their limits, their addresses, and their end.

use super::*;

#[test]
fn one_connection_serves_many_requests_also_sent_at_once() {
    let server = Running::start(polled());
    let mut client = server.connect();
    client.send(&"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3));
    for _ in 0..3 {
        assert_eq!(client.reply(false).unwrap().text(), "healthy\n");
    }
    assert_eq!(client.ask("GET", "/metrics").status, 200);
}

#[test]
fn headers_have_a_limit() {
    let server = Running::start(polled());
    let request = |length: usize| {
        let start = "GET /-/healthy HTTP/1.1\r\nHost: x\r\nX-Long: ";
        format!("{start}{}\r\n\r\n", "x".repeat(length - start.len() - 4))
    };
    for (length, status) in [(16 * 1024, 200), (16 * 1024 + 1, 431), (200_000, 431)] {
        let mut client = server.connect();
        client.send(&request(length));
        assert_eq!(client.reply(status == 431).unwrap().status, status, "{length} bytes");
    }
    let mut client = server.connect();
    client.send(&format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(20_000)));
    assert_eq!(client.reply(true).unwrap().status, 431);
}

#[test]
fn whoever_is_slow_to_ask_is_cut_but_an_idle_connection_is_kept() {
    let limits = ConnectionLimits {
        header_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_millis(900),
        ..ConnectionLimits::default()
    };
    let server = Running::limited(polled(), limits);
    let about = |took: Duration, expected: u64| {
        let range = Duration::from_millis(expected - 60)..Duration::from_millis(expected + 1_500);
        assert!(range.contains(&took), "{took:?} instead of {expected} ms");
    };

    about(server.connect().until_closed(), 200);

    let mut dripping = server.connect();
    let started = Instant::now();
    dripping.0.set_nodelay(true).unwrap();
    while dripping.0.write_all(b"G").is_ok() && started.elapsed() < Duration::from_secs(3) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(started.elapsed() < Duration::from_secs(2), "cut although bytes kept coming");

    let mut idle = server.connect();
    assert_eq!(idle.ask("GET", "/-/healthy").status, 200);
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(idle.ask("GET", "/-/healthy").status, 200, "idle for longer than headers may take");
    about(idle.until_closed(), 900);

    let mut half = server.connect();
    assert_eq!(half.ask("GET", "/-/healthy").status, 200);
    half.send("GET /-/hea");
    about(half.until_closed(), 200);
}

/// Far more than the buffers of two sockets hold.
const LARGE: usize = 32 * 1024 * 1024;

#[test]
fn whoever_is_slow_to_read_is_cut() {
    let limits =
        ConnectionLimits { write_timeout: Duration::from_millis(200), ..ConnectionLimits::default() };
    let server = Running::limited(Shown { label_bytes: LARGE, ..polled() }, limits);
    let mut client = server.connect();
    client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    // Not reading until the server has given up: only then has anybody less than the whole.
    std::thread::sleep(Duration::from_secs(3));
    assert!(client.reply(false).is_err(), "the answer ends early");
}

#[test]
fn whoever_reads_a_large_answer_gets_all_of_it() {
    let server = Running::start(Shown { label_bytes: LARGE, ..polled() });
    assert!(server.get("/metrics").body.len() > LARGE);
}

#[test]
fn connections_beyond_the_limit_wait_for_a_place() {
    let server =
        Running::limited(polled(), ConnectionLimits { max_connections: 2, ..ConnectionLimits::default() });
    let (mut first, mut second) = (server.connect(), server.connect());
    first.send("GET");
    assert_eq!(second.ask("GET", "/-/healthy").header("connection"), Some("close"), "others may wait");
    let _third = server.connect();
    let mut fourth = server.connect();
    fourth.send("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
    fourth.0.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(fourth.reply(false).is_err(), "no place yet");
    fourth.0.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    drop(first);
    assert_eq!(fourth.reply(false).unwrap().status, 200);
}

#[test]
fn at_the_end_what_runs_is_finished_and_what_idles_is_closed() {
    let (arrived, arrivals) = mpsc::channel();
    let (proceed, proceeds) = mpsc::channel();
    let server = Running::start(Shown { gate: Some((arrived, Mutex::new(proceeds))), ..polled() });
    let address = server.addresses[0];
    let (mut fresh, mut idle, mut running) = (server.connect(), server.connect(), server.connect());
    assert_eq!(idle.ask("GET", "/-/healthy").status, 200);
    running.send("GET /config HTTP/1.1\r\nHost: x\r\n\r\n");
    arrivals.recv().unwrap();

    server.shutdown.cancel();
    idle.until_closed();
    fresh.until_closed();
    assert!(TcpStream::connect(address).is_err(), "nobody new is let in");
    proceed.send(()).unwrap();
    let reply = running.reply(false).unwrap();
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    assert_eq!(server.stop(), Drained::Clean);
}

#[test]
fn the_end_does_not_wait_for_ever() {
    let listen = ["127.0.0.1:0"];
    let content = Shown { label_bytes: 32 * 1024 * 1024, ..polled() };
    let server = Running::with(content, ConnectionLimits::default(), &listen, Duration::from_millis(100));
    let mut client = server.connect();
    client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    client.0.read_exact(&mut [0; 64]).unwrap();
    assert_eq!(server.stop(), Drained::Abandoned(1));
}

#[test]
fn a_handler_that_panics_costs_one_answer() {
    let server = Running::start(Shown { panics: true, ..polled() });
    let mut client = server.connect();
    assert_eq!(client.ask("GET", "/config").status, 500);
    assert_eq!(client.ask("GET", "/metrics").status, 200, "even on the same connection");
}

#[test]
fn both_families_are_listened_on_by_default() {
    let server = Running::with(polled(), ConnectionLimits::default(), &[":0"], GRACE);
    let port = server.addresses[0].port();
    assert_eq!(Client::to(([127, 0, 0, 1], port).into()).ask("GET", "/-/healthy").status, 200);
    if server.addresses[0].is_ipv6() && TcpStream::connect(("::1", port)).is_ok() {
        let address = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port));
        assert_eq!(Client::to(address).ask("GET", "/-/healthy").status, 200);
    }
}

#[test]
fn every_address_is_served() {
    let server = Running::with(polled(), ConnectionLimits::default(), &["127.0.0.1:0", "localhost:0"], GRACE);
    assert_eq!(server.addresses.len(), 2);
    for address in &server.addresses {
        assert_eq!(Client::to(*address).ask("GET", "/-/healthy").status, 200);
    }
}

#[tokio::test]
async fn a_taken_address_is_named_with_the_reason_and_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let listen = vec!["127.0.0.1:0".parse().unwrap(), address.to_string().parse().unwrap()];
    let options = ServerOptions { listen, ..ServerOptions::default() };
    let error = bind(&options, Arc::new(polled()), false).err().unwrap();
    assert_eq!(error.to_string(), format!("cannot listen on {address}"));
    assert!(error.source().unwrap().to_string().starts_with("Address already in use"));
    assert!(error.advice().unwrap().contains("--web.listen-address"));
}
