//! Reads `[state]` and `[replicas]`.
//!
//! What is not here: the defaults (`replica::options`), and the address that is advertised where
//! none is configured (`app`).

use std::path::PathBuf;
use std::time::Duration;

use super::section::{MAX_DURATION, ONE_SECOND, SectionReader};
use crate::aliyun::{Endpoint, Scheme, Secret};
use crate::replica::options::{
    DEFAULT_LEASE, DEFAULT_TAKEOVER_AFTER, PairRole, Pod, ReplicaOptions, ReplicaSetup, StateOptions,
};

/// A token that is shorter could be guessed.
const MIN_TOKEN_LENGTH: usize = 16;
/// A Lease's name is a DNS subdomain of 253 characters; a shard's suffix takes up to six of them.
const MAX_LEASE_LENGTH: usize = 240;

/// The values of `replicas.mode`.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Off,
    Pair,
    Kubernetes,
}

/// Reads `[state]`.
pub(super) fn state(section: &SectionReader<'_>) -> StateOptions {
    let mut state = StateOptions { path: section.text("path").map(PathBuf::from), ..StateOptions::default() };
    section.duration("interval", &mut state.interval, ONE_SECOND..=Duration::from_hours(1));
    state
}

/// Reads `[replicas]`. `host_name` is this host's name, which is a pod's name unless `POD_NAME` is
/// set.
pub(super) fn replicas(section: &SectionReader<'_>, host_name: Option<&str>) -> ReplicaOptions {
    const MODE: &str = "mode";
    let mut mode = Mode::Off;
    section.choice(
        MODE,
        &mut mode,
        &[("off", Mode::Off), ("pair", Mode::Pair), ("kubernetes", Mode::Kubernetes)],
    );
    let role = role(section, mode);
    let mut allow_http = false;
    let peer = section.text("peer");
    let token = token(section, mode);
    let token_file = section.secret_file("token");
    let advertise = section.text("advertise");
    let ca_file = section.text("ca_file").map(PathBuf::from);
    section.boolean("allow_http", &mut allow_http);
    let mut takeover_after = DEFAULT_TAKEOVER_AFTER;
    section.duration("takeover_after", &mut takeover_after, Duration::from_secs(3)..=MAX_DURATION);
    let lease = lease(section);

    let peer = base_url(section, "peer", peer, allow_http);
    let advertise = base_url(section, "advertise", advertise, allow_http);
    let setup = match mode {
        Mode::Off => ReplicaSetup::Off,
        Mode::Pair => pair(section, role, peer, takeover_after),
        Mode::Kubernetes => {
            if !cfg!(feature = "kubernetes") {
                section.problem(MODE, "this binary was built without the feature `kubernetes`");
            }
            ReplicaSetup::Kubernetes { lease, pod: pod(section, host_name) }
        }
    };
    ReplicaOptions { setup, token, token_file, advertise, ca_file, allow_http }
}

fn role(section: &SectionReader<'_>, mode: Mode) -> Option<PairRole> {
    const ROLE: &str = "role";
    const RULE: &str = "must be primary on one of the two machines, and standby on the other";
    match (section.text(ROLE).as_deref(), mode) {
        (Some("primary"), _) => Some(PairRole::Primary),
        (Some("standby"), _) => Some(PairRole::Standby),
        (Some(other), _) => {
            section.problem(ROLE, format!("{other:?} {RULE}"));
            None
        }
        (None, Mode::Pair) => {
            section.problem(ROLE, format!("is required for mode = \"pair\": {RULE}"));
            None
        }
        (None, _) => None,
    }
}

fn pair(
    section: &SectionReader<'_>,
    role: Option<PairRole>,
    peer: Option<Endpoint>,
    takeover_after: Duration,
) -> ReplicaSetup {
    const PEER: &str = "peer";
    if !section.is_filled(PEER) {
        section.problem(PEER, "is required for mode = \"pair\": the base URL of the other replica");
    }
    match (role, peer) {
        (Some(role), Some(peer)) => ReplicaSetup::Pair { role, peer, takeover_after },
        // A problem was reported.
        _ => ReplicaSetup::Off,
    }
}

fn token(section: &SectionReader<'_>, mode: Mode) -> Option<Secret> {
    const TOKEN: &str = "token";
    let token = section.secret(TOKEN);
    match &token {
        Some(token) if token.expose().len() < MIN_TOKEN_LENGTH => {
            section.problem(TOKEN, format!("must have at least {MIN_TOKEN_LENGTH} characters"));
        }
        Some(token) if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) => {
            section.problem(TOKEN, "must consist of visible ASCII characters, without spaces");
        }
        None if mode != Mode::Off && !section.is_filled(TOKEN) => {
            let rule = "a secret that all replicas share, such as the output of `openssl rand -hex 16`, or \
                        file:PATH or env:NAME";
            section.problem(TOKEN, format!("is required unless mode = \"off\": {rule}"));
        }
        _ => {}
    }
    token
}

/// The base URL of a replica. Problems do not quote it, because it may contain a password by
/// mistake.
fn base_url(
    section: &SectionReader<'_>,
    name: &str,
    text: Option<String>,
    allow_http: bool,
) -> Option<Endpoint> {
    match Endpoint::parse(&text?) {
        Ok(endpoint) if endpoint.scheme() == Scheme::Http && !endpoint.is_loopback() && !allow_http => {
            section.problem(
                name,
                "plain http is only for loopback addresses, unless replicas.allow_http = true",
            );
            None
        }
        Ok(endpoint) => Some(endpoint),
        Err(error) => {
            section.problem(name, error.to_string());
            None
        }
    }
}

fn lease(section: &SectionReader<'_>) -> String {
    const LEASE: &str = "lease";
    let name = section.text_or(LEASE, || Some(DEFAULT_LEASE.to_owned())).unwrap_or_default();
    let is_label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() > MAX_LEASE_LENGTH || !name.split('.').all(is_label) {
        let rule = "must be the name of a Kubernetes object: lower-case letters, digits, `-` and `.`";
        section.problem(LEASE, format!("{name:?} {rule}, at most {MAX_LEASE_LENGTH} characters"));
    }
    name
}

fn pod(section: &SectionReader<'_>, host_name: Option<&str>) -> Pod {
    let variable = |name: &str| section.variable(name).map(str::to_owned);
    Pod {
        name: variable("POD_NAME").or_else(|| host_name.map(str::to_owned)),
        namespace: variable("POD_NAMESPACE"),
        ip: variable("POD_IP"),
    }
}
