//! The URL of a service that returns credentials.

use std::fmt;

use reqwest::Url;

/// An `http` or `https` URL that returns credentials.
///
/// Its user, password, query and fragment may be secret, so they are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct CredentialsUri(String);

impl CredentialsUri {
    /// Parses `http://...` or `https://...`; a text without a scheme means plain HTTP. `None` for
    /// any other text.
    pub fn parse(text: &str) -> Option<Self> {
        parse_url(text).map(|_| Self(text.trim().to_owned()))
    }

    /// The whole URL, for the request only.
    pub(super) fn url(&self) -> Url {
        parse_url(&self.0).expect("`CredentialsUri::parse` has parsed this text before")
    }
}

fn parse_url(text: &str) -> Option<Url> {
    let text = text.trim();
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("http://{text}")) };
    url.ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

impl fmt::Display for CredentialsUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = shown.split_once("://").unwrap_or(("http", shown));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        write!(f, "{scheme}://{host}{path}")
    }
}

impl fmt::Debug for CredentialsUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_without_a_scheme_means_plain_http_and_keeps_its_query() {
        let url = |text| CredentialsUri::parse(text).map(|uri| uri.url().to_string());
        assert_eq!(url("127.0.0.1:1/x?a=b").as_deref(), Some("http://127.0.0.1:1/x?a=b"));
        assert_eq!(url("localhost:1").as_deref(), Some("http://localhost:1/"));
        assert_eq!(url("https://a/b").as_deref(), Some("https://a/b"));
        for text in ["", "ftp://a/b", "http://", "<secret>"] {
            assert_eq!(url(text), None, "{text}");
        }
    }

    #[test]
    fn a_uri_is_shown_without_the_parts_that_may_be_secret() {
        for (text, shown) in [
            ("localhost:1/x?key=hunter2", "http://localhost:1/x"),
            ("https://u:hunter2@host/a/b", "https://host/a/b"),
            ("http://host#hunter2", "http://host"),
        ] {
            let uri = CredentialsUri::parse(text).unwrap();
            assert_eq!(format!("{uri} {uri:?}"), format!("{shown} {shown}"));
            assert!(CredentialsUri::parse(&uri.to_string()).is_some(), "the shown form parses again");
        }
    }
}
