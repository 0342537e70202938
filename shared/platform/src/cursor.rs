//! Signed cursors of paged lists.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use stockline_application::paging::Position;

/// The length of an HMAC-SHA-256 tag, in bytes.
const TAG_LENGTH: usize = 32;

/// Signs and verifies cursors. A cursor is the base64url of an HMAC-SHA-256 tag followed by the position as JSON.
#[derive(Clone)]
pub struct CursorKey(Vec<u8>);

/// A cursor that this deployment did not sign for this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the next_cursor of an earlier page of this list")]
pub struct InvalidCursor;

impl CursorKey {
    /// Creates the key from the deployment's secret.
    pub fn new(secret: &str) -> Self {
        Self(secret.as_bytes().to_vec())
    }

    /// Returns the cursor for `position` in `list`. It is rejected by every other list.
    pub fn seal(&self, list: &str, position: &Position) -> String {
        let body = serde_json::to_vec(position).unwrap_or_default();
        let mut sealed = self.mac(list, &body).finalize().into_bytes().to_vec();
        sealed.extend(body);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Returns the position of `cursor` in `list`.
    pub fn open(&self, list: &str, cursor: &str) -> Result<Position, InvalidCursor> {
        let sealed = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| InvalidCursor)?;
        let (tag, body) = sealed.split_at_checked(TAG_LENGTH).ok_or(InvalidCursor)?;
        self.mac(list, body)
            .verify_slice(tag)
            .map_err(|_| InvalidCursor)?;
        serde_json::from_slice(body).map_err(|_| InvalidCursor)
    }

    #[allow(clippy::expect_used, reason = "HMAC accepts keys of any length")]
    fn mac(&self, list: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC accepts keys of any length");
        mac.update(list.as_bytes());
        mac.update(&[0]);
        mac.update(body);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_opens_only_unchanged_and_in_its_own_list() {
        let key = CursorKey::new("secret");
        let position = Position::from([("pk".to_owned(), "a#b".to_owned())]);
        let cursor = key.seal("orders", &position);
        assert_eq!(key.open("orders", &cursor), Ok(position));
        assert_eq!(key.open("stock", &cursor), Err(InvalidCursor));
        assert_eq!(
            CursorKey::new("other").open("orders", &cursor),
            Err(InvalidCursor)
        );
        for broken in ["", "x", &cursor[1..], &format!("{cursor}AA")] {
            assert_eq!(key.open("orders", broken), Err(InvalidCursor));
        }
    }
}
