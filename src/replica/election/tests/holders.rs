//! Reading the holders of other Leases.

use std::time::Duration;

use hyper::Method;
use serde_json::json;
use tokio::time::Instant;

use super::api_server::{ApiServer, LEASE, Link, NAMESPACE, Treatment};
use crate::replica::election::RequestError;
use crate::replica::election::holders::Holders;

const LIMIT: Duration = Duration::from_secs(2);

/// The holders of the Leases of the double, over a connection that the test can disturb.
fn holders(server: &ApiServer) -> (Holders, Link) {
    let link = Link::default();
    (Holders::new(server.client(&link), NAMESPACE.to_owned()), link)
}

async fn holder(holders: &Holders, lease: &str) -> Result<Option<String>, RequestError> {
    holders.of(lease, Instant::now() + LIMIT).await
}

#[tokio::test(start_paused = true)]
async fn the_holder_of_another_lease_is_read_and_nothing_is_written() {
    let (server, started) = (ApiServer::default(), Instant::now());
    let (holders, _) = holders(&server);
    assert_eq!(holder(&holders, LEASE).await.unwrap(), None, "it does not exist");
    server.write(json!({"holderIdentity": "a@https://10.0.0.1:9877", "leaseDurationSeconds": 15}));
    assert_eq!(holder(&holders, LEASE).await.unwrap().as_deref(), Some("a@https://10.0.0.1:9877"));
    assert_eq!(holder(&holders, "another").await.unwrap(), None);
    server.write(json!({"holderIdentity": "", "leaseDurationSeconds": 1}));
    assert_eq!(holder(&holders, LEASE).await.unwrap(), None, "it was released");
    let written = [Method::POST, Method::PUT, Method::PATCH].map(|method| server.requests(&method, started));
    assert_eq!((server.requests(&Method::GET, started), written), (4, [0; 3]));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_read_in_time_or_at_all_is_an_error() {
    let server = ApiServer::default();
    let (holders, link) = holders(&server);
    link.treat(Treatment::Forbid("GET"));
    assert!(matches!(holder(&holders, LEASE).await, Err(RequestError::Forbidden { .. })));
    link.treat(Treatment::Hang);
    let started = Instant::now();
    assert!(matches!(holder(&holders, LEASE).await, Err(RequestError::TimedOut(_))));
    assert_eq!(started.elapsed(), LIMIT);
}
