//! The public keys of the identity provider.

use std::future::Future;

use crate::store_error::StoreError;

/// Fetches the identity provider's key set.
pub trait KeySetSource: Send + Sync {
    /// The current JSON Web Key Set (RFC 7517).
    fn fetch(&self) -> impl Future<Output = Result<String, StoreError>> + Send;
}
