//! Values that must not be shown: secrets, and proxies with a password.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::aliyun::Secret;
use crate::document::{read_small_text, trim_text};

/// Shown in place of a secret.
pub(super) const REDACTED: &str = "<secret>";

/// 64 KiB. A secret has less than a kilobyte; a larger file is probably the wrong one.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Whether `url` is `http://host:port` or `https://...`, with or without `user:password@`.
pub(super) fn is_proxy_url(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    matches!(scheme, "http" | "https")
        && !host.is_empty()
        && !host.starts_with(':')
        && !host.contains(['/', '?', '#', '\\'])
        && !url.contains(|character: char| character.is_whitespace() || character.is_control())
}

/// A proxy's URL without its user name and password.
pub(super) fn redact_proxy_url(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{REDACTED}@{host}"),
        _ => url.to_owned(),
    }
}

/// The path of the secret's file, if the value of the key is `file:PATH`. The file can be read
/// again after the secret was rotated.
pub(super) fn file_of(text: &str) -> Option<PathBuf> {
    trim_text(text).strip_prefix("file:").map(PathBuf::from)
}

/// The secret that the value of a key stands for: `file:PATH`, `env:NAME`, or the secret itself.
/// White space and a byte order mark around a secret are dropped, because editors and `echo` add
/// them.
///
/// # Errors
/// The file cannot be read, the variable is not set, or one of them is empty. The message does not
/// contain the secret.
pub(super) fn resolve(text: &str, environment: &BTreeMap<String, String>) -> Result<Secret, String> {
    let text = trim_text(text);
    let secret = if let Some(path) = text.strip_prefix("file:") {
        let text = read_small_text(Path::new(path), MAX_SECRET_BYTES)
            .map_err(|error| format!("cannot read the secret file {path}: {error}"))?;
        Secret::new(trim_text(&text))
    } else if let Some(name) = text.strip_prefix("env:") {
        let value = environment.get(name);
        let value = value.ok_or_else(|| format!("the environment variable {name} is not set"))?;
        Secret::new(trim_text(value))
    } else {
        return Ok(Secret::new(text));
    };
    if secret.expose().is_empty() { Err(format!("{text} is empty")) } else { Ok(secret) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        let shown = redact_proxy_url("http://user:p@ss@proxy.example:3128");
        assert_eq!(shown, "http://<secret>@proxy.example:3128");
        assert!(is_proxy_url(&shown), "the shown form loads again");
        assert_eq!(redact_proxy_url(&shown), shown);
        assert_eq!(redact_proxy_url("http://proxy:3128"), "http://proxy:3128");
    }

    #[test]
    fn a_text_that_is_not_the_url_of_a_proxy_is_rejected() {
        for text in ["proxy:3128", "ftp://proxy", "http://", "http://user@", "http://a b"] {
            assert!(!is_proxy_url(text), "{text}");
        }
    }

    #[test]
    fn a_secret_comes_from_a_file_a_variable_or_itself() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("key");
        fs::write(&path, "top secret\r\n").expect("written");
        let variables = [("KEY", "from a variable"), ("MARKED", "\u{feff}marked\n")];
        let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let resolved = |text: &str| resolve(text, &environment).map(|secret| secret.expose().to_owned());
        assert_eq!(resolved(&format!("file:{}", path.display())).as_deref(), Ok("top secret"));
        assert_eq!(resolved("env:KEY").as_deref(), Ok("from a variable"));
        assert_eq!(resolved("env:MARKED").as_deref(), Ok("marked"));
        assert_eq!(resolved("itself").as_deref(), Ok("itself"));
        assert_eq!(resolved("\u{feff}itself\r\n").as_deref(), Ok("itself"));
        assert!(resolved("env:ABSENT").is_err_and(|message| message.contains("ABSENT")));
        assert!(resolved("file:/does/not/exist").is_err_and(|message| message.contains("/does/not/exist")));
        fs::write(&path, "\u{feff}top secret\n").expect("written");
        assert_eq!(resolved(&format!("file:{}", path.display())).as_deref(), Ok("top secret"));
        fs::write(&path, "\u{feff}\n").expect("written");
        assert!(
            resolved(&format!("file:{}", path.display())).is_err_and(|message| message.contains("is empty"))
        );
    }
}
