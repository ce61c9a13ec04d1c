//! Checking the rights of the service account.

use super::api_server::{ApiServer, LEASE, Link, NAMESPACE, Treatment};
use super::replica::{Replica, options};
use crate::replica::election::access::report;
use crate::replica::election::run::candidate;
use crate::replica::election::{AccessReport, Leadership, Verb};

async fn check(server: &ApiServer, treatment: Treatment) -> AccessReport {
    let link = Link::default();
    link.treat(treatment);
    report(&server.lease_api(&link), &candidate(&options("checker"))).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_check_finds_the_missing_rights_and_changes_nothing() {
    let with_lease = ApiServer::default();
    let mut leader = Replica::start(&with_lease, "leader");
    leader.becomes(Leadership::Leader).await;
    for (server, holder) in [(with_lease, Some("leader")), (ApiServer::default(), None)] {
        let before = server.lease();
        for (method, verb) in [("GET", Verb::Get), ("POST", Verb::Create), ("PUT", Verb::Update)] {
            let found = check(&server, Treatment::Forbid(method)).await;
            assert_eq!((&*found.lease, &*found.namespace), (LEASE, NAMESPACE));
            assert_eq!(found.denied, [verb]);
            let advice = found.advice().unwrap();
            assert!(advice.contains(verb.as_str()), "{advice}");
            assert_eq!(advice.contains("without resourceNames"), verb == Verb::Create, "{advice}");
        }
        let found = check(&server, Treatment::Respond).await;
        assert_eq!((found.holder.as_deref(), &*found.denied, found.advice()), (holder, &[][..], None));
        assert_eq!(server.lease(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_does_not_respond_is_an_error_and_not_a_missing_right() {
    for treatment in [Treatment::Hang, Treatment::Refuse(500), Treatment::Refuse(401)] {
        let link = Link::default();
        link.treat(treatment);
        let found = report(&ApiServer::default().lease_api(&link), &candidate(&options("checker"))).await;
        assert!(found.is_err(), "{treatment:?}");
    }
}
