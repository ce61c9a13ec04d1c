//! Reads a kubeconfig, for a replica that runs outside of a cluster.
//!
//! What is not here: users whose token a command prints, proxies, and certificates that are not
//! verified. A kubeconfig that needs them is refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::cluster::{ClientCertificate, Cluster, Token};
use super::error::ClusterError;
use crate::aliyun::Secret;
use crate::document::{read_small_file, read_small_text};

/// Maximum size of a kubeconfig, and of each file that it names.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// A file in the form of a kubeconfig. Unknown keys are skipped.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Kubeconfig {
    current_context: Option<String>,
    clusters: Vec<NamedCluster>,
    contexts: Vec<NamedContext>,
    users: Vec<NamedUser>,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    cluster: ClusterEntry,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct ClusterEntry {
    server: String,
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<String>,
    insecure_skip_tls_verify: bool,
    tls_server_name: Option<String>,
    proxy_url: Option<String>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: ContextEntry,
}

#[derive(Deserialize)]
struct ContextEntry {
    cluster: String,
    user: String,
    namespace: Option<String>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    user: UserEntry,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct UserEntry {
    #[serde(deserialize_with = "secret")]
    token: Option<Secret>,
    // The only key that kubectl writes in this way.
    #[serde(rename = "tokenFile")]
    token_file: Option<PathBuf>,
    client_certificate: Option<PathBuf>,
    client_certificate_data: Option<String>,
    client_key: Option<PathBuf>,
    #[serde(deserialize_with = "secret")]
    client_key_data: Option<Secret>,
    #[serde(flatten)]
    rest: BTreeMap<String, IgnoredAny>,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()).map(Secret::new))
}

/// Keys of a user that name another way to log in.
const UNSUPPORTED_LOGINS: [&str; 5] = ["exec", "auth-provider", "username", "as", "as-uid"];

/// The cluster of the current context. Of several files, the first one counts that names a context,
/// a cluster or a user, as for kubectl.
///
/// # Errors
/// A file cannot be read, or its current context cannot be used.
pub(super) fn read(paths: &[PathBuf]) -> Result<Cluster, ClusterError> {
    let parsed = paths.iter().map(|path| parse(path).map(|file| (path.as_path(), file)));
    let files = parsed.collect::<Result<Vec<_>, _>>()?;
    let first = paths.first().ok_or(ClusterError::Missing)?;
    let current =
        files.iter().find_map(|(_, file)| file.current_context.as_ref().filter(|name| !name.is_empty()));
    let current = current.ok_or_else(|| invalid(first, "it has no current-context"))?;
    let missing = |kind: &str, name: &str| invalid(first, format!("it has no {kind} `{name}`"));
    let (_, NamedContext { context, .. }) =
        find(&files, |file| file.contexts.iter().find(|named| named.name == *current))
            .ok_or_else(|| missing("context", current))?;
    let (cluster_path, NamedCluster { cluster, .. }) =
        find(&files, |file| file.clusters.iter().find(|named| named.name == context.cluster))
            .ok_or_else(|| missing("cluster", &context.cluster))?;
    let (user_path, NamedUser { user, .. }) =
        find(&files, |file| file.users.iter().find(|named| named.name == context.user))
            .ok_or_else(|| missing("user", &context.user))?;
    let authorities = authorities(cluster_path, cluster).map_err(|reason| invalid(cluster_path, reason))?;
    let (token, certificate) = credentials(user_path, user).map_err(|reason| invalid(user_path, reason))?;
    let namespace = context.namespace.clone().filter(|namespace| !namespace.is_empty());
    Ok(Cluster { server: cluster.server.clone(), authorities, token, certificate, namespace })
}

fn parse(path: &Path) -> Result<Kubeconfig, ClusterError> {
    let text = read_small_text(path, MAX_FILE_BYTES).map_err(|error| invalid(path, error.to_string()))?;
    // The text of the parser's error may quote a token.
    serde_saphyr::from_str(&text).map_err(|error| {
        let line = error.location().map_or_else(String::new, |at| format!(" at line {}", at.line()));
        invalid(path, format!("it is not valid YAML in the form of a kubeconfig{line}"))
    })
}

fn invalid(path: &Path, reason: impl Into<String>) -> ClusterError {
    ClusterError::Kubeconfig { path: path.to_owned(), reason: reason.into() }
}

/// The first file that has what `select` looks for.
fn find<'a, T>(
    files: &'a [(&'a Path, Kubeconfig)],
    select: impl Fn(&'a Kubeconfig) -> Option<&'a T>,
) -> Option<(&'a Path, &'a T)> {
    files.iter().find_map(|(path, file)| Some((*path, select(file)?)))
}

/// The certificates to trust.
fn authorities(path: &Path, cluster: &ClusterEntry) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
    if cluster.proxy_url.as_deref().is_some_and(|url| !url.is_empty()) {
        return Err("it names a proxy, which is not supported: remove proxy-url".to_owned());
    }
    if cluster.insecure_skip_tls_verify {
        return Err("insecure-skip-tls-verify is not supported: set certificate-authority".to_owned());
    }
    if cluster.tls_server_name.as_deref().is_some_and(|name| !name.is_empty()) {
        return Err("tls-server-name is not supported: name the server as its certificate does".to_owned());
    }
    data_or_file(
        path,
        "certificate-authority",
        cluster.certificate_authority_data.as_deref(),
        cluster.certificate_authority.as_deref(),
    )
}

fn credentials(path: &Path, user: &UserEntry) -> Result<(Option<Token>, Option<ClientCertificate>), String> {
    if let Some(name) = UNSUPPORTED_LOGINS.into_iter().find(|name| user.rest.contains_key(*name)) {
        return Err(format!("{name} is not supported: use a token, a tokenFile or a client certificate"));
    }
    let token = match (&user.token_file, &user.token) {
        (Some(file), _) => Some(Token::File(resolve(path, file))),
        (None, token) => token.clone().map(Token::Fixed),
    };
    let chain = data_or_file(
        path,
        "client-certificate",
        user.client_certificate_data.as_deref(),
        user.client_certificate.as_deref(),
    )?;
    let key_data = user.client_key_data.as_ref().map(Secret::expose);
    let key = data_or_file(path, "client-key", key_data, user.client_key.as_deref())?;
    match (chain, key) {
        (Some(chain), Some(key)) => Ok((token, Some(ClientCertificate { chain, key }))),
        (None, None) => Ok((token, None)),
        _ => Err("client-certificate and client-key belong together".to_owned()),
    }
}

/// The bytes of `KEY-data`, or of the file that `KEY` names.
fn data_or_file(
    kubeconfig: &Path,
    key: &str,
    data: Option<&str>,
    file: Option<&Path>,
) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
    if let Some(data) = data.filter(|data| !data.is_empty()) {
        let bytes = BASE64_STANDARD.decode(data.trim());
        return bytes
            .map(|bytes| Some(Zeroizing::new(bytes)))
            .map_err(|_| format!("{key}-data is not Base64"));
    }
    let Some(file) = file.filter(|file| !file.as_os_str().is_empty()) else { return Ok(None) };
    let path = resolve(kubeconfig, file);
    let bytes = read_small_file(&path, MAX_FILE_BYTES);
    bytes.map(Some).map_err(|error| format!("{key} {} cannot be read: {error}", path.display()))
}

/// A path in a kubeconfig, which is relative to its directory.
fn resolve(kubeconfig: &Path, path: &Path) -> PathBuf {
    kubeconfig.parent().map_or_else(|| path.to_owned(), |directory| directory.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Cluster, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config");
        std::fs::write(directory.path().join("ca.crt"), "authority").unwrap();
        std::fs::write(&path, text).unwrap();
        read(&[path]).map_err(|error| error.to_string())
    }

    fn kubeconfig(cluster: &str, user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             contexts:\n- name: c\n  context: {{cluster: k, user: u, namespace: monitoring}}\n\
             clusters:\n- name: k\n  cluster: {{server: 'https://10.0.0.1:6443', {cluster}}}\n\
             users:\n- name: u\n  user: {{{user}}}\n"
        )
    }

    #[test]
    fn the_current_context_names_server_authority_token_and_namespace() {
        let cluster = read_text(&kubeconfig("certificate-authority: ca.crt", "token: secret")).unwrap();
        assert_eq!(cluster.server, "https://10.0.0.1:6443");
        assert_eq!(cluster.authorities.as_deref().map(Vec::as_slice), Some(&b"authority"[..]));
        assert_eq!(cluster.namespace.as_deref(), Some("monitoring"));
        assert!(matches!(&cluster.token, Some(Token::Fixed(token)) if token.expose() == "secret"));
        let data = read_text(&kubeconfig("certificate-authority-data: YXV0aG9yaXR5", "")).unwrap();
        assert_eq!((data.authorities, data.token.is_none()), (cluster.authorities, true));
    }

    #[test]
    fn a_token_file_is_relative_to_the_kubeconfig_and_has_precedence() {
        let cluster = read_text(&kubeconfig("", "token: old, tokenFile: token")).unwrap();
        assert!(
            matches!(&cluster.token, Some(Token::File(path)) if path.is_absolute() && path.ends_with("token"))
        );
    }

    #[test]
    fn of_several_files_the_first_that_names_something_counts() {
        let directory = tempfile::tempdir().unwrap();
        let [first, second] = ["first", "second"].map(|name| directory.path().join(name));
        std::fs::write(&first, "users: [{name: u, user: {token: first}}]\n").unwrap();
        std::fs::write(&second, kubeconfig("", "token: second")).unwrap();
        let cluster = read(&[first, second]).unwrap();
        assert!(matches!(&cluster.token, Some(Token::Fixed(token)) if token.expose() == "first"));
    }

    #[test]
    fn what_is_not_supported_is_refused_with_advice() {
        for (cluster, user, part) in [
            ("proxy-url: 'http://proxy'", "", "remove proxy-url"),
            ("insecure-skip-tls-verify: true", "", "set certificate-authority"),
            ("tls-server-name: api", "", "tls-server-name is not supported"),
            ("certificate-authority: missing.crt", "", "cannot be read"),
            ("certificate-authority-data: '***'", "", "certificate-authority-data is not Base64"),
            ("", "exec: {command: aws}", "exec is not supported: use a token"),
            ("", "auth-provider: {name: gcp}", "auth-provider is not supported"),
            ("", "username: admin, password: hunter2", "username is not supported"),
            ("", "client-certificate: ca.crt", "belong together"),
        ] {
            let error = read_text(&kubeconfig(cluster, user)).err().unwrap();
            assert!(error.contains(part), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        for (text, part) in [
            ("", "no current-context"),
            ("current-context: c\n", "no context `c`"),
            ("current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n", "no cluster `k`"),
            ("users: [{name: u, user: {token: [hunter2]}}]", "not valid YAML in the form of a kubeconfig"),
            ("\u{0}", "not valid YAML"),
        ] {
            let error = read_text(text).err().unwrap();
            assert!(error.contains(part) && !error.contains("hunter2"), "{error}");
        }
        let missing = read(&[PathBuf::from("/missing/config")]).err().unwrap();
        assert!(missing.to_string().contains("/missing/config"), "{missing}");
    }
}
