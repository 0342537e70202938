//! Fingerprints of requests: whether two requests under one idempotency key are the same.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The SHA-256 of a parsed request. Bodies that differ only in white space or field order have the same fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of a parsed request.
    pub fn of<T: Serialize>(request: &T) -> Result<Self, serde_json::Error> {
        let digest = Sha256::digest(serde_json::to_vec(request)?);
        Ok(Self(URL_SAFE_NO_PAD.encode(digest)))
    }

    /// The stored form: 43 characters of URL-safe base64.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
