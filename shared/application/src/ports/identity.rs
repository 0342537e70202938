//! Where the identity provider's public keys come from.

use std::future::Future;

use crate::store_error::StoreError;

/// Knows the identity provider's key set.
pub trait KeySetSource: Send + Sync {
    /// The JSON Web Key Set (RFC 7517), as the provider publishes it now.
    fn fetch(&self) -> impl Future<Output = Result<String, StoreError>> + Send;
}
