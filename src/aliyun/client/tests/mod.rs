use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use tokio::net::TcpListener;

use self::server::{Received, Reply, Server, error, ok, respond};
use super::classify::clock_difference;
use super::*;
use crate::aliyun::credentials;
use crate::aliyun::credentials::source::CredentialsFuture;
use crate::aliyun::endpoint::Endpoint;
use crate::aliyun::request::value;
use crate::aliyun::secret::Secret;
use crate::aliyun::transport::RawResponse;

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

/// Records events as text.
#[derive(Default)]
struct Recorder {
    events: Mutex<Vec<String>>,
    in_flight: AtomicI64,
    sent: AtomicUsize,
}

impl Recorder {
    fn events(&self) -> Vec<String> {
        self.events.lock().clone()
    }

    fn record(&self, event: String) {
        self.events.lock().push(event);
    }
}

impl RequestObserver for Recorder {
    fn finished(&self, outcome: &AttemptOutcome<'_>) {
        let AttemptOutcome { operation, code, request_id, .. } = outcome;
        self.record(format!("{operation} {code} {}", request_id.unwrap_or("-")));
    }

    fn retried(&self, _operation: &'static str) {
        self.record("retried".to_owned());
    }

    fn rate_limit(&self, requests_per_second: f64) {
        self.record(format!("rate {requests_per_second}"));
    }

    fn in_flight(&self, change: i64) {
        self.in_flight.fetch_add(change, Ordering::Relaxed);
        self.sent.fetch_add(usize::from(change > 0), Ordering::Relaxed);
    }
}

/// A key that never changes.
struct FixedKey(Arc<Credentials>);

impl CredentialsSource for FixedKey {
    fn name(&self) -> &'static str {
        "fixed"
    }

    fn current(&self) -> CredentialsFuture<'_> {
        Box::pin(std::future::ready(Ok(Arc::clone(&self.0))))
    }

    fn invalidate(&self, _credentials: &Credentials) {}
}

fn fixed_key() -> Arc<dyn CredentialsSource> {
    let credentials = Credentials::new(ID, Secret::new(SECRET), Some(Secret::new(TOKEN)));
    Arc::new(FixedKey(Arc::new(credentials)))
}

/// A client that waits up to 2 ms before a retry instead of seconds.
fn fast_client(
    options: ClientOptions,
    source: Arc<dyn CredentialsSource>,
    observer: Arc<dyn RequestObserver>,
) -> Client {
    let policy = RetryPolicy {
        first_wait: Duration::from_millis(1),
        max_wait: Duration::from_millis(2),
        ..RetryPolicy::new(options.max_retries)
    };
    Client::with_retry_policy(options, policy, source, observer).unwrap()
}

fn client(server: &Server) -> (Client, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    (fast_client(server.options(), fixed_key(), Arc::clone(&recorder) as _), recorder)
}

fn request() -> Request {
    Request {
        query: vec![value("PageSize", "100"), value("Name", "办公 *~+'")],
        form: Some(vec![value("Status.1", "IDLE x")]),
        ..Request::new(OPERATION, "2021-09-01")
    }
}

/// Parses as the product's operations do: an error with a status of 200 is an error.
fn parse_text(body: &[u8]) -> Result<String, Error> {
    let text = String::from_utf8_lossy(body).into_owned();
    if text.contains("\"Code\"") { Err(Error::from_body(OPERATION, 200, body)) } else { Ok(text) }
}

#[tokio::test]
async fn a_request_is_sent_as_it_was_signed() {
    let server = Server::start([ok("{}"), ok("{}")]).await;
    let (client, _) = client(&server);
    client.call(&request(), parse_text).await.unwrap();
    client.call(&Request::new("ListPersistentAppInstances", "2021-09-01"), parse_text).await.unwrap();

    let requests = server.requests();
    let Received { request_line, body, .. } = &requests[0];
    let query = "Name=%E5%8A%9E%E5%85%AC%20%2A~%2B%27&PageSize=100";
    assert_eq!(request_line, &format!("POST /?{query} HTTP/1.1"));
    assert_eq!(body, "Status.1=IDLE%20x");
    let header = |name| requests[0].header(name).unwrap();
    assert_eq!(header("host"), server.endpoint.authority());
    assert_eq!(header("accept"), "application/json");
    assert_eq!(header("accept-encoding"), "gzip");
    assert_eq!(header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(header("user-agent"), concat!("appstreaming-exporter/", env!("CARGO_PKG_VERSION")));
    assert_eq!(header("x-acs-security-token"), TOKEN);
    assert_eq!(header("x-acs-accesskey-id"), ID);

    // Verifies the signature as the service does, from the received request.
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

    assert_eq!(requests[1].request_line, "POST / HTTP/1.1");
    assert_eq!(requests[1].header("content-type"), None);
    assert_eq!(requests[1].header("content-length"), Some("0"));
    assert_eq!(server.connections.load(Ordering::Relaxed), 1, "the connection is reused");
}

#[tokio::test]
async fn the_older_signature_is_sent_in_the_query() {
    let server = Server::start([ok("{}")]).await;
    let options = ClientOptions { signature: SignatureVersion::V2, ..server.options() };
    let client = Client::new(options, fixed_key(), Arc::new(())).unwrap();
    client.call(&request(), parse_text).await.unwrap();
    let received = &server.requests()[0];
    assert!(
        received
            .request_line
            .starts_with(&format!("POST /?AccessKeyId={ID}&Action={OPERATION}&Format=JSON&"))
    );
    assert!(received.request_line.contains("&SecurityToken=CAIS%2Btoken%2Fvalue%3D%3D&"));
    assert!(received.header("authorization").is_none());
}

#[tokio::test]
async fn every_attempt_has_a_new_nonce() {
    let server = Server::start([error("SignatureNonceUsed"), error("InternalError"), ok("{}")]).await;
    let (client, recorder) = client(&server);
    client.call(&request(), parse_text).await.unwrap();
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
async fn a_throttled_request_waits_as_requested_and_then_succeeds() {
    let throttled = Reply::Respond(
        "400 Bad Request",
        "x-acs-retry-after: 30\r\nx-acs-request-id: H1\r\n",
        br#"{"Code":"Throttling.User","Message":"m"}"#.to_vec(),
    );
    let server = Server::start([throttled, ok("fine")]).await;
    let (client, recorder) = client(&server);
    let start = Instant::now();
    assert_eq!(client.call(&request(), parse_text).await.unwrap(), "fine");
    assert!(start.elapsed() >= Duration::from_millis(30));
    let expected =
        ["rate 1000", "rate 500", "ListAppInstances Throttling.User H1", "retried", "ListAppInstances OK -"];
    assert_eq!(recorder.events(), expected);
}

#[tokio::test]
async fn any_error_with_a_wait_header_is_throttling() {
    let reply = Reply::Respond("503 Busy", "x-acs-retry-after: 1\r\n", b"<html>busy</html>".to_vec());
    let server = Server::start([reply]).await;
    let client = fast_client(ClientOptions { max_retries: 0, ..server.options() }, fixed_key(), Arc::new(()));
    let error = client.call(&request(), parse_text).await.unwrap_err();
    assert_eq!((error.kind(), error.code(), error.status()), (ErrorKind::Throttled, "protocol", Some(503)));
}

#[tokio::test]
async fn without_retries_every_failure_ends_the_call() {
    for reply in [
        error("Throttling"),
        error("InternalError"),
        error("SignatureNonceUsed"),
        error("InvalidSecurityToken.Expired"),
        respond("502 Bad Gateway", "<html>"),
        Reply::HangUp,
        Reply::Truncate,
    ] {
        let server = Server::start([reply, ok("{}")]).await;
        let options = ClientOptions { max_retries: 0, ..server.options() };
        let client = fast_client(options, fixed_key(), Arc::new(()));
        client.call(&request(), parse_text).await.unwrap_err();
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_call_of_a_failing_service_ends_after_its_retries() {
    let server = Server::start(std::iter::repeat_n(respond("502 Bad Gateway", "<html>\n<b>502"), 9)).await;
    let (client, _) = client(&server);
    let error = client.call(&request(), parse_text).await.unwrap_err();
    assert_eq!(server.requests().len(), 4);
    assert_eq!(
        error.to_string(),
        "ListAppInstances: protocol: status 502 with a body that is not an API error: <html> <b>502"
    );
}

#[tokio::test]
async fn a_broken_connection_is_retried() {
    let server = Server::start([Reply::HangUp, Reply::Truncate, ok("fine")]).await;
    let (client, recorder) = client(&server);
    assert_eq!(client.call(&request(), parse_text).await.unwrap(), "fine");
    let attempts: Vec<_> =
        recorder.events().into_iter().filter(|event| event.starts_with(OPERATION)).collect();
    assert_eq!(
        attempts,
        ["ListAppInstances connect -", "ListAppInstances connect -", "ListAppInstances OK -"]
    );
}

#[tokio::test]
async fn a_refused_connection_is_a_connect_error_with_its_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let options =
        ClientOptions { max_retries: 1, signature: SignatureVersion::V2, ..ClientOptions::new(endpoint) };
    let recorder = Arc::new(Recorder::default());
    let client = fast_client(options, fixed_key(), Arc::clone(&recorder) as _);
    let error = client.call(&request(), parse_text).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Connect, "connect"));
    assert_eq!(recorder.sent.load(Ordering::Relaxed), 2);
    let mut causes = Vec::new();
    let mut cause = std::error::Error::source(&error);
    while let Some(source) = cause {
        causes.push(source.to_string());
        cause = source.source();
    }
    let causes = causes.join(": ");
    assert!(causes.contains("refused"), "{causes}");
    let shown = format!("{error} {error:?} {causes}");
    assert!(!shown.contains("Signature") && !shown.contains("CAIS") && !shown.contains(ID), "{shown}");
}

#[tokio::test]
async fn a_silent_service_is_a_timeout() {
    let server = Server::start([Reply::Silence]).await;
    let options =
        ClientOptions { request_timeout: Duration::from_millis(30), max_retries: 0, ..server.options() };
    let recorder = Arc::new(Recorder::default());
    let client = fast_client(options, fixed_key(), Arc::clone(&recorder) as _);
    let error = client.call(&request(), parse_text).await.unwrap_err();
    assert_eq!(error.to_string(), "ListAppInstances: timeout: no complete response within 30ms");
    assert_eq!((error.kind(), recorder.in_flight.load(Ordering::Relaxed)), (ErrorKind::Timeout, 0));
}

#[tokio::test]
async fn a_cancelled_call_frees_its_slot_and_is_no_longer_counted() {
    let server = Server::start([Reply::Silence, ok("fine")]).await;
    let recorder = Arc::new(Recorder::default());
    let options = ClientOptions { max_in_flight: 1, ..server.options() };
    let client = fast_client(options, fixed_key(), Arc::clone(&recorder) as _);
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.call(&request(), parse_text).await }
    });
    while server.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(client.call(&request(), parse_text).await.unwrap(), "fine");
    assert_eq!(recorder.in_flight.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server =
        Server::start([Reply::Respond("307 Moved", "location: /elsewhere\r\n", Vec::new()), ok("{}")]).await;
    let client = fast_client(ClientOptions { max_retries: 0, ..server.options() }, fixed_key(), Arc::new(()));
    let error = client.call(&request(), parse_text).await.unwrap_err();
    assert_eq!(error.to_string(), "ListAppInstances: protocol: status 307: redirects are not followed");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_compressed_response_is_decompressed() {
    let body = STANDARD.decode(ZIPPED).unwrap();
    let server = Server::start([Reply::Respond("200 OK", "content-encoding: gzip\r\n", body)]).await;
    let (client, recorder) = client(&server);
    assert_eq!(client.call(&request(), parse_text).await.unwrap(), r#"{"RequestId":"zipped"}"#);
    assert_eq!(recorder.events().last().unwrap(), "ListAppInstances OK zipped");
}

#[tokio::test]
async fn a_broken_compression_is_a_protocol_error() {
    let body = b"not gzip at all".to_vec();
    let server = Server::start([Reply::Respond("200 OK", "content-encoding: gzip\r\n", body)]).await;
    let client = fast_client(ClientOptions { max_retries: 0, ..server.options() }, fixed_key(), Arc::new(()));
    let error = client.call(&request(), parse_text).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
}

#[tokio::test]
async fn a_response_may_be_as_large_as_the_limit_and_not_larger() {
    let bomb = || Reply::Respond("200 OK", "content-encoding: gzip\r\n", STANDARD.decode(BOMB).unwrap());
    let server = Server::start([bomb(), bomb(), ok("12345"), ok("123456")]).await;
    let with = |max_response_bytes| {
        let options = ClientOptions { max_response_bytes, max_retries: 0, ..server.options() };
        fast_client(options, fixed_key(), Arc::new(()))
    };
    assert_eq!(with(65536).call(&request(), parse_text).await.unwrap().len(), 65536);
    // Decompressed bytes count, not those that were transferred.
    let error = with(65535).call(&request(), parse_text).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "ListAppInstances: protocol: the response is larger than max_response_bytes (65535 bytes)"
    );
    with(5).call(&request(), parse_text).await.unwrap();
    with(5).call(&request(), parse_text).await.unwrap_err();
}

#[tokio::test]
async fn an_error_with_a_status_of_success_is_an_error() {
    let throttled = Reply::Respond(
        "200 OK",
        "x-acs-retry-after: 1\r\n",
        br#"{"Code":"Throttling","RequestId":"T1"}"#.to_vec(),
    );
    let gone = ok(r#"{"Code":"InvalidAppInstanceGroup.NotFound","RequestId":"T2"}"#);
    let server = Server::start([throttled, gone]).await;
    let (client, recorder) = client(&server);
    let error = client.call(&request(), parse_text).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.request_id(), Some("T2"));
    let events = recorder.events();
    assert!(events.contains(&"ListAppInstances Throttling T1".to_owned()), "{events:?}");
}

#[tokio::test]
async fn an_error_about_the_clock_states_the_difference() {
    let reply = Reply::Respond(
        "400 Bad Request",
        "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
        br#"{"Code":"InvalidTimeStamp.Expired","Message":"Expired."}"#.to_vec(),
    );
    let server = Server::start([reply]).await;
    let error = client(&server).0.call(&request(), parse_text).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Clock);
    assert!(error.message().starts_with("Expired. (this machine's clock is "), "{error}");
    assert!(error.message().ends_with(" s ahead of the service's)"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_difference_of_clocks_has_a_direction() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let difference = |date| clock_difference(date, now);
    let date = "Sun, 06 Nov 1994 09:09:37 GMT";
    assert_eq!(difference(date).as_deref(), Some("this machine's clock is 1200 s behind the service's"));
    assert_eq!(difference("yesterday"), None);
}

#[test]
fn a_request_id_is_found_at_either_end_of_a_body() {
    let found = |body: String| {
        let response = RawResponse { status: 200, headers: Default::default(), body: body.into() };
        request_id(&response).map(str::to_owned)
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
    Client::new(ClientOptions::new(endpoint), fixed_key(), Arc::new(())).unwrap();
}
