//! The subject alternative names of a certificate.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// Whether one of the certificate's subject alternative names (DNS, e-mail, IP, URI) is in
/// `allowed`. Names are not wildcards: they must be equal. A certificate that cannot be parsed has
/// no names.
pub(super) fn has_any_name(certificate: &CertificateDer<'_>, allowed: &[String]) -> bool {
    let Ok(certificate) = Certificate::from_der(certificate) else { return false };
    let Ok(Some((_, names))) = certificate.tbs_certificate().get_extension::<SubjectAltName>() else {
        return false;
    };
    names.0.iter().any(|name| match name {
        GeneralName::DnsName(name)
        | GeneralName::Rfc822Name(name)
        | GeneralName::UniformResourceIdentifier(name) => allowed.iter().any(|text| text == name.as_str()),
        GeneralName::IpAddress(bytes) => {
            // Addresses are compared after parsing, because `::1` and `0:0::1` are the same.
            let is_same = |text: &String| {
                text.parse().is_ok_and(|allowed: IpAddr| Some(allowed) == ip(bytes.as_bytes()))
            };
            allowed.iter().any(is_same)
        }
        _ => false,
    })
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|octets| Ipv4Addr::from(octets).into());
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(|octets| Ipv6Addr::from(octets).into())).ok()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn certificate(names: Vec<SanType>) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    fn is_accepted(certificate: &CertificateDer<'_>, allowed: &str) -> bool {
        has_any_name(certificate, &["other".to_owned(), allowed.to_owned()])
    }

    #[test]
    fn a_name_of_every_kind_is_matched_exactly() {
        let certificate = certificate(vec![
            SanType::DnsName("prometheus.example".try_into().unwrap()),
            SanType::DnsName("*.example".try_into().unwrap()),
            SanType::Rfc822Name("ops@example".try_into().unwrap()),
            SanType::URI("spiffe://example/prometheus".try_into().unwrap()),
            SanType::IpAddress("192.0.2.1".parse().unwrap()),
            SanType::IpAddress("2001:db8::1".parse().unwrap()),
        ]);
        for allowed in [
            "prometheus.example",
            "*.example",
            "ops@example",
            "spiffe://example/prometheus",
            "192.0.2.1",
            "2001:db8::1",
            "2001:0db8:0::1",
        ] {
            assert!(is_accepted(&certificate, allowed), "{allowed}");
        }
        for refused in ["example", "a.example", "prometheus.example.", "ops", "192.0.2.2", ""] {
            assert!(!is_accepted(&certificate, refused), "{refused}");
        }
    }

    #[test]
    fn a_certificate_without_names_and_an_invalid_one_have_no_name() {
        assert!(!is_accepted(&certificate(Vec::new()), "prometheus.example"));
        assert!(!is_accepted(&CertificateDer::from(vec![1, 2, 3]), "prometheus.example"));
    }
}
