use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::net::TcpListener;

use super::super::Secret;
use super::super::credentials::{self, Pending, StaticSource};
use super::super::observer::Unobserved;
use super::super::request::value;
use super::*;

use server::{Received, Reply, Server, answer, error, ok};

mod keys;
mod server;

const OPERATION: &str = "ListAppInstances";
const ID: &str = "LTAI5tExampleExampleAbCd";
const SECRET: &str = "hunter2hunter2";
const TOKEN: &str = "CAIS+token/value==";
/// `{"RequestId":"zipped"}`.
const ZIPPED: &str = "H4sIAAAAAAACA6tWCkotLE0tLvFMUbJSqsosKEhNUaoFAM9XEOwWAAAA";
/// 64 KiB of zeros.
const BOMB: &str = "H4sIAAAAAAACA+3BgQAAAACAIKX96RapCgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAGoLUUloAAABAA==";

/// Keeps what it is told.
#[derive(Default)]
struct Recorder {
    events: Mutex<Vec<String>>,
    in_flight: AtomicI64,
    sent: AtomicUsize,
}

impl Recorder {
    fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().clone()
    }

    fn tell(&self, event: String) {
        self.events.lock().unwrap().push(event);
    }
}

impl Observer for Recorder {
    fn finished(&self, outcome: &Outcome<'_>) {
        let Outcome { operation, code, request_id, .. } = outcome;
        self.tell(format!("{operation} {code} {}", request_id.unwrap_or("-")));
    }

    fn retried(&self, _operation: &'static str) {
        self.tell("retried".to_owned());
    }

    fn waited(&self, _waited: Duration) {}

    fn rate_limit(&self, requests_per_second: f64) {
        self.tell(format!("rate {requests_per_second}"));
    }

    fn in_flight(&self, change: i64) {
        self.in_flight.fetch_add(change, Ordering::Relaxed);
        self.sent.fetch_add(usize::from(change > 0), Ordering::Relaxed);
    }
}

fn keys() -> Arc<dyn Source> {
    Arc::new(StaticSource::new(Credentials::new(ID, Secret::new(SECRET), Some(Secret::new(TOKEN)))))
}

/// Waits of a millisecond instead of half a second.
fn hasty(options: Options, source: Arc<dyn Source>, observer: Arc<dyn Observer>) -> Client {
    let policy = Policy {
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(2),
        ..Policy::new(options.max_retries)
    };
    Client::with_policy(options, policy, source, observer).unwrap()
}

fn client(server: &Server) -> (Client, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    (hasty(server.options(), keys(), Arc::clone(&recorder) as _), recorder)
}

fn request() -> Request {
    Request {
        query: vec![value("PageSize", "100"), value("Name", "办公 *~+'")],
        form: Some(vec![value("Status.1", "IDLE x")]),
        ..Request::new(OPERATION, "2021-09-01")
    }
}

/// Reads as the product's operations do: a text, unless it's an error in disguise.
fn text(body: &[u8]) -> Result<String, Error> {
    let text = String::from_utf8_lossy(body).into_owned();
    if text.contains("\"Code\"") { Err(Error::from_body(OPERATION, 200, body)) } else { Ok(text) }
}

#[tokio::test]
async fn what_is_sent_is_what_was_signed() {
    let server = Server::start([ok("{}"), ok("{}")]).await;
    let (client, _) = client(&server);
    client.call(&request(), text).await.unwrap();
    client.call(&Request::new("ListPersistentAppInstances", "2021-09-01"), text).await.unwrap();

    let requests = server.requests();
    let Received { target, body, .. } = &requests[0];
    let query = "Name=%E5%8A%9E%E5%85%AC%20%2A~%2B%27&PageSize=100";
    assert_eq!(target, &format!("POST /?{query} HTTP/1.1"));
    assert_eq!(body, "Status.1=IDLE%20x");
    let header = |name| requests[0].header(name).unwrap();
    assert_eq!(header("host"), server.endpoint.authority());
    assert_eq!(header("accept"), "application/json");
    assert_eq!(header("accept-encoding"), "gzip");
    assert_eq!(header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(header("user-agent"), concat!("appstreaming-exporter/", env!("CARGO_PKG_VERSION")));
    assert_eq!(header("x-acs-security-token"), TOKEN);
    assert_eq!(header("x-acs-accesskey-id"), ID);

    // The service's side of the signature, from what arrived.
    let (_, signed) = header("authorization").split_once("SignedHeaders=").unwrap();
    let (names, signature) = signed.split_once(",Signature=").unwrap();
    let headers: Vec<_> = names.split(';').map(|name| (name, header(name))).collect();
    let canonical = v3::canonical_request(
        "POST",
        "/",
        query,
        &v3::canonical_headers(&headers),
        names,
        &v3::hashed_payload(body.as_bytes()),
    );
    assert_eq!(signature, v3::signature(&Secret::new(SECRET), &v3::string_to_sign(&canonical)));

    assert_eq!(requests[1].target, "POST / HTTP/1.1");
    assert_eq!(requests[1].header("content-type"), None);
    assert_eq!(requests[1].header("content-length"), Some("0"));
    assert_eq!(server.connections.load(Ordering::Relaxed), 1, "the connection is kept");
}

#[tokio::test]
async fn the_older_signature_is_sent_in_the_query() {
    let server = Server::start([ok("{}")]).await;
    let options = Options { signature: SignatureVersion::V2, ..server.options() };
    let client = Client::new(options, keys(), Arc::new(Unobserved)).unwrap();
    client.call(&request(), text).await.unwrap();
    let received = &server.requests()[0];
    assert!(received.target.starts_with(&format!("POST /?AccessKeyId={ID}&Action={OPERATION}&Format=JSON&")));
    assert!(received.target.contains("&SecurityToken=CAIS%2Btoken%2Fvalue%3D%3D&"));
    assert!(received.header("authorization").is_none());
}

#[tokio::test]
async fn every_attempt_has_a_nonce_of_its_own() {
    let server = Server::start([error("SignatureNonceUsed"), error("InternalError"), ok("{}")]).await;
    let (client, recorder) = client(&server);
    client.call(&request(), text).await.unwrap();
    let requests = server.requests();
    let mut nonces: Vec<_> =
        requests.iter().map(|request| request.header("x-acs-signature-nonce").unwrap()).collect();
    assert!(nonces.iter().all(|nonce| nonce.len() == 32));
    nonces.sort_unstable();
    nonces.dedup();
    assert_eq!(nonces.len(), 3);
    let expected = [
        "rate 1000",
        "ListAppInstances SignatureNonceUsed E1",
        "retried",
        "ListAppInstances InternalError E1",
        "retried",
        "ListAppInstances OK -",
    ];
    assert_eq!(recorder.events(), expected);
}

#[tokio::test]
async fn a_throttled_request_waits_as_asked_and_then_succeeds() {
    let throttled = Reply::Answer(
        "400 Bad Request",
        "x-acs-retry-after: 30\r\nx-acs-request-id: H1\r\n",
        br#"{"Code":"Throttling.User","Message":"m"}"#.to_vec(),
    );
    let server = Server::start([throttled, ok("fine")]).await;
    let (client, recorder) = client(&server);
    let start = Instant::now();
    assert_eq!(client.call(&request(), text).await.unwrap(), "fine");
    assert!(start.elapsed() >= Duration::from_millis(30));
    assert_eq!(client.requests_per_second(), 500.0);
    let expected =
        ["rate 1000", "rate 500", "ListAppInstances Throttling.User H1", "retried", "ListAppInstances OK -"];
    assert_eq!(recorder.events(), expected);
}

#[tokio::test]
async fn any_error_with_a_wait_header_is_throttling() {
    let reply = Reply::Answer("503 Busy", "x-acs-retry-after: 1\r\n", b"<html>busy</html>".to_vec());
    let server = Server::start([reply]).await;
    let client = hasty(Options { max_retries: 0, ..server.options() }, keys(), Arc::new(Unobserved));
    let error = client.call(&request(), text).await.unwrap_err();
    assert_eq!((error.kind(), error.code(), error.status()), (Kind::Throttled, "protocol", Some(503)));
}

#[tokio::test]
async fn without_retries_one_attempt_is_made_whatever_happens() {
    for reply in [
        error("Throttling"),
        error("InternalError"),
        error("SignatureNonceUsed"),
        error("InvalidSecurityToken.Expired"),
        answer("502 Bad Gateway", "<html>"),
        Reply::HangUp,
        Reply::Truncate,
    ] {
        let server = Server::start([reply, ok("{}")]).await;
        let options = Options { max_retries: 0, ..server.options() };
        let client = hasty(options, keys(), Arc::new(Unobserved));
        client.call(&request(), text).await.unwrap_err();
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_failing_service_is_given_up_after_the_retries() {
    let server = Server::start(std::iter::repeat_n(answer("502 Bad Gateway", "<html>\n<b>502"), 9)).await;
    let (client, _) = client(&server);
    let error = client.call(&request(), text).await.unwrap_err();
    assert_eq!(server.requests().len(), 4);
    assert_eq!(
        error.to_string(),
        "ListAppInstances: protocol: status 502 with a body that is no API error: <html> <b>502"
    );
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_again() {
    let server = Server::start([Reply::HangUp, Reply::Truncate, ok("fine")]).await;
    let (client, recorder) = client(&server);
    assert_eq!(client.call(&request(), text).await.unwrap(), "fine");
    let attempts: Vec<_> =
        recorder.events().into_iter().filter(|event| event.starts_with(OPERATION)).collect();
    assert_eq!(
        attempts,
        ["ListAppInstances connect -", "ListAppInstances connect -", "ListAppInstances OK -"]
    );
}

#[tokio::test]
async fn nobody_listening_is_a_connect_error_with_its_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let options = Options { max_retries: 1, signature: SignatureVersion::V2, ..Options::new(endpoint) };
    let recorder = Arc::new(Recorder::default());
    let client = hasty(options, keys(), Arc::clone(&recorder) as _);
    let error = client.call(&request(), text).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Connect, "connect"));
    assert_eq!(recorder.sent.load(Ordering::Relaxed), 2);
    let mut causes = Vec::new();
    let mut cause = std::error::Error::source(&error);
    while let Some(source) = cause {
        causes.push(source.to_string());
        cause = source.source();
    }
    let told = causes.join(": ");
    assert!(told.contains("refused"), "{told}");
    let shown = format!("{error} {error:?} {told}");
    assert!(!shown.contains("Signature") && !shown.contains("CAIS") && !shown.contains(ID), "{shown}");
}

#[tokio::test]
async fn a_silent_service_is_a_timeout() {
    let server = Server::start([Reply::Silence]).await;
    let options = Options { request_timeout: Duration::from_millis(30), max_retries: 0, ..server.options() };
    let recorder = Arc::new(Recorder::default());
    let client = hasty(options, keys(), Arc::clone(&recorder) as _);
    let error = client.call(&request(), text).await.unwrap_err();
    assert_eq!(error.to_string(), "ListAppInstances: timeout: no whole answer within 30ms");
    assert_eq!((error.kind(), recorder.in_flight.load(Ordering::Relaxed)), (Kind::Timeout, 0));
}

#[tokio::test]
async fn giving_up_waiting_frees_the_place_and_the_count() {
    let server = Server::start([Reply::Silence, ok("fine")]).await;
    let recorder = Arc::new(Recorder::default());
    let options = Options { max_in_flight: 1, ..server.options() };
    let client = hasty(options, keys(), Arc::clone(&recorder) as _);
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.call(&request(), text).await }
    });
    while server.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(client.call(&request(), text).await.unwrap(), "fine");
    assert_eq!(recorder.in_flight.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server =
        Server::start([Reply::Answer("307 Moved", "location: /elsewhere\r\n", Vec::new()), ok("{}")]).await;
    let client = hasty(Options { max_retries: 0, ..server.options() }, keys(), Arc::new(Unobserved));
    let error = client.call(&request(), text).await.unwrap_err();
    assert_eq!(error.to_string(), "ListAppInstances: protocol: status 307: redirects are not followed");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_compressed_answer_is_decoded() {
    let body = STANDARD.decode(ZIPPED).unwrap();
    let server = Server::start([Reply::Answer("200 OK", "content-encoding: gzip\r\n", body)]).await;
    let (client, recorder) = client(&server);
    assert_eq!(client.call(&request(), text).await.unwrap(), r#"{"RequestId":"zipped"}"#);
    assert_eq!(recorder.events().last().unwrap(), "ListAppInstances OK zipped");
}

#[tokio::test]
async fn a_broken_compression_is_a_protocol_error() {
    let body = b"not gzip at all".to_vec();
    let server = Server::start([Reply::Answer("200 OK", "content-encoding: gzip\r\n", body)]).await;
    let client = hasty(Options { max_retries: 0, ..server.options() }, keys(), Arc::new(Unobserved));
    let error = client.call(&request(), text).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol, "{error:?}");
}

#[tokio::test]
async fn an_answer_may_be_as_large_as_allowed_and_no_larger() {
    let bomb = || Reply::Answer("200 OK", "content-encoding: gzip\r\n", STANDARD.decode(BOMB).unwrap());
    let server = Server::start([bomb(), bomb(), ok("12345"), ok("123456")]).await;
    let with = |max_response_bytes| {
        let options = Options { max_response_bytes, max_retries: 0, ..server.options() };
        hasty(options, keys(), Arc::new(Unobserved))
    };
    assert_eq!(with(65536).call(&request(), text).await.unwrap().len(), 65536);
    // Decoded bytes count, not those that came over the wire.
    let error = with(65535).call(&request(), text).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "ListAppInstances: protocol: the answer is larger than max_response_bytes, 65535"
    );
    with(5).call(&request(), text).await.unwrap();
    with(5).call(&request(), text).await.unwrap_err();
}

#[tokio::test]
async fn an_error_in_an_answer_of_success_is_an_error() {
    let throttled = Reply::Answer(
        "200 OK",
        "x-acs-retry-after: 1\r\n",
        br#"{"Code":"Throttling","RequestId":"T1"}"#.to_vec(),
    );
    let gone = ok(r#"{"Code":"InvalidAppInstanceGroup.NotFound","RequestId":"T2"}"#);
    let server = Server::start([throttled, gone]).await;
    let (client, recorder) = client(&server);
    let error = client.call(&request(), text).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert_eq!(error.request_id(), Some("T2"));
    let events = recorder.events();
    assert!(events.contains(&"ListAppInstances Throttling T1".to_owned()), "{events:?}");
}

#[tokio::test]
async fn a_wrong_clock_is_told_by_how_much() {
    let reply = Reply::Answer(
        "400 Bad Request",
        "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
        br#"{"Code":"InvalidTimeStamp.Expired","Message":"Expired."}"#.to_vec(),
    );
    let server = Server::start([reply]).await;
    let error = client(&server).0.call(&request(), text).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Clock);
    assert!(error.message().starts_with("Expired. (this machine's clock is "), "{error}");
    assert!(error.message().ends_with(" s ahead of the service's)"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_clocks_difference_has_a_direction() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let told = |date| clock_difference(date, now);
    let date = "Sun, 06 Nov 1994 09:09:37 GMT";
    assert_eq!(told(date).as_deref(), Some("this machine's clock is 1200 s behind the service's"));
    assert_eq!(told("yesterday"), None);
}

#[test]
fn a_request_id_is_found_at_either_end_of_a_body() {
    let found = |body: String| {
        let answer = Answer { status: 200, headers: Default::default(), body: body.into_bytes() };
        request_id(&answer).map(str::to_owned)
    };
    let padding = "x".repeat(1000);
    assert_eq!(found(r#"{"RequestId": "A-1","#.to_owned() + &padding).as_deref(), Some("A-1"));
    assert_eq!(found(padding.clone() + r#","RequestId":"B-2"}"#).as_deref(), Some("B-2"));
    assert_eq!(found(format!(r#"{{{padding}"RequestId":"C-3"{padding}"#)), None);
    assert_eq!(found(r#"{"RequestId":null,"Other":"x"}"#.to_owned()), None);
    assert_eq!(found(r#"{"RequestId":"cut"#.to_owned()), None);
    assert_eq!(found(String::new()), None);
}

#[test]
fn an_https_client_can_be_set_up() {
    let endpoint = Endpoint::https("appstream-center.cn-shanghai.aliyuncs.com").unwrap();
    Client::new(Options::new(endpoint), keys(), Arc::new(Unobserved)).unwrap();
}
