//! Keys that never change while the process runs.

use std::sync::Arc;

use super::{Credentials, Pending, Source};

/// Hands out the same credentials for ever.
#[derive(Debug)]
pub struct StaticSource {
    name: &'static str,
    credentials: Arc<Credentials>,
}

impl StaticSource {
    /// A source named `access_key`.
    pub fn new(credentials: Credentials) -> Self {
        Self::named("access_key", credentials)
    }

    /// A source that says where its keys were read, e.g. `environment`.
    pub fn named(name: &'static str, credentials: Credentials) -> Self {
        Self { name, credentials: Arc::new(credentials) }
    }
}

impl Source for StaticSource {
    fn name(&self) -> &'static str {
        self.name
    }

    fn current(&self) -> Pending<'_> {
        Box::pin(std::future::ready(Ok(Arc::clone(&self.credentials))))
    }

    /// There are no others to be had.
    fn refused(&self, _credentials: &Credentials) {}
}

#[cfg(test)]
mod tests {
    use super::super::super::Secret;
    use super::*;

    #[tokio::test]
    async fn static_keys_stay_whatever_the_service_says() {
        let credentials = Credentials::new("id", Secret::new("secret"), None);
        let source = StaticSource::new(credentials.clone());
        source.refused(&credentials);
        assert_eq!(*source.current().await.unwrap(), credentials);
        assert_eq!(source.name(), "access_key");
    }
}
