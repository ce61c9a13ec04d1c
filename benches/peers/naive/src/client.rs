//! The client of the API: signs requests with ACS3-HMAC-SHA256, and requests whole lists.

use std::time::Duration;

use chrono::Utc;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Error;

/// The client of one endpoint.
pub struct Client {
    endpoint: String,
    http: reqwest::Client,
}

impl Client {
    pub fn new(endpoint: String) -> Result<Self, Error> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { endpoint, http })
    }

    async fn call(&self, action: &str, query: &[(&str, String)]) -> Result<Value, Error> {
        let mut pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.sort();
        let query = pairs.join("&");
        let payload = hex::encode(Sha256::digest(b""));
        let headers = [
            ("host", self.endpoint.clone()),
            ("x-acs-action", action.to_string()),
            ("x-acs-content-sha256", payload.clone()),
            ("x-acs-date", Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string()),
            ("x-acs-signature-nonce", Uuid::new_v4().to_string()),
            ("x-acs-version", "2021-09-01".to_string()),
        ];
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let canonical: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let request = format!("POST\n/\n{query}\n{canonical}\n{names}\n{payload}");
        let text = format!("ACS3-HMAC-SHA256\n{}", hex::encode(Sha256::digest(request.as_bytes())));
        let mut mac = Hmac::<Sha256>::new_from_slice(b"measured-secret")?;
        mac.update(text.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let mut request = self.http.post(format!("http://{}/?{query}", self.endpoint));
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        let authorization =
            format!("ACS3-HMAC-SHA256 Credential=measured,SignedHeaders={names},Signature={signature}");
        let response = request.header("authorization", authorization).send().await?;
        Ok(response.error_for_status()?.json().await?)
    }

    /// The entries of all pages of a list.
    pub async fn list(
        &self,
        action: &str,
        field: &str,
        query: &[(&str, String)],
    ) -> Result<Vec<Value>, Error> {
        let mut found = Vec::new();
        for number in 1.. {
            let mut query = query.to_vec();
            query.push(("PageSize", "100".into()));
            query.push(("PageNumber", number.to_string()));
            let mut body = self.call(action, &query).await?;
            let total = body["TotalCount"].as_u64().unwrap_or(0);
            let Value::Array(mut entries) = body[field].take() else { break };
            let is_empty = entries.is_empty();
            found.append(&mut entries);
            if is_empty || found.len() as u64 >= total {
                break;
            }
        }
        Ok(found)
    }
}
