//! Signs a person in by OpenID Connect: authorization code with PKCE, `state` and `nonce`.
//!
//! A sign-in is begun in one request and completed in another. What must be remembered in between is a [`PendingSignIn`], which the
//! caller keeps where the browser can neither read nor change it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use stockline_domain::caller::{Caller, Role};

use crate::ports::identity::{
    AuthorizationCode, IdentifiedPerson, IdentityProvider, RedeemOutcome,
};
use crate::ports::randomness::RandomSource;
use crate::ports::users::UserReader;
use crate::store_error::StoreError;
use crate::users::{NoAccess, find_caller};

/// The longest time between the begin and the completion of a sign-in.
pub const SIGN_IN_TIMEOUT: SignedDuration = SignedDuration::from_mins(10);

/// The lifetime of a session: a working day.
pub const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(8);

/// The longest displayed name, in characters. A longer one is cut.
const MAX_NAME: usize = 100;

/// A sign-in that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingSignIn {
    /// Binds the provider's response to this browser.
    pub state: String,
    /// Binds the ID token to this sign-in.
    pub nonce: String,
    /// The PKCE verifier. The provider gets its digest first, and the verifier with the code.
    pub code_verifier: String,
    /// The path of the page to show afterwards.
    pub return_to: String,
    /// When the sign-in must be begun again.
    pub expires_at: Timestamp,
}

/// A signed-in person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Random. The tokens of forms are bound to it.
    pub id: String,
    /// Who the person is, and what they may do.
    pub caller: Caller,
    /// The name to display.
    pub name: String,
    /// When the person must sign in again.
    pub expires_at: Timestamp,
}

/// Why a sign-in is not completed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInRefused {
    /// `state` is not that of the sign-in that this browser began.
    #[error("the response belongs to another sign-in")]
    State,
    /// The sign-in took longer than [`SIGN_IN_TIMEOUT`].
    #[error("the sign-in took too long")]
    Expired,
    /// The provider refused the code, or its token is not valid.
    #[error("the identity provider did not confirm the sign-in: {0}")]
    NotConfirmed(String),
    /// The token states no role, and there is no user who may sign in.
    #[error(transparent)]
    NoAccess(#[from] NoAccess),
    /// The role is not one of people.
    #[error("the role {0:?} is not one of people")]
    Role(Role),
}

/// Begins a sign-in.
///
/// # Errors
/// [`StoreError::Failed`] if there is no randomness.
pub fn begin_sign_in<Random: RandomSource>(
    random: &Random,
    return_to: String,
    now: Timestamp,
) -> Result<PendingSignIn, StoreError> {
    Ok(PendingSignIn {
        state: random.secret()?,
        nonce: random.secret()?,
        code_verifier: random.secret()?,
        return_to,
        expires_at: now.saturating_add(SIGN_IN_TIMEOUT).unwrap_or(now),
    })
}

/// The provider's response to a sign-in.
#[derive(Debug, Clone, Copy)]
pub struct SignInResponse<'a> {
    /// The sign-in that this browser began.
    pub pending: &'a PendingSignIn,
    /// `state` as the provider returned it.
    pub state: &'a str,
    /// The authorization code.
    pub code: &'a str,
    /// When the response arrived.
    pub at: Timestamp,
}

/// Completes a sign-in: redeems the code, looks the user up if the token states no role, and starts a session.
///
/// # Errors
/// [`StoreError`] if the provider does not answer, the user cannot be read, or there is no randomness.
pub async fn complete_sign_in<Provider, Users, Random>(
    provider: &Provider,
    users: &Users,
    random: &Random,
    response: SignInResponse<'_>,
) -> Result<Result<Session, SignInRefused>, StoreError>
where
    Provider: IdentityProvider,
    Users: UserReader,
    Random: RandomSource,
{
    let SignInResponse {
        pending,
        state,
        code,
        at,
    } = response;
    if pending.state != state {
        return Ok(Err(SignInRefused::State));
    }
    if pending.expires_at <= at {
        return Ok(Err(SignInRefused::Expired));
    }
    let code = AuthorizationCode {
        code,
        verifier: &pending.code_verifier,
    };
    let person = match provider.redeem(code).await? {
        RedeemOutcome::Identified(person) => *person,
        RedeemOutcome::Refused(reason) => return Ok(Err(SignInRefused::NotConfirmed(reason))),
    };
    if person.nonce.as_deref() != Some(pending.nonce.as_str()) {
        let reason = "wrong nonce".to_owned();
        return Ok(Err(SignInRefused::NotConfirmed(reason)));
    }
    let IdentifiedPerson { holder, name, .. } = person;
    let caller = match find_caller(users, holder).await? {
        Ok(caller) => caller,
        Err(no_access) => return Ok(Err(no_access.into())),
    };
    if caller.role == Role::Controller {
        return Ok(Err(SignInRefused::Role(caller.role)));
    }
    Ok(Ok(session(caller, name, random.secret()?, at)))
}

fn session(caller: Caller, name: Option<String>, id: String, at: Timestamp) -> Session {
    let name = name.filter(|name| !name.trim().is_empty());
    let name = name.unwrap_or_else(|| caller.subject.clone());
    Session {
        id,
        name: name.chars().take(MAX_NAME).collect(),
        caller,
        expires_at: at.saturating_add(SESSION_LIFETIME).unwrap_or(at),
    }
}
