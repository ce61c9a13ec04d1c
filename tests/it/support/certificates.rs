//! A certificate authority for tests, and the certificates that it signs.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};

/// Signs certificates of servers and clients.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = named(name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Writes the certificate of the authority.
    pub fn write(&self, path: &Path) {
        fs::write(path, &self.pem).unwrap();
    }

    /// Writes `NAME.crt` and `NAME.key`, for these DNS names and IP addresses.
    pub fn sign(&self, directory: &Path, name: &str, sans: &[&str]) -> (PathBuf, PathBuf) {
        let mut params =
            CertificateParams::new(sans.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        params.distinguished_name = named(name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let paths = (directory.join(format!("{name}.crt")), directory.join(format!("{name}.key")));
        // Files are replaced as a whole, as in a rotation of certificates.
        for (path, text) in [(&paths.0, certificate.pem()), (&paths.1, key.serialize_pem())] {
            let temporary = path.with_extension("new");
            fs::write(&temporary, text).unwrap();
            fs::rename(&temporary, path).unwrap();
        }
        paths
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}
