//! Checks `[replicas]`: the address of this replica, and with `--online` the other replica and the
//! Lease.

use std::time::Duration;

use jiff::SignedDuration;

use super::chain;
use super::finding::{Aspect, Finding, Level, PartReport};
use crate::aliyun::{Endpoint, Secret};
use crate::app::assemble;
use crate::config::Config;
use crate::poller::SavedState;
use crate::replica::envelope;
use crate::replica::options::{PairRole, Pod, ReplicaOptions, ReplicaSetup};
use crate::replica::peer::{PeerAnswer, PeerClient, PeerError};
use crate::replica::token::SharedToken;

/// Limit of one question to another replica.
const ASK_LIMIT: Duration = Duration::from_secs(10);

/// Checks the configuration of the replicas; `None` if there is only one. `may_have_tls` if a web
/// configuration file was checked, too.
pub(super) fn check_replicas(config: &Config, may_have_tls: bool) -> Option<PartReport> {
    let options = &config.replicas;
    let finding = match &options.setup {
        ReplicaSetup::Off => return None,
        ReplicaSetup::Pair { role, peer, .. } => {
            let role = match role {
                PairRole::Primary => "the primary",
                PairRole::Standby => "the standby",
            };
            Finding::new(Aspect::Peer, Level::Ok, format!("this is {role} of a pair with {peer}"))
        }
        ReplicaSetup::Kubernetes { pod, .. } => evaluate_address(options, pod, may_have_tls),
    };
    Some(PartReport { name: "replicas", findings: vec![finding] })
}

/// Asks the other replica, or the API server.
pub(super) async fn check_online(config: &Config) -> Vec<Finding> {
    let options = &config.replicas;
    match &options.setup {
        ReplicaSetup::Off => Vec::new(),
        ReplicaSetup::Pair { peer, .. } => vec![check_peer(config, peer).await],
        #[cfg(feature = "kubernetes")]
        ReplicaSetup::Kubernetes { lease, pod } => kubernetes::check(config, lease, pod).await,
        // The configuration rejects it.
        #[cfg(not(feature = "kubernetes"))]
        ReplicaSetup::Kubernetes { .. } => Vec::new(),
    }
}

/// The address that other replicas use for this one.
fn evaluate_address(options: &ReplicaOptions, pod: &Pod, may_have_tls: bool) -> Finding {
    const ADVISE_ADDRESS: &str = "set replicas.advertise to an address that other pods can reach, or POD_IP by the \
                                  downward API";
    let of = |level, message: String| Finding::new(Aspect::Advertise, level, message);
    match (&options.advertise, &pod.ip) {
        (Some(url), _) if url.is_loopback() => {
            of(Level::Warning, format!("other replicas cannot reach {url}")).advise(ADVISE_ADDRESS)
        }
        (Some(url), _) => of(Level::Ok, format!("other replicas reach this one at {url}")),
        (None, Some(_)) if !options.allow_http && !may_have_tls => {
            let message =
                "other replicas would send replicas.token in plain text, so the exporter does not start";
            of(Level::Warning, message.to_owned()).advise(
                "enable TLS by the web configuration file, and check it with --web.config.file; or set \
                 replicas.allow_http = true",
            )
        }
        (None, Some(ip)) => {
            of(Level::Ok, format!("other replicas reach this one at {ip}, the value of POD_IP"))
        }
        (None, None) => {
            let message = "POD_IP is not set: other replicas use the address that the exporter listens on";
            of(Level::Note, message.to_owned()).advise(ADVISE_ADDRESS)
        }
    }
}

/// Asks another replica for its state.
async fn check_peer(config: &Config, peer: &Endpoint) -> Finding {
    let options = &config.replicas;
    let token = options.token.clone().unwrap_or_else(|| Secret::new(""));
    let token = SharedToken::new(token, options.token_file.clone());
    let answer = match PeerClient::new(token, options.ca_file.as_deref(), rand::random()) {
        Ok(client) => client.ask_once(peer, ASK_LIMIT).await,
        Err(error) => Err(error),
    };
    evaluate_peer(peer, answer, |saved| {
        let store = assemble::store(config, assemble::identities(config));
        store.mirror(saved, SignedDuration::ZERO)
    })
}

/// `has_own_targets` returns whether any configured target is in a state.
fn evaluate_peer(
    peer: &Endpoint,
    answer: Result<PeerAnswer, PeerError>,
    has_own_targets: impl FnOnce(SavedState) -> bool,
) -> Finding {
    let of = |level, message: String| Finding::new(Aspect::Peer, level, message);
    match answer {
        Ok(PeerAnswer { role, body, .. }) => {
            let accepts = format!("{peer} accepts the token: its role is {}", role.as_str());
            match body.map(|body| envelope::decode(&body).map(has_own_targets)) {
                Some(Err(error)) => {
                    of(Level::Warning, format!("{accepts}, but its state cannot be used: {}", chain(&error)))
                        .advise("run the same version on all replicas")
                }
                Some(Ok(false)) => {
                    of(Level::Warning, format!("{accepts}, but none of the configured targets is in its state"))
                        .advise("configure the same accounts, endpoints and filters on all replicas")
                }
                _ => of(Level::Ok, accepts),
            }
        }
        Err(error @ PeerError::Unreachable { .. }) => of(Level::Warning, chain(&error)).advise(
            "check that the other exporter runs, and that firewalls and network policies permit connections; until \
             then this replica has no other",
        ),
        Err(error @ (PeerError::Refused { .. } | PeerError::NotShared { .. })) => {
            of(Level::Error, chain(&error)).advise("use the same replicas.token and replicas.mode on all replicas")
        }
        Err(error @ PeerError::TooLarge { .. }) => of(Level::Error, chain(&error)),
        Err(error) => {
            of(Level::Error, chain(&error)).advise("correct replicas.ca_file, or the token")
        }
    }
}

#[cfg(feature = "kubernetes")]
mod kubernetes {
    use super::*;
    use crate::app::replicas::leases::{lease_of, url_of};
    use crate::replica::election::{AccessReport, ElectionError, ElectionOptions, check_access};
    use crate::replica::options::DEFAULT_TAKEOVER_AFTER;

    /// Checks the rights for the Lease, and asks its holder.
    pub(super) async fn check(config: &Config, lease: &str, pod: &Pod) -> Vec<Finding> {
        let access = check_access(ElectionOptions {
            lease: lease_of(lease, config.shard),
            namespace: pod.namespace.clone(),
            identity: "check".to_owned(),
            lease_duration: DEFAULT_TAKEOVER_AFTER,
        });
        let access = access.await;
        let holder = access.as_ref().ok().and_then(|report| url_of(report.holder.as_deref()?));
        let mut findings = vec![evaluate_lease(access)];
        if let Some(holder) = holder {
            findings.push(check_peer(config, &holder).await);
        }
        findings
    }

    fn evaluate_lease(access: Result<AccessReport, ElectionError>) -> Finding {
        let of = |level, message: String| Finding::new(Aspect::Lease, level, message);
        match access {
            Ok(report) => {
                let AccessReport { lease, namespace, holder, denied } = &report;
                let lease = format!("Lease {lease} in namespace {namespace}");
                match report.advice() {
                    Some(advice) => {
                        let verbs: Vec<&str> = denied.iter().map(|verb| verb.as_str()).collect();
                        of(Level::Error, format!("the service account may not {} {lease}", verbs.join(", ")))
                            .advise(advice)
                    }
                    None => {
                        let held = match holder {
                            Some(holder) => format!("is held by {holder}"),
                            None => "has no holder".to_owned(),
                        };
                        of(Level::Ok, format!("{lease} {held}, and may be read, created and updated"))
                    }
                }
            }
            Err(ElectionError::Request(error)) => {
                let advice = error.advice();
                of(Level::Error, chain(&error)).advise(advice)
            }
            Err(error) => of(Level::Error, chain(&error)),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::replica::election::{RequestError, Verb};

        fn report(holder: Option<&str>, denied: &[Verb]) -> AccessReport {
            AccessReport {
                lease: "exporter".to_owned(),
                namespace: "monitoring".to_owned(),
                holder: holder.map(str::to_owned),
                denied: denied.to_vec(),
            }
        }

        #[test]
        fn a_missing_right_is_an_error_with_the_rule_that_the_role_needs() {
            let finding = evaluate_lease(Ok(report(None, &[Verb::Create])));
            assert_eq!(finding.level, Level::Error);
            let message = "the service account may not create Lease exporter in namespace monitoring";
            assert_eq!(finding.message, message);
            assert!(finding.advice.is_some_and(|advice| advice.contains("without resourceNames")));
        }

        #[test]
        fn the_holder_of_the_lease_is_shown() {
            let finding = evaluate_lease(Ok(report(Some("a@http://10.0.0.7:9877"), &[])));
            assert_eq!(finding.level, Level::Ok);
            assert!(finding.message.contains("is held by a@http://10.0.0.7:9877"), "{}", finding.message);
        }

        #[test]
        fn an_api_server_that_cannot_be_reached_is_an_error_with_advice() {
            let error = RequestError::Unreachable("connection refused".to_owned());
            let finding = evaluate_lease(Err(ElectionError::Request(error)));
            assert_eq!(finding.level, Level::Error);
            assert!(finding.message.contains("connection refused") && finding.advice.is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};
    use crate::telemetry::status::ReplicaRole;

    fn peer() -> Endpoint {
        Endpoint::parse("http://127.0.0.1:9").unwrap()
    }

    fn address(advertise: Option<&str>, ip: Option<&str>, allow_http: bool, may_have_tls: bool) -> Finding {
        let advertise = advertise.map(|url| Endpoint::parse(url).unwrap());
        let options = ReplicaOptions { advertise, allow_http, ..ReplicaOptions::default() };
        let pod = Pod { ip: ip.map(str::to_owned), ..Pod::default() };
        evaluate_address(&options, &pod, may_have_tls)
    }

    #[test]
    fn an_address_that_other_pods_cannot_use_is_a_warning() {
        let level =
            |advertise, ip, allow_http, may_have_tls| address(advertise, ip, allow_http, may_have_tls).level;
        assert_eq!(level(Some("https://a.example:9877"), None, false, false), Level::Ok);
        assert_eq!(level(Some("http://127.0.0.1:9877"), None, false, false), Level::Warning);
        assert_eq!(level(None, Some("10.0.0.7"), false, false), Level::Warning, "plain text");
        assert_eq!(level(None, Some("10.0.0.7"), false, true), Level::Ok);
        assert_eq!(level(None, Some("10.0.0.7"), true, false), Level::Ok);
        assert_eq!(level(None, None, true, false), Level::Note);
    }

    #[test]
    fn a_refused_token_is_an_error_and_a_replica_that_is_away_a_warning() {
        let url = "http://127.0.0.1:9".to_owned();
        assert_eq!(
            evaluate_peer(&peer(), Err(PeerError::Refused { url: url.clone() }), |_| true).level,
            Level::Error
        );
        let not_shared = PeerError::NotShared { url, status: 404 };
        assert_eq!(evaluate_peer(&peer(), Err(not_shared), |_| true).level, Level::Error);
    }

    #[tokio::test]
    async fn a_replica_that_does_not_answer_is_a_warning_with_advice() {
        let mut config = config();
        config.replicas.token = Some(Secret::new("0123456789abcdef"));
        let finding = check_peer(&config, &peer()).await;
        assert_eq!(finding.level, Level::Warning, "{}", finding.message);
        assert!(finding.message.contains("127.0.0.1:9") && finding.advice.is_some(), "{}", finding.message);
        assert!(!format!("{finding:?}").contains("0123456789abcdef"));
    }

    #[test]
    fn a_state_that_cannot_be_used_is_a_warning() {
        let check = |body: Vec<u8>, has_own_targets| {
            let answer = PeerAnswer { role: ReplicaRole::Active, tag: None, body: Some(body), date: None };
            evaluate_peer(&peer(), Ok(answer), |_| has_own_targets)
        };
        let damaged = check(b"not a state".to_vec(), true);
        assert_eq!(damaged.level, Level::Warning);
        assert!(damaged.message.contains("its role is active, but its state cannot be used"), "{damaged:?}");

        let config = config();
        let store = assemble::store(&config, assemble::identities(&config));
        let state = envelope::encode(store.save(jiff::Timestamp::UNIX_EPOCH), &config.render.users);
        assert_eq!(check(state.clone(), true).level, Level::Ok);
        let foreign = check(state, false);
        assert_eq!(foreign.level, Level::Warning);
        assert!(foreign.message.ends_with("none of the configured targets is in its state"), "{foreign:?}");
    }

    fn config() -> Config {
        load(&Sources::default()).expect("the defaults").config
    }
}
