//! Versions of TLS, cipher suites and curves, under the names that the toolkit uses.

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::version::{TLS12, TLS13};
use rustls::{NamedGroup, SupportedCipherSuite, SupportedProtocolVersion};

use crate::document::Table;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum TlsVersion {
    /// TLS 1.0 and 1.1, deprecated by RFC 8996.
    Deprecated,
    Tls12,
    Tls13,
}

impl TlsVersion {
    const CHOICES: [(&'static str, Self); 4] = [
        ("TLS12", Self::Tls12),
        ("TLS13", Self::Tls13),
        ("TLS11", Self::Deprecated),
        ("TLS10", Self::Deprecated),
    ];
}

/// The versions from `min_version` to `max_version`; TLS 1.2 and 1.3 by default.
pub(super) fn versions(table: &Table<'_>) -> Vec<&'static SupportedProtocolVersion> {
    let read = |name, default| match table.choice(name, &TlsVersion::CHOICES) {
        Some(TlsVersion::Deprecated) => {
            table.problem(name, "TLS 1.0 and 1.1 are insecure and not supported: use TLS12 or TLS13");
            default
        }
        version => version.unwrap_or(default),
    };
    let (min, max) = (read("min_version", TlsVersion::Tls12), read("max_version", TlsVersion::Tls13));
    if min > max {
        table.problem("max_version", "is below min_version");
    }
    let supported = [(TlsVersion::Tls12, &TLS12), (TlsVersion::Tls13, &TLS13)];
    supported.into_iter().filter(|(version, _)| (min..=max).contains(version)).map(|(_, tls)| tls).collect()
}

/// The algorithms of ring, restricted to those that the operator lists, in that order.
pub(super) fn provider(table: &Table<'_>, versions: &[&SupportedProtocolVersion]) -> CryptoProvider {
    let provider = ring::default_provider();
    CryptoProvider {
        cipher_suites: cipher_suites(table, versions, &provider),
        kx_groups: curves(table, &provider),
        ..provider
    }
}

/// Suites that Go supports and ring does not; all of them use CBC.
const UNSUPPORTED_SUITES: [&str; 4] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

/// As in Go, the list applies to TLS 1.2 only: all suites of TLS 1.3 are secure, and always
/// enabled.
fn cipher_suites(
    table: &Table<'_>,
    versions: &[&SupportedProtocolVersion],
    provider: &CryptoProvider,
) -> Vec<SupportedCipherSuite> {
    const KEY: &str = "cipher_suites";
    let names = table.texts(KEY).unwrap_or_default();
    if names.is_empty() {
        return provider.cipher_suites.clone();
    }
    let is_tls13 = |suite: &SupportedCipherSuite| matches!(suite, SupportedCipherSuite::Tls13(_));
    let mut suites: Vec<SupportedCipherSuite> =
        provider.cipher_suites.iter().filter(|suite| is_tls13(suite)).copied().collect();
    for name in &names {
        match provider.cipher_suites.iter().find(|suite| go_name(suite) == *name) {
            Some(suite) if suites.contains(suite) => {}
            Some(suite) => suites.push(*suite),
            None if UNSUPPORTED_SUITES.contains(&name.as_str()) => {
                table.warning(KEY, format!("{name} is not supported and is ignored"));
            }
            None => {
                let known = provider.cipher_suites.iter().map(go_name).collect::<Vec<_>>().join(", ");
                table.problem(KEY, format!("{name:?} must be one of {known}"));
            }
        }
    }
    if versions.contains(&&TLS12) && suites.iter().all(is_tls13) {
        table.problem(KEY, "none of them is for TLS 1.2: add one, or set min_version: TLS13");
    }
    suites
}

/// Go and the IANA registry use `TLS_AES_...` where rustls uses `TLS13_AES_...`.
fn go_name(suite: &SupportedCipherSuite) -> String {
    let name = suite.suite().as_str().unwrap_or_default();
    name.strip_prefix("TLS13_").map_or_else(|| name.to_owned(), |rest| format!("TLS_{rest}"))
}

fn curves(table: &Table<'_>, provider: &CryptoProvider) -> Vec<&'static dyn SupportedKxGroup> {
    const KEY: &str = "curve_preferences";
    const CHOICES: [(&str, Option<NamedGroup>); 4] = [
        ("X25519", Some(NamedGroup::X25519)),
        ("CurveP256", Some(NamedGroup::secp256r1)),
        ("CurveP384", Some(NamedGroup::secp384r1)),
        ("CurveP521", None),
    ];
    let names = table.texts(KEY).unwrap_or_default();
    if names.is_empty() {
        return provider.kx_groups.clone();
    }
    let mut curves: Vec<&'static dyn SupportedKxGroup> = Vec::new();
    let mut has_problem = false;
    for name in &names {
        match CHOICES.iter().find(|(known, _)| known == name) {
            Some((_, Some(group))) => {
                curves.extend(provider.kx_groups.iter().filter(|known| known.name() == *group));
            }
            Some((_, None)) => table.warning(KEY, format!("{name} is not supported and is ignored")),
            None => {
                has_problem = true;
                let known = CHOICES.map(|(known, _)| known).join(", ");
                table.problem(KEY, format!("{name:?} must be one of {known}"));
            }
        }
    }
    if curves.is_empty() && !has_problem {
        table.problem(KEY, "none of them is supported: add X25519, CurveP256 or CurveP384");
    }
    curves
}
