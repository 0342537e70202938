//! The HTTP client for services other than AWS.

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

/// The HTTP client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up")]
pub struct HttpClientError(#[from] reqwest::Error);

/// Starts a client with rustls and ring, which does not follow redirects: a webhook and a key set have fixed URLs.
pub(crate) fn builder() -> ClientBuilder {
    // It fails if a provider is installed already. That one is ring too, because the build contains no other.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(Policy::none())
}
