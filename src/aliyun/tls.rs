//! TLS of outgoing connections: its configuration, and the certificates that it trusts.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use rustls_native_certs::{CertificateResult, ErrorKind, load_certs_from_paths};

use super::credentials::environment::Environment;
use super::endpoint::Scheme;
use super::variable_error::VariableError;
use crate::document::{read_small_file, strip_byte_order_mark};

/// The file with the certificates to trust, in place of those of this machine.
const SSL_CERT_FILE: &str = "SSL_CERT_FILE";
/// Directories with certificates to trust, in place of those of this machine.
const SSL_CERT_DIR: &str = "SSL_CERT_DIR";
/// Maximum size of a file with certificates: 16 MiB, many times that of a bundle of all public
/// authorities.
const MAX_CERTIFICATE_FILE_BYTES: u64 = 16 * 1024 * 1024;
/// All variables that name certificates.
#[cfg(feature = "simulator")]
pub(super) const VARIABLES: [&str; 2] = [SSL_CERT_FILE, SSL_CERT_DIR];
const ADVICE: &str = "set it to certificates in PEM format, or unset it to trust those of this machine";

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The environment names certificates that cannot be used.
    #[error(transparent)]
    Variable(#[from] VariableError),
    /// The file of additional authorities cannot be used. The message is the rest of a sentence
    /// that begins with the key.
    #[error("ca_file {0}")]
    CaFile(String),
    /// None of the authorities to trust is a certificate in PEM format.
    #[error("none of the authorities to trust is a certificate in PEM format")]
    NoAuthority,
    /// The certificate or the key of this client is not in PEM format.
    #[error("the client certificate or its key is not in PEM format")]
    ClientCertificate,
    /// The TLS library refused its configuration.
    #[error("the TLS library cannot be configured")]
    Library(#[from] rustls::Error),
}

/// The TLS configuration: rustls with ring, and the certificates that the environment names, or
/// those that this machine trusts, or Mozilla's where there are none, as in minimal containers.
///
/// # Errors
/// The environment names certificates that cannot be used.
pub(super) fn tls_config(scheme: Scheme, environment: &Environment) -> Result<ClientConfig, TlsError> {
    // Plain HTTP does not need the certificates, which take time to read.
    let roots = match scheme {
        Scheme::Http => RootCertStore::empty(),
        Scheme::Https => trusted_roots(environment)?,
    };
    Ok(without_http_2(client_config(roots)?.with_no_client_auth()))
}

/// Like the TLS configuration of an account's client; also trusts the certificates in `ca_file`.
///
/// # Errors
/// The file or the environment names certificates that cannot be used.
pub fn tls_config_trusting(
    ca_file: Option<&Path>,
    environment: &Environment,
) -> Result<ClientConfig, TlsError> {
    let mut roots = trusted_roots(environment)?;
    if let Some(path) = ca_file {
        let certificates = read_file(path).map_err(TlsError::CaFile)?;
        _ = roots.add_parsable_certificates(certificates);
    }
    Ok(without_http_2(client_config(roots)?.with_no_client_auth()))
}

/// A TLS configuration that trusts only `authorities`, or those of this machine if there are none,
/// and shows a certificate, if there is one, with its key. All are in PEM format.
///
/// # Errors
/// One of them cannot be used.
#[cfg(feature = "kubernetes")]
pub fn tls_config_of(
    authorities: Option<&[u8]>,
    certificate: Option<(&[u8], &[u8])>,
) -> Result<ClientConfig, TlsError> {
    let roots = match authorities {
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates_in(pem));
            if roots.is_empty() {
                return Err(TlsError::NoAuthority);
            }
            roots
        }
        None => trusted_roots(&Environment::default())?,
    };
    let builder = client_config(roots)?;
    let Some((chain, key)) = certificate else { return Ok(without_http_2(builder.with_no_client_auth())) };
    let chain = certificates_in(chain);
    let key =
        rustls::pki_types::PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::ClientCertificate)?;
    if chain.is_empty() {
        return Err(TlsError::ClientCertificate);
    }
    Ok(without_http_2(builder.with_client_auth_cert(chain, key)?))
}

fn trusted_roots(environment: &Environment) -> Result<RootCertStore, VariableError> {
    let mut roots = RootCertStore::empty();
    match configured_certificates(environment)? {
        Some(certificates) => _ = roots.add_parsable_certificates(certificates),
        None => _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
    }
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok(roots)
}

fn client_config(roots: RootCertStore) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots))
}

/// The signature of a request covers `host`, which HTTP/2 replaces by `:authority`.
fn without_http_2(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// Checks the variables that connections of this scheme depend on.
///
/// # Errors
/// The environment names certificates that cannot be used.
pub(super) fn check_variables(scheme: Scheme, environment: &Environment) -> Result<(), VariableError> {
    match scheme {
        Scheme::Http => Ok(()),
        Scheme::Https => configured_certificates(environment).map(|_| ()),
    }
}

/// The certificates that the environment names, at least one; `None` if it names none. An operator
/// who names certificates wants no others to be trusted, so there is no fallback.
fn configured_certificates(
    environment: &Environment,
) -> Result<Option<Vec<CertificateDer<'static>>>, VariableError> {
    let mut certificates = match environment.get(SSL_CERT_FILE) {
        Some(path) => {
            read_file(Path::new(path)).map_err(|message| VariableError::new(SSL_CERT_FILE, message))?
        }
        None if environment.is_set(SSL_CERT_FILE) => {
            return Err(VariableError::new(SSL_CERT_FILE, format!("is empty: {ADVICE}")));
        }
        None => Vec::new(),
    };
    let Some(directories) = environment.get(SSL_CERT_DIR) else {
        return Ok(Some(certificates).filter(|certificates| !certificates.is_empty()));
    };
    let mut unreadable = None;
    for directory in std::env::split_paths(directories).filter(|path| !path.as_os_str().is_empty()) {
        let CertificateResult { certs, errors, .. } = load_certs_from_paths(None, Some(&directory));
        certificates.extend(certs);
        unreadable = unreadable.or_else(|| io_error(errors));
    }
    if certificates.is_empty() {
        let reason = unreadable.map_or_else(String::new, |error| format!(": {error}"));
        let message = format!("names no directory with a certificate in PEM format{reason}; {ADVICE}");
        return Err(VariableError::new(SSL_CERT_DIR, message));
    }
    Ok(Some(certificates))
}

/// The certificates in a file that a variable or configuration key names. The error is the rest of
/// a sentence that begins with that name.
fn read_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let shown = path.display();
    let text = read_small_file(path, MAX_CERTIFICATE_FILE_BYTES)
        .map_err(|error| format!("names {shown}, which cannot be read: {error}; {ADVICE}"))?;
    let certificates = certificates_in(strip_byte_order_mark(&text));
    let mut roots = RootCertStore::empty();
    if roots.add_parsable_certificates(certificates.iter().cloned()).0 == 0 {
        return Err(format!("names {shown}, which has no certificate in PEM format; {ADVICE}"));
    }
    Ok(certificates)
}

/// The certificates in a text in PEM format. Other text is skipped.
fn certificates_in(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect()
}

fn io_error(errors: Vec<rustls_native_certs::Error>) -> Option<io::Error> {
    errors.into_iter().find_map(|error| match error.kind {
        ErrorKind::Io { inner, .. } => Some(inner),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)]) -> Result<(), String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment = Environment::new(variables);
        let checked = check_variables(Scheme::Https, &environment);
        assert_eq!(tls_config(Scheme::Https, &environment).is_ok(), checked.is_ok());
        assert!(tls_config(Scheme::Http, &environment).is_ok(), "plain HTTP needs no certificates");
        checked.map_err(|error| error.to_string())
    }

    #[test]
    fn certificates_that_cannot_be_read_are_an_error_that_names_variable_and_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let (missing, empty, text) = (path("missing"), path("empty"), path("text"));
        std::fs::write(&empty, "").unwrap();
        std::fs::write(&text, "not a certificate\n").unwrap();
        let garbage = path("garbage");
        std::fs::write(&garbage, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        for (file, reason) in [
            (&missing, "cannot be read"),
            (&path(""), "cannot be read"),
            (&empty, "no certificate"),
            (&text, "no certificate"),
            (&garbage, "no certificate"),
        ] {
            let error = check(&[(SSL_CERT_FILE, file)]).unwrap_err();
            assert!(error.contains(SSL_CERT_FILE) && error.contains(file.as_str()), "{error}");
            assert!(error.contains(reason), "{error}");
        }
        assert!(check(&[(SSL_CERT_FILE, "")]).unwrap_err().contains("SSL_CERT_FILE is empty"));
        let empty_directory = tempfile::tempdir().unwrap();
        for directory in [&missing, &empty_directory.path().display().to_string()] {
            let error = check(&[(SSL_CERT_DIR, directory)]).unwrap_err();
            assert!(error.contains(SSL_CERT_DIR), "{error}");
        }
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[(SSL_CERT_DIR, "")]), Ok(()));
    }

    #[test]
    fn certificates_in_a_file_or_in_one_of_several_directories_are_trusted() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        let key = rcgen::generate_simple_self_signed(vec!["ca.example".to_owned()]).unwrap();
        std::fs::write(&file, key.cert.pem()).unwrap();
        let file = file.display().to_string();
        let directories = format!("/does/not/exist:{}", directory.path().display());
        assert_eq!(check(&[(SSL_CERT_FILE, &file)]), Ok(()));
        std::fs::write(&file, format!("\u{feff}{}", key.cert.pem())).unwrap();
        assert_eq!(check(&[(SSL_CERT_FILE, &file)]), Ok(()));
        std::fs::write(&file, key.cert.pem()).unwrap();
        assert_eq!(check(&[(SSL_CERT_DIR, &directories)]), Ok(()));
        assert_eq!(check(&[(SSL_CERT_FILE, &file), (SSL_CERT_DIR, "/does/not/exist")]), Ok(()));
    }
}
