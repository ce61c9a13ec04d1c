//! What an API server refuses. The double and a real API server pass the same test.

use hyper::{Method, Request};
use serde_json::{Value, json};

use super::api_server::{ApiServer, LEASE, Link};
use crate::replica::election::client::Client;

const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/monitoring/leases";

/// Sends a request. Returns the status, 200 for every success, and the body.
async fn send(client: &Client, method: Method, name: &str, body: Option<&Value>) -> (u16, Value) {
    let request = Request::builder().method(method).uri(format!("{PATH}{name}"));
    let request = request.header("content-type", "application/json");
    let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
    let response = client.send(request.body(body).unwrap()).await.unwrap();
    match response.status() {
        status if status.is_success() => (200, serde_json::from_slice(response.body()).unwrap()),
        status => (status.as_u16(), Value::Null),
    }
}

fn lease() -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": LEASE},
        "spec": {
            "holderIdentity": "a", "leaseDurationSeconds": 15, "leaseTransitions": 0,
            "acquireTime": "2026-01-02T03:04:05.000006Z", "renewTime": "2026-01-02T03:04:05.000006Z",
        },
    })
}

/// A Lease with another value at a pointer.
fn with(lease: &Value, pointer: &str, value: Value) -> Value {
    let mut lease = lease.clone();
    *lease.pointer_mut(pointer).unwrap() = value;
    lease
}

fn without(lease: &Value, key: &str) -> Value {
    let mut lease = lease.clone();
    lease["metadata"].as_object_mut().unwrap().remove(key);
    lease
}

/// Checks what the API server refuses. The Lease must not exist, and `delete` deletes it.
pub(super) async fn check(client: &Client, delete: impl AsyncFn()) {
    let name = format!("/{LEASE}");
    let create = async |body: &Value| send(client, Method::POST, "", Some(body)).await.0;
    let update = async |body: &Value| send(client, Method::PUT, &name, Some(body)).await;
    assert_eq!(send(client, Method::GET, &name, None).await.0, 404);
    assert_eq!(create(&with(&lease(), "/spec/renewTime", json!("2026-01-02T03:04:05Z"))).await, 400);
    assert_eq!(create(&with(&lease(), "/spec/renewTime", json!("2026-01-02T03:04:05.123Z"))).await, 400);
    assert_eq!(create(&with(&lease(), "/spec/leaseDurationSeconds", json!(0))).await, 422);
    assert_eq!(create(&with(&lease(), "/spec/leaseTransitions", json!(-1))).await, 422);
    assert_eq!(create(&lease()).await, 200);
    assert_eq!(create(&lease()).await, 409, "a second creation");

    let (_, first) = send(client, Method::GET, &name, None).await;
    assert_eq!(update(&without(&first, "resourceVersion")).await.0, 422);
    let (status, second) = update(&with(&first, "/spec/holderIdentity", json!(""))).await;
    assert_eq!((status, &second["spec"]["holderIdentity"]), (200, &json!("")), "a released lease");
    assert_eq!(update(&first).await.0, 409, "an old version");

    delete().await;
    assert_eq!(send(client, Method::GET, &name, None).await.0, 404);
    assert_eq!(update(&second).await.0, 409, "the version of a deleted lease");
    assert_eq!(create(&lease()).await, 200);
    assert_eq!(update(&second).await.0, 409, "the version of a deleted lease that was created again");
}

#[tokio::test(start_paused = true)]
async fn the_double_refuses_what_a_real_api_server_refuses() {
    let server = ApiServer::default();
    let delete = async || server.delete();
    check(&server.client(&Link::default()), delete).await;
}
