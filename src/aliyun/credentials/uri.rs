//! A URL that hands out credentials, such as a sidecar's.

use std::time::Duration;

use reqwest::{Method, Url};

use super::super::Scheme;
use super::provider::{Fetching, Provider};
use super::web::{Answer, Web};
use super::{Credentials, Error, Surroundings, answer};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// A credentials URI.
pub(super) struct Uri {
    url: Url,
    web: Web,
}

impl Uri {
    /// The [name](Provider::name).
    pub(super) const NAME: &'static str = "uri";

    /// Without a scheme, plain HTTP is meant. The URL is in no error: its query may be a secret.
    pub(super) fn new(uri: &str, surroundings: &Surroundings) -> Result<Self, Error> {
        let url = parse(uri)
            .ok_or_else(|| Error::new(Self::NAME, "the credentials URI is no http or https URL"))?;
        let scheme = if url.scheme() == "https" { Scheme::Https } else { Scheme::Http };
        let web = Web::new(scheme, CONNECT_TIMEOUT, READ_TIMEOUT, surroundings).map_err(|error| {
            Error::new(Self::NAME, "no client for the credentials URI").with_source(error)
        })?;
        Ok(Self { url, web })
    }

    async fn ask(&self) -> Result<Credentials, Error> {
        let answer = self.web.ask("credentials", Method::GET, self.url.clone(), None).await;
        match answer {
            Ok(Answer { status: 200, body }) => answer::flat(Self::NAME, &body),
            Ok(Answer { status, .. }) => {
                Err(Error::new(Self::NAME, format!("the credentials URI answers with status {status}")))
            }
            Err(error) => {
                Err(Error::new(Self::NAME, "the credentials URI doesn't answer").with_source(error))
            }
        }
    }
}

impl Provider for Uri {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.ask())
    }
}

/// Reads a credentials URI; `None` where it is no URL to ask.
pub fn parse(uri: &str) -> Option<Url> {
    let uri = uri.trim();
    let url = if uri.contains("://") { Url::parse(uri) } else { Url::parse(&format!("http://{uri}")) };
    url.ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_scheme_plain_http_is_meant_and_the_query_is_kept() {
        let text = |uri| parse(uri).map(|url| url.to_string());
        assert_eq!(text("127.0.0.1:1/x?a=b").as_deref(), Some("http://127.0.0.1:1/x?a=b"));
        assert_eq!(text("localhost:1").as_deref(), Some("http://localhost:1/"));
        assert_eq!(text("https://a/b").as_deref(), Some("https://a/b"));
        for uri in ["", "ftp://a/b", "http://", "<secret>"] {
            assert_eq!(text(uri), None, "{uri}");
        }
    }
}
