//! Verifies tokens of the identity provider: signature, issuer, audience, times and claims.

mod key_ring;
mod token;

use jsonwebtoken::decode_header;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::identity::KeySetSource;
use stockline_application::store_error::StoreError;

pub use key_ring::KeyRing;
pub use token::{Expected, TokenRejection, VerifiedToken};

/// Verifies tokens of one issuer for one audience.
pub struct TokenVerifier<Source, Time> {
    keys: KeyRing<Source, Time>,
    expected: Expected,
    clock: Time,
}

/// Why a token is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The token is not valid here and now.
    #[error(transparent)]
    Rejected(#[from] TokenRejection),
    /// The token cannot be verified without a key set. This is an outage, not the caller's error.
    #[error(transparent)]
    NoKeys(#[from] StoreError),
}

impl<Source: KeySetSource, Time: Clock> TokenVerifier<Source, Time> {
    /// Creates a verifier of tokens with the `expected` issuer and audience.
    pub fn new(keys: KeyRing<Source, Time>, expected: Expected, clock: Time) -> Self {
        Self {
            keys,
            expected,
            clock,
        }
    }

    /// Fetches the key set ahead of the first token.
    ///
    /// # Errors
    /// [`StoreError`] if the key set cannot be fetched. The first token fetches it again.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        self.keys.find("").await.map(|_| ())
    }

    /// Verifies `token` and returns its claims.
    ///
    /// # Errors
    /// [`TokenError::Rejected`] for a token that is not valid, [`TokenError::NoKeys`] if no key set was fetched since start.
    pub async fn verify(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        let header = decode_header(token).map_err(|_| TokenRejection::Header)?;
        if header.crit.is_some() {
            return Err(TokenRejection::Header.into());
        }
        let kid = header.kid.ok_or(TokenRejection::NoKeyId)?;
        let key = self
            .keys
            .find(&kid)
            .await?
            .ok_or(TokenRejection::UnknownKey)?;
        Ok(token::verify(
            token,
            &key,
            &self.expected,
            self.clock.now(),
        )?)
    }
}
