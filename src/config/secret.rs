//! Values that must not be shown: secrets, AccessKey ids, proxies with a password.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::aliyun::Secret;
use crate::aliyun::access_key::mask_id;
use crate::document::read_small_text;

/// What stands in place of a secret wherever a configuration is shown.
pub(super) const SHOWN: &str = "<secret>";

/// A key has less than a kilobyte; a larger file is probably the wrong one.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// The id of an AccessKey: shown by its last four characters only.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKeyId(String);

impl AccessKeyId {
    pub(super) fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The whole id, for signing.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_id(&self.0))
    }
}

impl fmt::Debug for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The URL of an HTTP proxy. User name and password in it are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy(String);

impl Proxy {
    /// Takes `http://host:port` or `https://...`, with or without `user:password@`.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let sound = matches!(scheme, "http" | "https")
            && !host.is_empty()
            && !host.starts_with(':')
            && !host.contains(['/', '?', '#', '\\'])
            && !url.contains(|character: char| character.is_whitespace() || character.is_control());
        sound.then(|| Self(url.to_owned()))
    }

    /// The whole URL, for the HTTP client.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.split_once("://"), self.0.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => write!(f, "{scheme}://{SHOWN}@{host}"),
            _ => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The file that an operator wrote for a secret, if it is one: whoever rotates the secret replaces it.
pub(super) fn file_of(text: &str) -> Option<PathBuf> {
    text.strip_prefix("file:").map(PathBuf::from)
}

/// Reads what the operator wrote for a secret: `file:PATH`, `env:NAME`, or the secret itself.
///
/// The error says what is wrong with the place, never what is in it.
pub(super) fn resolve(text: &str, environment: &BTreeMap<String, String>) -> Result<Secret, String> {
    let value = if let Some(path) = text.strip_prefix("file:") {
        let text = read_small_text(Path::new(path), MAX_SECRET_BYTES)
            .map_err(|error| format!("cannot read the secret file {path}: {error}"))?;
        // Editors and `echo` end a file with a newline that is not part of the secret.
        text.trim_end_matches(['\r', '\n']).to_owned()
    } else if let Some(name) = text.strip_prefix("env:") {
        let value = environment.get(name).cloned();
        value.ok_or_else(|| format!("the environment variable {name} isn't set"))?
    } else {
        return Ok(Secret::new(text));
    };
    if value.is_empty() { Err(format!("{text} is empty")) } else { Ok(Secret::new(value)) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_access_key_id_is_shown_by_its_last_four_characters() {
        let id = AccessKeyId::new("LTAI5tExampleKeyIdABCD");
        assert_eq!(format!("{id} {id:?}"), "…ABCD …ABCD");
        assert_eq!(AccessKeyId::new("abcdefg").to_string(), "…", "too short for a real id");
        assert_eq!(AccessKeyId::new("…ABCD").to_string(), "…ABCD");
    }

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        let proxy = Proxy::parse("http://user:p@ss@proxy.example:3128").expect("a proxy");
        assert_eq!(format!("{proxy}"), "http://<secret>@proxy.example:3128");
        assert_eq!(Proxy::parse(&proxy.to_string()).expect("loads again").to_string(), proxy.to_string());
        assert_eq!(Proxy::parse("http://proxy:3128").expect("a proxy").to_string(), "http://proxy:3128");
        for text in ["proxy:3128", "ftp://proxy", "http://", "http://user@", "http://a b"] {
            assert!(Proxy::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_secret_comes_from_a_file_a_variable_or_itself() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("key");
        fs::write(&path, "top secret\r\n").expect("written");
        let environment = BTreeMap::from([("KEY".to_owned(), "from a variable".to_owned())]);
        let resolved = |text: &str| resolve(text, &environment).map(|secret| secret.expose().to_owned());
        assert_eq!(resolved(&format!("file:{}", path.display())).as_deref(), Ok("top secret"));
        assert_eq!(resolved("env:KEY").as_deref(), Ok("from a variable"));
        assert_eq!(resolved("itself").as_deref(), Ok("itself"));
        assert!(resolved("env:ABSENT").is_err_and(|message| message.contains("ABSENT")));
        assert!(resolved("file:/does/not/exist").is_err_and(|message| message.contains("/does/not/exist")));
        fs::write(&path, "\n").expect("written");
        assert!(
            resolved(&format!("file:{}", path.display())).is_err_and(|message| message.contains("is empty"))
        );
    }
}
