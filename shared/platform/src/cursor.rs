//! Signed cursors of paged lists.

use stockline_application::paging::Position;

use crate::sealing::SealingKey;

/// Signs and verifies cursors. A cursor is a sealed position in JSON.
#[derive(Clone)]
pub struct CursorKey(SealingKey);

/// A cursor that this deployment did not sign for this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the next_cursor of an earlier page of this list")]
pub struct InvalidCursor;

impl CursorKey {
    /// Creates the key from the deployment's secret.
    pub fn new(secret: &str) -> Self {
        Self(SealingKey::new(secret))
    }

    /// Returns the cursor for `position` in `list`. It is rejected by every other list.
    pub fn seal(&self, list: &str, position: &Position) -> String {
        let body = serde_json::to_vec(position).unwrap_or_default();
        self.0.seal(list, &body)
    }

    /// Returns the position of `cursor` in `list`.
    pub fn open(&self, list: &str, cursor: &str) -> Result<Position, InvalidCursor> {
        let body = self.0.open(list, cursor).map_err(|_| InvalidCursor)?;
        serde_json::from_slice(&body).map_err(|_| InvalidCursor)
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
