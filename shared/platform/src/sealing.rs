//! Signed values: what this deployment gave out comes back unchanged, and in the place that it was meant for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The length of an HMAC-SHA-256 tag, in bytes.
const TAG_LENGTH: usize = 32;

/// Signs and verifies values. A sealed value is the base64url of an HMAC-SHA-256 tag followed by the content, which is readable.
#[derive(Clone)]
pub struct SealingKey(Vec<u8>);

/// A value that this deployment did not seal for this purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value is not sealed by this deployment for this purpose")]
pub struct BrokenSeal;

impl SealingKey {
    /// Creates the key from the deployment's secret.
    pub fn new(secret: &str) -> Self {
        Self(secret.as_bytes().to_vec())
    }

    /// Seals `content` for `purpose`. It cannot be opened for another purpose.
    pub fn seal(&self, purpose: &str, content: &[u8]) -> String {
        let mut sealed = self.mac(purpose, content).finalize().into_bytes().to_vec();
        sealed.extend(content);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Returns the content of a sealed value. The comparison takes the same time for every wrong tag.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<Vec<u8>, BrokenSeal> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| BrokenSeal)?;
        let (tag, content) = sealed.split_at_checked(TAG_LENGTH).ok_or(BrokenSeal)?;
        self.mac(purpose, content)
            .verify_slice(tag)
            .map_err(|_| BrokenSeal)?;
        Ok(content.to_vec())
    }

    #[allow(clippy::expect_used, reason = "HMAC accepts keys of any length")]
    fn mac(&self, purpose: &str, content: &[u8]) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC accepts keys of any length");
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(content);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_value_opens_only_unchanged_and_for_its_purpose() {
        let key = SealingKey::new("secret");
        let sealed = key.seal("session", b"content");
        assert_eq!(key.open("session", &sealed).unwrap(), b"content");
        assert_eq!(key.open("form", &sealed), Err(BrokenSeal));
        let other = SealingKey::new("other").open("session", &sealed);
        assert_eq!(other, Err(BrokenSeal));
        for broken in ["", "x", &sealed[1..], &format!("{sealed}AA")] {
            assert_eq!(key.open("session", broken), Err(BrokenSeal));
        }
    }
}
