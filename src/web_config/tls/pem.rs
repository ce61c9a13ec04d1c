//! Certificates and keys in PEM format, in the web configuration file or in a file that it names.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

use crate::document::{Table, strip_byte_order_mark};
use crate::web_config::file_watch::FileSnapshot;

/// A text in PEM format, and where it was found.
pub(super) enum PemSource {
    /// The text.
    Found {
        /// The key of the text or of the file's path; problems of the text are reported at it.
        name: &'static str,
        /// The text; it may be a private key.
        text: Zeroizing<Vec<u8>>,
    },
    /// Neither key is set.
    Absent,
    /// A problem was reported.
    Invalid,
}

impl PemSource {
    /// Reads the text at the key `inline`, or the file that the key `file` names.
    pub(super) fn read(
        table: &Table<'_>,
        inline: &'static str,
        file: &'static str,
        files: &mut FileSnapshot,
    ) -> Self {
        match (table.scalar(inline), table.text(file)) {
            (Some(_), Some(_)) => {
                table.problem(file, format!("cannot be combined with {inline}: remove one of them"));
                Self::Invalid
            }
            (Some(text), None) => Self::Found { name: inline, text: Zeroizing::new(text.into_bytes()) },
            (None, Some(path)) => match files.read(&path) {
                // The parser does not find a first line that begins with a byte order mark.
                Ok(text) => {
                    Self::Found { name: file, text: Zeroizing::new(strip_byte_order_mark(&text).to_vec()) }
                }
                Err(error) => {
                    table.problem(file, format!("cannot read {}: {error}", files.resolve(&path).display()));
                    Self::Invalid
                }
            },
            (None, None) => Self::Absent,
        }
    }
}

/// The certificates of a text, at least one. `None` if a problem was reported.
pub(super) fn parse_certificates(
    table: &Table<'_>,
    name: &str,
    text: &[u8],
) -> Option<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Some(certificates),
        _ => table.reject(name, "has no certificate in PEM format"),
    }
}
