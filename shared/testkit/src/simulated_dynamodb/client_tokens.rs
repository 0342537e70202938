//! The client request tokens of transactions, by which a repeated request is recognized.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::request::TransactWrite;

/// How long a client request token is valid after its transaction committed.
const TOKEN_LIFETIME: Duration = Duration::from_mins(10);

/// The client request tokens of open and committed transactions. A canceled transaction releases its token.
#[derive(Debug, Default)]
pub struct ClientTokens(HashMap<String, TokenRecord>);

#[derive(Debug)]
struct TokenRecord {
    transact_items: Vec<TransactWrite>,
    committed_at: Option<Instant>,
}

/// What a client request token means for a new request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenStatus {
    /// The token is unused, or expired.
    Free,
    /// Another request with the same token has other items.
    Mismatched,
    /// The same request is in progress.
    InProgress,
    /// The same request is committed.
    Committed,
}

impl ClientTokens {
    /// Returns what `token` means for a request with these items.
    pub fn status(
        &self,
        token: &str,
        transact_items: &[TransactWrite],
        now: Instant,
    ) -> TokenStatus {
        match self.0.get(token) {
            None => TokenStatus::Free,
            Some(record) if record.is_expired(now) => TokenStatus::Free,
            Some(record) if record.transact_items != transact_items => TokenStatus::Mismatched,
            Some(record) if record.committed_at.is_none() => TokenStatus::InProgress,
            Some(_) => TokenStatus::Committed,
        }
    }

    /// Records that a request with this token is in progress.
    pub fn open(&mut self, token: String, transact_items: Vec<TransactWrite>) {
        let record = TokenRecord {
            transact_items,
            committed_at: None,
        };
        self.0.insert(token, record);
    }

    /// Records that the request with this token is committed.
    pub fn commit(&mut self, token: &str, now: Instant) {
        if let Some(record) = self.0.get_mut(token) {
            record.committed_at = Some(now);
        }
    }

    /// Forgets the token of a canceled transaction.
    pub fn release(&mut self, token: &str) {
        self.0.remove(token);
    }
}

impl TokenRecord {
    fn is_expired(&self, now: Instant) -> bool {
        self.committed_at
            .is_some_and(|committed_at| now - committed_at > TOKEN_LIFETIME)
    }
}
