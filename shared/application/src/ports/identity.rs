//! The identity provider: its public keys, and the sign-in of people.

use std::future::Future;

use stockline_domain::user::TokenHolder;

use crate::store_error::StoreError;

/// Fetches the identity provider's key set.
pub trait KeySetSource: Send + Sync {
    /// The current JSON Web Key Set (RFC 7517).
    fn fetch(&self) -> impl Future<Output = Result<String, StoreError>> + Send;
}

/// An authorization code with what redeems it.
#[derive(Debug, Clone, Copy)]
pub struct AuthorizationCode<'a> {
    /// The code that the provider sent.
    pub code: &'a str,
    /// The PKCE verifier of its sign-in (RFC 7636).
    pub verifier: &'a str,
}

/// A person, as the provider's verified ID token names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentifiedPerson {
    /// The caller, or the subject of a user.
    pub holder: TokenHolder,
    /// The full name, if the provider states it.
    pub name: Option<String>,
    /// The `nonce` that the ID token was issued for.
    pub nonce: Option<String>,
}

/// The outcome of redeeming a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedeemOutcome {
    /// The provider named the person.
    Identified(Box<IdentifiedPerson>),
    /// The provider refused the code, or its ID token is not valid. The text is for the log and contains no token.
    Refused(String),
}

/// Signs people in by OpenID Connect.
pub trait IdentityProvider: Send + Sync {
    /// Exchanges a code for an ID token, and verifies the token.
    fn redeem(
        &self,
        code: AuthorizationCode<'_>,
    ) -> impl Future<Output = Result<RedeemOutcome, StoreError>> + Send;
}
