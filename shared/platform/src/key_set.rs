//! The public keys of the identity provider: from a URL or from the configuration.

use std::time::Duration;

use reqwest::Client;

use stockline_application::ports::identity::KeySetSource;
use stockline_application::store_error::StoreError;

use crate::environment::{MissingVariable, optional, required};
use crate::http_client::{self, HttpClientError};

/// The time for one request to the provider. The first request of an execution environment waits for it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// The source of the key set.
#[derive(Debug, Clone)]
pub enum KeySet {
    /// The key set itself, from the configuration. It changes with a deployment.
    Given(String),
    /// The URL to fetch the key set from.
    Published(Client, String),
}

/// The key set is not configured, or its client could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum KeySetError {
    /// Neither `OIDC_JWKS` nor `OIDC_JWKS_URL` is set.
    #[error(transparent)]
    Missing(#[from] MissingVariable),
    /// The HTTP client could not be set up.
    #[error(transparent)]
    Client(#[from] HttpClientError),
}

impl KeySet {
    /// Takes the key set from `OIDC_JWKS`, or its URL from `OIDC_JWKS_URL`.
    pub fn from_env(is_local: bool) -> Result<Self, KeySetError> {
        match optional("OIDC_JWKS") {
            Some(keys) => Ok(Self::Given(keys)),
            None => Ok(Self::published(required("OIDC_JWKS_URL")?, is_local)?),
        }
    }

    /// Fetches the key set from `url`, which must be an HTTPS URL unless `is_local`.
    ///
    /// Whoever can answer in place of the provider can sign tokens for anyone, so only a local cloud may use plain HTTP.
    pub fn published(url: String, is_local: bool) -> Result<Self, HttpClientError> {
        let client = http_client::builder()
            .https_only(!is_local)
            .timeout(REQUEST_TIMEOUT)
            .build()?;
        Ok(Self::Published(client, url))
    }
}

impl KeySetSource for KeySet {
    async fn fetch(&self) -> Result<String, StoreError> {
        match self {
            Self::Given(keys) => Ok(keys.clone()),
            Self::Published(client, url) => async {
                // The body of a redirect is returned like any other. The caller rejects it, because it is no key set.
                let response = client.get(url).send().await?.error_for_status()?;
                response.text().await
            }
            .await
            .map_err(StoreError::failed("fetch the identity provider's keys")),
        }
    }
}
