//! Whether two requests under one idempotency key ask for the same.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The SHA-256 of a request's meaning: two bodies that differ only in white space or order of fields have one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of `request` as it was understood.
    pub fn of<T: Serialize>(request: &T) -> Result<Self, serde_json::Error> {
        let digest = Sha256::digest(serde_json::to_vec(request)?);
        Ok(Self(URL_SAFE_NO_PAD.encode(digest)))
    }

    /// As stored: 43 characters of URL-safe base64.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
