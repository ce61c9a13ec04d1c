//! The server, over real connections.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::simulator::SimulatedCloud;

struct RunningCloud {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    client: TestCloud,
}

impl RunningCloud {
    fn start(options: SimulatorOptions) -> Self {
        let server = SimulatedCloud::bind(options, "127.0.0.1:0".parse().unwrap()).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let mut client = TestCloud::new(SimulatorOptions { groups: 0, ..SimulatorOptions::default() });
        client.now = Timestamp::now();
        Self {
            address: server.address(),
            task: tokio::spawn(server.run(async move { drop(stopped.await) })),
            stop,
            client,
        }
    }

    /// Sends bytes on a new connection and returns everything received.
    async fn exchange(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut response = Vec::new();
        // A broken connection may end in a reset. The bytes before it are kept.
        let _ = stream.read_to_end(&mut response).await;
        String::from_utf8_lossy(&response).into_owned()
    }

    async fn send(&mut self) -> String {
        let request = TestCloud::request("ListAppInstanceGroup", &[("ProductType", "CloudApp")], &[]);
        let sent = self.client.sign(&request, 3, &keys());
        let mut text = format!("POST /?{} HTTP/1.1\r\nconnection: close\r\n", sent.query);
        for (name, value) in &sent.headers {
            text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
        }
        text.push_str(&format!("content-length: {}\r\n\r\n", sent.body.len()));
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&sent.body);
        self.exchange(&bytes).await
    }

    async fn get(&self, path: &str) -> Value {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        body(&self.exchange(request.as_bytes()).await)
    }

    async fn control(&self, control: Value) -> Value {
        let control = control.to_string();
        let length = control.len();
        let head = "POST /_control HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ";
        body(&self.exchange(format!("{head}{length}\r\n\r\n{control}").as_bytes()).await)
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}

fn body(response: &str) -> Value {
    serde_json::from_str(response.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn a_signed_request_is_served_and_counted() {
    let mut cloud = RunningCloud::start(SimulatorOptions::default());
    let response = cloud.send().await;
    assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
    assert_eq!(body(&response)["TotalCount"], 8);
    let statistics = cloud.get("/_stats").await;
    assert_eq!(statistics["requests"], json!({"ListAppInstanceGroup": 1}));
    assert_eq!(statistics["answers"], json!({"OK": 1}));
    assert_eq!((&statistics["in_flight"], &statistics["in_flight_max"]), (&json!(0), &json!(1)));
    assert_eq!(cloud.get("/_truth").await["totals"]["instances"], 320);
    cloud.stop().await;
}

#[tokio::test]
async fn every_fault_changes_the_response_as_documented() {
    let mut cloud = RunningCloud::start(SimulatorOptions::default());
    let error = json!({"error": {"code": "Throttling.User", "status": 429, "retry_after_ms": 700}});
    cloud.control(json!({"faults": [{"requests": 1, "fault": error}]})).await;
    let response = cloud.send().await;
    assert!(
        response.starts_with("HTTP/1.1 429 ") && response.contains("x-acs-retry-after: 700\r\n"),
        "{response}"
    );
    cloud.control(json!({"faults": [{"requests": 1, "fault": "drop"}]})).await;
    assert_eq!(cloud.send().await, "");
    cloud.control(json!({"faults": [{"requests": 1, "fault": "truncate"}]})).await;
    let response = cloud.send().await;
    assert!(response.starts_with("HTTP/1.1 200 OK") && !response.ends_with('}'), "{response}");
    cloud.control(json!({"faults": [{"requests": 1, "fault": "html"}]})).await;
    let response = cloud.send().await;
    assert!(response.starts_with("HTTP/1.1 502 ") && response.ends_with("</html>\r\n"), "{response}");
    cloud.control(json!({"faults": [{"requests": 1, "fault": {"huge": {"bytes": 300_000}}}]})).await;
    assert!(cloud.send().await.len() > 300_000);
    assert_eq!(body(&cloud.send().await)["TotalCount"], 8, "all rules have been applied");
    let answers = cloud.get("/_stats").await["answers"].clone();
    assert_eq!(
        answers,
        json!({"OK": 1, "Throttling.User": 1, "drop": 1, "truncate": 1, "html": 1, "huge": 1})
    );
    cloud.stop().await;
}

#[tokio::test]
async fn a_control_request_returns_its_result_or_the_reason_why_it_failed() {
    let cloud = RunningCloud::start(SimulatorOptions { speed: 0.0, ..SimulatorOptions::default() });
    let done = cloud.control(json!({"add_groups": 1})).await;
    assert_eq!((done["groups"].as_u64(), done["added"].as_array().map(Vec::len)), (Some(9), Some(1)));
    assert!(cloud.control(json!({"nonsense": 1})).await["error"].as_str().unwrap().contains("nonsense"));
    assert!(cloud.get("/_control").await["error"].is_string());
    cloud.stop().await;
}

#[test]
fn an_address_in_use_and_an_invalid_option_are_explained() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = SimulatedCloud::bind(SimulatorOptions::default(), address).unwrap_err();
    assert_eq!(error.to_string(), format!("the simulated cloud cannot listen on {address}"));
    let options = SimulatorOptions { speed: f64::NAN, ..SimulatorOptions::default() };
    let error = SimulatedCloud::bind(options, "127.0.0.1:0".parse().unwrap()).unwrap_err();
    assert!(error.to_string().contains("speed is NaN"), "{error}");
}
