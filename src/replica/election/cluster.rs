//! Where the Kubernetes API server is, and the credentials for it.
//!
//! What is not here: kubeconfigs (`kubeconfig`), and which of both is used (`connect`).

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::ClusterError;
use crate::aliyun::Secret;
use crate::document::{read_small_file, read_small_text, trim_text};

/// The directory with the files of the pod's service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Maximum size of a file of the service account.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// The namespace where nothing names another one.
const DEFAULT_NAMESPACE: &str = "default";

/// A cluster, and who the exporter is in it.
pub(super) struct Cluster {
    /// The base URL of the API server.
    pub(super) server: String,
    /// The certificates to trust, in PEM; `None` for those of this machine.
    pub(super) authorities: Option<Zeroizing<Vec<u8>>>,
    pub(super) token: Option<Token>,
    pub(super) certificate: Option<ClientCertificate>,
    /// The namespace of the service account, or of the kubeconfig's context.
    pub(super) namespace: Option<String>,
}

/// The token of a user.
pub(super) enum Token {
    Fixed(Secret),
    /// A file whose token changes: that of a service account is valid for an hour.
    File(PathBuf),
}

/// The certificate of a user and its key, in PEM.
pub(super) struct ClientCertificate {
    pub(super) chain: Zeroizing<Vec<u8>>,
    pub(super) key: Zeroizing<Vec<u8>>,
}

impl Cluster {
    /// The cluster in which this process is a pod.
    ///
    /// # Errors
    /// A file of the service account cannot be read.
    pub(super) fn of_pod(host: &str, port: &str) -> Result<Self, ClusterError> {
        Self::of_service_account(Path::new(SERVICE_ACCOUNT), host, port)
    }

    fn of_service_account(directory: &Path, host: &str, port: &str) -> Result<Self, ClusterError> {
        let failed = |path: &Path, source| ClusterError::ServiceAccount { path: path.to_owned(), source };
        let [authority, token, namespace] = ["ca.crt", "token", "namespace"].map(|name| directory.join(name));
        let authorities =
            read_small_file(&authority, MAX_FILE_BYTES).map_err(|source| failed(&authority, source))?;
        read_token(&token).map_err(|source| failed(&token, source))?;
        let namespace = read_small_text(&namespace, MAX_FILE_BYTES).ok();
        let namespace = namespace.map(|text| trim_text(&text).to_owned()).filter(|name| !name.is_empty());
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        Ok(Self {
            server: format!("https://{host}:{port}"),
            authorities: Some(authorities),
            token: Some(Token::File(token)),
            certificate: None,
            namespace,
        })
    }

    /// The namespace of the Lease: the given one, else that of the credentials.
    pub(super) fn namespace(&self, preferred: Option<&str>) -> String {
        let preferred = preferred.map(str::trim).filter(|name| !name.is_empty());
        preferred.or(self.namespace.as_deref()).unwrap_or(DEFAULT_NAMESPACE).to_owned()
    }
}

impl Token {
    /// The token that is valid now.
    ///
    /// # Errors
    /// The file cannot be read, or is empty.
    pub(super) fn current(&self) -> Result<Secret, ClusterError> {
        match self {
            Self::Fixed(token) => Ok(token.clone()),
            Self::File(path) => {
                read_token(path).map_err(|source| ClusterError::Token { path: path.clone(), source })
            }
        }
    }
}

fn read_token(path: &Path) -> io::Result<Secret> {
    let text = read_small_text(path, MAX_FILE_BYTES)?;
    let token = trim_text(&text);
    if token.is_empty() {
        return Err(io::Error::other("the file is empty"));
    }
    Ok(Secret::new(token.to_owned()))
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("server", &self.server).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service_account(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        directory
    }

    #[test]
    fn a_pod_uses_its_service_account_and_reads_the_token_again() {
        let directory =
            service_account(&[("ca.crt", "authority"), ("token", "one\n"), ("namespace", "monitoring\n")]);
        for (host, server) in [("10.96.0.1", "https://10.96.0.1:443"), ("fd00::1", "https://[fd00::1]:443")] {
            let cluster = Cluster::of_service_account(directory.path(), host, "443").unwrap();
            assert_eq!(cluster.server, server);
        }
        let cluster = Cluster::of_service_account(directory.path(), "10.96.0.1", "443").unwrap();
        let token = || cluster.token.as_ref().unwrap().current().unwrap().expose().to_owned();
        assert_eq!(token(), "one");
        std::fs::write(directory.path().join("token"), "two").unwrap();
        assert_eq!(token(), "two");
    }

    #[test]
    fn the_namespace_is_the_configured_one_or_that_of_the_service_account_or_the_default() {
        let namespaced = service_account(&[("ca.crt", "-"), ("token", "-"), ("namespace", "other\n")]);
        let plain = service_account(&[("ca.crt", "-"), ("token", "-")]);
        let cluster =
            |directory: &tempfile::TempDir| Cluster::of_service_account(directory.path(), "h", "1").unwrap();
        assert_eq!(cluster(&namespaced).namespace(Some("monitoring")), "monitoring");
        assert_eq!(cluster(&namespaced).namespace(Some("")), "other");
        assert_eq!(cluster(&plain).namespace(None), "default");
    }

    #[test]
    fn the_error_of_a_pod_without_a_token_names_the_setting_that_provides_it() {
        for files in
            [&[("token", "one")][..], &[("ca.crt", "authority")], &[("ca.crt", "authority"), ("token", " ")]]
        {
            let directory = service_account(files);
            let error = Cluster::of_service_account(directory.path(), "10.96.0.1", "443").unwrap_err();
            assert!(error.to_string().contains("automountServiceAccountToken"), "{error}");
        }
    }
}
