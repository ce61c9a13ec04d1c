//! Certificates of clients: whether one is asked for, needed, verified, and whose it must be.

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

use super::san;
use super::{Pem, certificates_of, pem};
use crate::document::Table;
use crate::web_config::file_watch::Watched;

/// The policies of the toolkit, which are Go's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    NoClientCert,
    RequestClientCert,
    RequireAnyClientCert,
    VerifyClientCertIfGiven,
    RequireAndVerifyClientCert,
}

impl Policy {
    const WORDS: [(&'static str, Policy); 6] = [
        ("NoClientCert", Policy::NoClientCert),
        ("RequestClientCert", Policy::RequestClientCert),
        ("RequireAnyClientCert", Policy::RequireAnyClientCert),
        ("VerifyClientCertIfGiven", Policy::VerifyClientCertIfGiven),
        ("RequireAndVerifyClientCert", Policy::RequireAndVerifyClientCert),
        // An older name, which the toolkit takes too.
        ("RequireClientCert", Policy::RequireAnyClientCert),
    ];

    fn verifies(self) -> bool {
        matches!(self, Policy::VerifyClientCertIfGiven | Policy::RequireAndVerifyClientCert)
    }

    fn requires(self) -> bool {
        matches!(self, Policy::RequireAnyClientCert | Policy::RequireAndVerifyClientCert)
    }
}

/// The judge of clients; `None` where a problem was reported.
pub(crate) fn verifier(
    table: &Table<'_>,
    provider: &Arc<CryptoProvider>,
    watched: &mut Watched,
) -> Option<Arc<dyn ClientCertVerifier>> {
    const TYPE: &str = "client_auth_type";
    const SANS: &str = "client_allowed_sans";
    let misspelt = table.text(TYPE).is_some();
    let policy = match table.choice(TYPE, &Policy::WORDS) {
        None if misspelt => return None,
        policy => policy.unwrap_or(Policy::NoClientCert),
    };
    let allowed = table.texts(SANS).unwrap_or_default();
    let authority = pem(table, "client_ca", "client_ca_file", watched);
    let roots = match &authority {
        Pem::Found { name, text } => Some(roots(table, name, text)?),
        Pem::Absent => None,
        Pem::Broken => return None,
    };

    if policy == Policy::NoClientCert {
        // The toolkit takes names without a policy, and lets everybody in.
        for (given, name) in [(roots.is_some(), "client_ca_file"), (!allowed.is_empty(), SANS)] {
            if given {
                let message =
                    "has no effect without client_auth_type: write RequireAndVerifyClientCert there";
                table.problem(name, message);
                return None;
            }
        }
        return Some(Arc::new(NoClientAuth));
    }
    if !allowed.is_empty() && !policy.verifies() {
        table.warning(
            SANS,
            "anybody can make a certificate with these names: RequireAndVerifyClientCert verifies it",
        );
    }
    let verifier = match policy.verifies() {
        true => {
            let roots = roots.or_else(|| system_roots(table, TYPE))?;
            let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
            match builder.build() {
                Ok(verifier) => Some(verifier),
                Err(error) => {
                    table.problem("client_ca_file", format!("can't be used: {error}"));
                    return None;
                }
            }
        }
        false => None,
    };
    let algorithms = provider.signature_verification_algorithms;
    Some(Arc::new(Judge { verifier, required: policy.requires(), allowed, algorithms }))
}

fn roots(table: &Table<'_>, name: &str, text: &[u8]) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates_of(table, name, text)? {
        if let Err(error) = roots.add(certificate) {
            table.problem(name, format!("has a certificate that can't be used: {error}"));
            return None;
        }
    }
    Some(roots)
}

/// Without an authority of its own a Go server trusts those of its system.
fn system_roots(table: &Table<'_>, name: &str) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        table.problem("client_ca_file", "is missing, and this system has no authorities of its own");
        return None;
    }
    table.warning(name, "without client_ca_file every public authority's certificates are let in");
    Some(roots)
}

/// Judges by a policy that rustls itself doesn't know.
#[derive(Debug)]
struct Judge {
    /// `None`: whatever the client shows, if only it has the key.
    verifier: Option<Arc<dyn ClientCertVerifier>>,
    required: bool,
    /// Empty: any name.
    allowed: Vec<String>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for Judge {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.as_ref().map_or(&[], |verifier| verifier.root_hint_subjects())
    }

    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(verifier) = &self.verifier {
            verifier.verify_client_cert(end_entity, intermediates, now)?;
        }
        if self.allowed.is_empty() || san::names_any_of(end_entity, &self.allowed) {
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
