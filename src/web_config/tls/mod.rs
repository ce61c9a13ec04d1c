//! TLS: from the section `tls_server_config` to what rustls needs.
//!
//! What is not here: reading the file again when it changes (`gate`), and the handshake (`handshake`).

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};
use zeroize::Zeroizing;

use super::file_watch::Watched;
use crate::document::Table;

mod client_auth;
mod san;

/// What the section says; `None` for plain HTTP, and where a problem was reported.
///
/// Unlike the toolkit, which serves plain HTTP then, a section without a certificate is a problem.
pub(crate) fn server(table: &Table<'_>, http2: bool, watched: &mut Watched) -> Option<Arc<ServerConfig>> {
    if table.is_empty() {
        return None;
    }
    table.allow(&[
        "cert",
        "key",
        "client_ca",
        "cert_file",
        "key_file",
        "client_ca_file",
        "client_auth_type",
        "client_allowed_sans",
        "min_version",
        "max_version",
        "cipher_suites",
        "prefer_server_cipher_suites",
        "curve_preferences",
    ]);
    let versions = versions(table);
    let provider = Arc::new(provider(table, &versions));
    let identity = identity(table, &provider, watched);
    let clients = client_auth::verifier(table, &provider, watched);
    let ignore_client_order = table.boolean("prefer_server_cipher_suites").unwrap_or(true);
    let (identity, clients) = (identity?, clients?);

    let builder = match ServerConfig::builder_with_provider(provider).with_protocol_versions(&versions) {
        Ok(builder) => builder,
        // A version without a suite; said already, or there would be both.
        Err(error) => {
            table.problem("cipher_suites", format!("nothing is left to speak TLS with: {error}"));
            return None;
        }
    };
    let mut config = builder
        .with_client_cert_verifier(clients)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
    config.ignore_client_order = ignore_client_order;
    config.alpn_protocols =
        [&b"h2"[..], b"http/1.1"][usize::from(!http2)..].iter().map(|p| p.to_vec()).collect();
    Some(Arc::new(config))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    /// 1.0 and 1.1, which RFC 8996 took back.
    Old,
    Tls12,
    Tls13,
}

fn versions(table: &Table<'_>) -> Vec<&'static SupportedProtocolVersion> {
    const WORDS: [(&str, Version); 4] = [
        ("TLS12", Version::Tls12),
        ("TLS13", Version::Tls13),
        ("TLS11", Version::Old),
        ("TLS10", Version::Old),
    ];
    let read = |name, default| match table.choice(name, &WORDS) {
        Some(Version::Old) => {
            table.problem(name, "TLS 1.0 and 1.1 are broken and not supported: write TLS12 or TLS13");
            default
        }
        version => version.unwrap_or(default),
    };
    let (least, most) = (read("min_version", Version::Tls12), read("max_version", Version::Tls13));
    if least > most {
        table.problem("max_version", "is below min_version");
    }
    let known = [(Version::Tls12, &TLS12), (Version::Tls13, &TLS13)];
    known
        .into_iter()
        .filter(|(version, _)| (least..=most).contains(version))
        .map(|(_, known)| known)
        .collect()
}

/// ring's algorithms, narrowed to what the operator listed and in that order.
fn provider(table: &Table<'_>, versions: &[&SupportedProtocolVersion]) -> CryptoProvider {
    let provider = ring::default_provider();
    CryptoProvider {
        cipher_suites: cipher_suites(table, versions, &provider),
        kx_groups: curves(table, &provider),
        ..provider
    }
}

/// Suites that Go knows and ring does not have: all of them CBC.
const WITHOUT_US: [&str; 4] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

/// The list is about TLS 1.2 alone, as in Go: those of 1.3 are all good, and all in use.
fn cipher_suites(
    table: &Table<'_>,
    versions: &[&SupportedProtocolVersion],
    provider: &CryptoProvider,
) -> Vec<SupportedCipherSuite> {
    const KEY: &str = "cipher_suites";
    let wanted = table.texts(KEY).unwrap_or_default();
    if wanted.is_empty() {
        return provider.cipher_suites.clone();
    }
    let is_13 = |suite: &SupportedCipherSuite| matches!(suite, SupportedCipherSuite::Tls13(_));
    let mut suites: Vec<SupportedCipherSuite> =
        provider.cipher_suites.iter().filter(|suite| is_13(suite)).copied().collect();
    for word in &wanted {
        match provider.cipher_suites.iter().find(|suite| go_name(suite) == *word) {
            Some(suite) if suites.contains(suite) => {}
            Some(suite) => suites.push(*suite),
            None if WITHOUT_US.contains(&word.as_str()) => {
                table.warning(KEY, format!("{word} is not supported and left out"));
            }
            None => {
                let known = provider.cipher_suites.iter().map(go_name).collect::<Vec<_>>().join(", ");
                table.problem(KEY, format!("{word:?} must be one of {known}"));
            }
        }
    }
    if versions.contains(&&TLS12) && suites.iter().all(is_13) {
        let message = "none of them is for TLS 1.2: list one, or write min_version: TLS13";
        table.problem(KEY, message);
    }
    suites
}

/// Go and the registry of IANA write `TLS_AES_...` where rustls writes `TLS13_AES_...`.
fn go_name(suite: &SupportedCipherSuite) -> String {
    let name = suite.suite().as_str().unwrap_or_default();
    name.strip_prefix("TLS13_").map_or_else(|| name.to_owned(), |rest| format!("TLS_{rest}"))
}

fn curves(table: &Table<'_>, provider: &CryptoProvider) -> Vec<&'static dyn SupportedKxGroup> {
    const KEY: &str = "curve_preferences";
    const WORDS: [(&str, Option<rustls::NamedGroup>); 4] = [
        ("X25519", Some(rustls::NamedGroup::X25519)),
        ("CurveP256", Some(rustls::NamedGroup::secp256r1)),
        ("CurveP384", Some(rustls::NamedGroup::secp384r1)),
        ("CurveP521", None),
    ];
    let wanted = table.texts(KEY).unwrap_or_default();
    if wanted.is_empty() {
        return provider.kx_groups.clone();
    }
    let mut curves: Vec<&'static dyn SupportedKxGroup> = Vec::new();
    let mut misspelt = false;
    for word in &wanted {
        match WORDS.iter().find(|(known, _)| known == word) {
            Some((_, Some(group))) => {
                curves.extend(provider.kx_groups.iter().filter(|known| known.name() == *group));
            }
            Some((_, None)) => table.warning(KEY, format!("{word} is not supported and left out")),
            None => {
                misspelt = true;
                let known = WORDS.map(|(known, _)| known).join(", ");
                table.problem(KEY, format!("{word:?} must be one of {known}"));
            }
        }
    }
    if curves.is_empty() && !misspelt {
        table.problem(KEY, "none of them is supported: list X25519, CurveP256 or CurveP384");
    }
    curves
}

/// The server's certificates and key, which must belong together.
fn identity(table: &Table<'_>, provider: &CryptoProvider, watched: &mut Watched) -> Option<CertifiedKey> {
    let certificates = pem(table, "cert", "cert_file", watched);
    let key = pem(table, "key", "key_file", watched);
    if matches!(certificates, Pem::Absent) {
        table.problem("cert_file", "is missing: TLS needs a certificate, here or as cert");
    }
    if matches!(key, Pem::Absent) {
        table.problem("key_file", "is missing: TLS needs the certificate's key, here or as key");
    }
    let chain = match certificates {
        Pem::Found { name, text } => certificates_of(table, name, &text),
        Pem::Absent | Pem::Broken => None,
    };
    let Pem::Found { name, text } = key else { return None };
    let key = match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => key,
        Err(_) => {
            table.problem(name, "has no private key in PEM that isn't encrypted");
            return None;
        }
    };
    CertifiedKey::from_der(chain?, key, provider)
        .map_err(|error| table.problem(name, format!("can't be used with the certificate: {error}")))
        .ok()
}

/// A text in PEM, in the file itself or in one that it names.
enum Pem {
    Found {
        /// The key that said it.
        name: &'static str,
        text: Zeroizing<Vec<u8>>,
    },
    Absent,
    /// A problem was reported.
    Broken,
}

fn pem(table: &Table<'_>, inline: &'static str, file: &'static str, watched: &mut Watched) -> Pem {
    match (table.scalar(inline), table.text(file)) {
        (Some(_), Some(_)) => {
            table.problem(file, format!("{inline} is there too: leave one of them out"));
            Pem::Broken
        }
        (Some(text), None) => Pem::Found { name: inline, text: Zeroizing::new(text.into_bytes()) },
        (None, Some(path)) => match watched.read(&path) {
            Ok(text) => Pem::Found { name: file, text },
            Err(error) => {
                table.problem(file, format!("{} cannot be read: {error}", watched.resolve(&path).display()));
                Pem::Broken
            }
        },
        (None, None) => Pem::Absent,
    }
}

/// At least one certificate.
fn certificates_of(table: &Table<'_>, name: &str, text: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Some(certificates),
        _ => {
            table.problem(name, "has no certificate in PEM");
            None
        }
    }
}
