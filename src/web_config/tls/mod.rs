//! The section `tls_server_config`, as the TLS configuration of the server.
//!
//! | module | contents |
//! |---|---|
//! | `algorithms` | versions, cipher suites and curves |
//! | `pem` | certificates and keys, inline or in files |
//! | `client_auth` | certificates of clients |
//! | `san` | subject alternative names of a certificate |
//!
//! What is not here: reloading when a file changes (`access`), and the handshake (`server`).

mod algorithms;
mod client_auth;
mod pem;
mod san;

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use self::pem::{PemSource, parse_certificates};
use super::file_watch::FileSnapshot;
use crate::document::Table;

const KEYS: [&str; 13] = [
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
];

/// The TLS configuration of the section. `None` if there is no section (plain HTTP), or if a
/// problem was reported.
///
/// A section without a certificate is a problem. The toolkit serves plain HTTP in that case.
pub(super) fn server_config(
    table: &Table<'_>,
    http2: bool,
    files: &mut FileSnapshot,
) -> Option<Arc<ServerConfig>> {
    if table.is_empty() {
        return None;
    }
    table.allow(&KEYS);
    let versions = algorithms::versions(table);
    let provider = Arc::new(algorithms::provider(table, &versions));
    let identity = identity(table, &provider, files);
    let client_verifier = client_auth::verifier(table, &provider, files);
    let ignore_client_order = table.boolean("prefer_server_cipher_suites").unwrap_or(true);
    let (identity, client_verifier) = (identity?, client_verifier?);

    let builder = match ServerConfig::builder_with_provider(provider).with_protocol_versions(&versions) {
        Ok(builder) => builder,
        Err(error) => return table.reject("cipher_suites", format!("cannot be used for TLS: {error}")),
    };
    let mut config = builder
        .with_client_cert_verifier(client_verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
    config.ignore_client_order = ignore_client_order;
    if http2 {
        config.alpn_protocols.push(b"h2".to_vec());
    }
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Some(Arc::new(config))
}

/// The server's certificate chain and its key.
fn identity(table: &Table<'_>, provider: &CryptoProvider, files: &mut FileSnapshot) -> Option<CertifiedKey> {
    let certificates = PemSource::read(table, "cert", "cert_file", files);
    let key = PemSource::read(table, "key", "key_file", files);
    if matches!(certificates, PemSource::Absent) {
        table.problem("cert_file", "is missing: TLS requires a certificate, as cert_file or as cert");
    }
    if matches!(key, PemSource::Absent) {
        table.problem("key_file", "is missing: TLS requires the certificate's key, as key_file or as key");
    }
    let chain = match certificates {
        PemSource::Found { name, text } => parse_certificates(table, name, &text),
        PemSource::Absent | PemSource::Invalid => None,
    };
    let PemSource::Found { name, text } = key else { return None };
    let Ok(key) = PrivateKeyDer::from_pem_slice(&text) else {
        return table.reject(name, "has no unencrypted private key in PEM format");
    };
    CertifiedKey::from_der(chain?, key, provider)
        .map_err(|error| table.problem(name, format!("cannot be used with the certificate: {error}")))
        .ok()
}
