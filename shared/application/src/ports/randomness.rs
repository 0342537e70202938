//! Random values that nobody can guess, as a port, so that a test chooses them.

use crate::store_error::StoreError;

/// A source of secrets.
pub trait RandomSource: Send + Sync {
    /// 256 random bits as 43 characters of URL-safe base64.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the machine has no randomness.
    fn secret(&self) -> Result<String, StoreError>;
}
