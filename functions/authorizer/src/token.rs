//! What a token must say, and what it then says of its bearer.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode};
use serde::Deserialize;
use stockline_domain::caller::{Caller, Locations, Role};
use stockline_domain::ids::{ControllerId, LocationId};

use crate::key_ring::VerifyingKey;

/// How far the provider's clock and ours may be apart, in seconds.
const LEEWAY: i64 = 30;

/// Who issues tokens, and for whom.
#[derive(Debug, Clone)]
pub struct Expected {
    /// `iss`.
    pub issuer: String,
    /// `aud`, or one of them.
    pub audience: String,
}

/// Why a token is refused. It says nothing of the token's content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no bearer token.
    #[error("it is no bearer token")]
    NoToken,
    /// Its header cannot be read, or names what must be understood and is not.
    #[error("its header cannot be read")]
    Header,
    /// It names no key.
    #[error("it names no key")]
    NoKeyId,
    /// The provider publishes no such key.
    #[error("its key is not one of the issuer's")]
    UnknownKey,
    /// It is signed by another algorithm than its key is for.
    #[error("its algorithm is not its key's")]
    Algorithm,
    /// The signature is not that of its content.
    #[error("its signature is wrong")]
    Signature,
    /// Another issued it.
    #[error("its issuer is another")]
    Issuer,
    /// It is for another.
    #[error("its audience is another")]
    Audience,
    /// It is past its time.
    #[error("it has expired")]
    Expired,
    /// Its time has not come.
    #[error("it is not valid yet")]
    NotYetValid,
    /// A claim is missing or ill-formed.
    #[error("a claim is missing or ill-formed: {0}")]
    Claims(&'static str),
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    sub: String,
    role: Role,
    #[serde(default)]
    location_ids: Option<BTreeSet<LocationId>>,
    #[serde(default)]
    controller_id: Option<ControllerId>,
}

/// The caller that `token`, signed with `key`, speaks for at `now`.
pub fn verify(
    token: &str,
    key: &VerifyingKey,
    expected: &Expected,
    now: Timestamp,
) -> Result<Caller, Refused> {
    let mut validation = Validation::new(key.algorithm);
    validation.set_issuer(&[&expected.issuer]);
    validation.set_audience(&[&expected.audience]);
    validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
    // The times are held against our own clock below, which a test can set.
    validation.validate_exp = false;
    let claims = decode::<Claims>(token, &key.key, &validation)
        .map_err(|error| refused(error.kind()))?
        .claims;
    if claims.iss != expected.issuer {
        return Err(Refused::Issuer);
    }
    if claims.exp.saturating_add(LEEWAY) <= now.as_second() {
        return Err(Refused::Expired);
    }
    if claims
        .nbf
        .is_some_and(|nbf| nbf.saturating_sub(LEEWAY) > now.as_second())
    {
        return Err(Refused::NotYetValid);
    }
    caller(claims)
}

fn caller(claims: Claims) -> Result<Caller, Refused> {
    let subject_fits = (1..=255).contains(&claims.sub.len())
        && claims.sub.bytes().all(|byte| byte.is_ascii_graphic());
    if !subject_fits {
        return Err(Refused::Claims("sub"));
    }
    if claims.role == Role::Controller && claims.controller_id.is_none() {
        return Err(Refused::Claims("controller_id"));
    }
    let locations = match claims.location_ids {
        // Only an admin's silence means everywhere; anyone else without a list sees no location.
        None if claims.role == Role::Admin => Locations::All,
        own => Locations::Only(own.unwrap_or_default()),
    };
    Ok(Caller {
        subject: claims.sub,
        role: claims.role,
        locations,
        controller: claims.controller_id,
    })
}

fn refused(kind: &ErrorKind) -> Refused {
    match kind {
        ErrorKind::InvalidIssuer => Refused::Issuer,
        ErrorKind::InvalidAudience => Refused::Audience,
        ErrorKind::InvalidAlgorithm => Refused::Algorithm,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::Json(_) => {
            Refused::Claims("its claims cannot be read")
        }
        _ => Refused::Signature,
    }
}
