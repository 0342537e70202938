//! The identity provider's key set: published at an address, or given with the configuration.

use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;

use stockline_application::ports::identity::KeySetSource;
use stockline_application::store_error::StoreError;

/// The longest that a caller waits for the provider; the first request of an environment waits for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where the key set is.
#[derive(Debug, Clone)]
pub enum KeySet {
    /// It came with the configuration and changes with a deployment.
    Given(String),
    /// It is fetched from this address.
    Published(Client, String),
}

impl KeySet {
    /// At `url`. Whoever can answer in the provider's place can be anyone, so only a local cloud may do without TLS.
    pub fn published(url: String, local: bool) -> Result<Self, StoreError> {
        // A provider that is installed already is as good: it is the only one in the build.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .https_only(!local)
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(StoreError::failed(
                "set up the connection to the identity provider",
            ))?;
        Ok(Self::Published(client, url))
    }
}

impl KeySetSource for KeySet {
    async fn fetch(&self) -> Result<String, StoreError> {
        match self {
            Self::Given(keys) => Ok(keys.clone()),
            Self::Published(client, url) => async {
                let response = client.get(url).send().await?.error_for_status()?;
                // A redirect is not followed, and what it says is no key set.
                response.text().await
            }
            .await
            .map_err(StoreError::failed("fetch the identity provider's keys")),
        }
    }
}
