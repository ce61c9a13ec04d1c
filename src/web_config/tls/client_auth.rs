//! Certificates of clients: whether the server requests, requires and verifies them, and the names
//! that it accepts.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};

use super::pem::{PemSource, parse_certificates};
use super::san;
use crate::document::Table;
use crate::web_config::file_watch::FileSnapshot;

const POLICY: &str = "client_auth_type";
const AUTHORITY: &str = "client_ca_file";
const NAMES: &str = "client_allowed_sans";

/// The policies of the toolkit, which are those of Go's `tls.ClientAuthType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClientAuthPolicy {
    NoClientCert,
    RequestClientCert,
    RequireAnyClientCert,
    VerifyClientCertIfGiven,
    RequireAndVerifyClientCert,
}

impl ClientAuthPolicy {
    const CHOICES: [(&'static str, Self); 6] = [
        ("NoClientCert", Self::NoClientCert),
        ("RequestClientCert", Self::RequestClientCert),
        ("RequireAnyClientCert", Self::RequireAnyClientCert),
        ("VerifyClientCertIfGiven", Self::VerifyClientCertIfGiven),
        ("RequireAndVerifyClientCert", Self::RequireAndVerifyClientCert),
        // An older name that the toolkit accepts, too.
        ("RequireClientCert", Self::RequireAnyClientCert),
    ];

    fn is_verifying(self) -> bool {
        matches!(self, Self::VerifyClientCertIfGiven | Self::RequireAndVerifyClientCert)
    }

    fn is_requiring(self) -> bool {
        matches!(self, Self::RequireAnyClientCert | Self::RequireAndVerifyClientCert)
    }
}

/// The verifier of client certificates; `None` if a problem was reported.
pub(super) fn verifier(
    table: &Table<'_>,
    provider: &Arc<CryptoProvider>,
    files: &mut FileSnapshot,
) -> Option<Arc<dyn ClientCertVerifier>> {
    let is_set = table.text(POLICY).is_some();
    let policy = match table.choice(POLICY, &ClientAuthPolicy::CHOICES) {
        None if is_set => return None,
        policy => policy.unwrap_or(ClientAuthPolicy::NoClientCert),
    };
    let allowed_names = table.texts(NAMES).unwrap_or_default();
    let roots = match PemSource::read(table, "client_ca", AUTHORITY, files) {
        PemSource::Found { name, text } => Some(roots(table, name, &text)?),
        PemSource::Absent => None,
        PemSource::Invalid => return None,
    };
    if policy == ClientAuthPolicy::NoClientCert {
        return no_client_auth(table, roots.is_some(), !allowed_names.is_empty());
    }
    if !allowed_names.is_empty() && !policy.is_verifying() {
        let message = "unverified certificates can contain any name: set client_auth_type: \
                       RequireAndVerifyClientCert";
        table.warning(NAMES, message);
    }
    let chain_verifier = match policy.is_verifying() {
        true => Some(chain_verifier(table, provider, roots)?),
        false => None,
    };
    Some(Arc::new(ClientVerifier {
        chain_verifier,
        is_required: policy.is_requiring(),
        allowed_names,
        algorithms: provider.signature_verification_algorithms,
    }))
}

/// The verifier of the policy `NoClientCert`. With an authority or names and no policy, the toolkit
/// admits every client; here that is a problem.
fn no_client_auth(
    table: &Table<'_>,
    has_authority: bool,
    has_names: bool,
) -> Option<Arc<dyn ClientCertVerifier>> {
    for (is_set, name) in [(has_authority, AUTHORITY), (has_names, NAMES)] {
        if is_set {
            let message = "has no effect without client_auth_type: set it to RequireAndVerifyClientCert";
            return table.reject(name, message);
        }
    }
    Some(Arc::new(NoClientAuth))
}

fn chain_verifier(
    table: &Table<'_>,
    provider: &Arc<CryptoProvider>,
    roots: Option<RootCertStore>,
) -> Option<Arc<dyn ClientCertVerifier>> {
    let roots = roots.or_else(|| system_roots(table))?;
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    match builder.build() {
        Ok(verifier) => Some(verifier),
        Err(error) => table.reject(AUTHORITY, format!("cannot be used: {error}")),
    }
}

fn roots(table: &Table<'_>, name: &str, text: &[u8]) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in parse_certificates(table, name, text)? {
        if let Err(error) = roots.add(certificate) {
            return table.reject(name, format!("has a certificate that cannot be used: {error}"));
        }
    }
    Some(roots)
}

/// The authorities of the operating system. As in Go, they are trusted if no authority is
/// configured.
fn system_roots(table: &Table<'_>) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return table
            .reject(AUTHORITY, "is missing, and the operating system has no certificate authorities");
    }
    table.warning(POLICY, "without client_ca_file, certificates of every public authority are accepted");
    Some(roots)
}

/// Adds to the verifier of rustls: certificates that are not verified, certificates that are
/// optional, and a list of allowed names.
#[derive(Debug)]
struct ClientVerifier {
    /// `None`: the chain is not verified; the client must only have the certificate's key.
    chain_verifier: Option<Arc<dyn ClientCertVerifier>>,
    is_required: bool,
    /// Subject alternative names, of which a certificate must have one; empty: any name.
    allowed_names: Vec<String>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for ClientVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain_verifier.as_ref().map_or(&[], |verifier| verifier.root_hint_subjects())
    }

    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(verifier) = &self.chain_verifier {
            verifier.verify_client_cert(end_entity, intermediates, now)?;
        }
        if self.allowed_names.is_empty() || san::has_any_name(end_entity, &self.allowed_names) {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
