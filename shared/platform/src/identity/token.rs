//! Verifies a JWT with one key, and reads the caller from its claims.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode};
use serde::{Deserialize, Deserializer};
use stockline_domain::caller::{Caller, Locations, Role};
use stockline_domain::ids::{ControllerId, LocationId};
use stockline_domain::user::TokenHolder;

use super::key_ring::VerifyingKey;

/// Tolerated clock difference to the identity provider, in seconds.
const LEEWAY_SECONDS: i64 = 30;

/// The issuer and audience that a token must name.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The required `iss`.
    pub issuer: String,
    /// The required `aud`, or one of its values.
    pub audience: String,
}

/// Why a token is rejected. The text goes to the log, so it contains nothing from the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenRejection {
    /// The `Authorization` header holds no bearer token.
    #[error("no bearer token")]
    NoToken,
    /// The JOSE header is malformed or has critical extensions (`crit`), none of which is supported.
    #[error("invalid JOSE header")]
    Header,
    /// The header has no `kid`.
    #[error("no kid in the header")]
    NoKeyId,
    /// The provider does not publish the key `kid`.
    #[error("unknown kid")]
    UnknownKey,
    /// The header's algorithm is not the one of the key.
    #[error("algorithm does not match the key")]
    Algorithm,
    /// The signature does not match the content.
    #[error("invalid signature")]
    Signature,
    /// `iss` is not the expected issuer.
    #[error("wrong issuer")]
    Issuer,
    /// `aud` does not contain the expected audience.
    #[error("wrong audience")]
    Audience,
    /// `exp` has passed.
    #[error("expired")]
    Expired,
    /// `nbf` is in the future.
    #[error("not valid yet")]
    NotYetValid,
    /// A claim is missing or malformed.
    #[error("missing or malformed claim: {0}")]
    Claims(&'static str),
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    sub: String,
    #[serde(default, deserialize_with = "not_null")]
    role: Option<Role>,
    #[serde(default, deserialize_with = "not_null")]
    location_ids: Option<BTreeSet<LocationId>>,
    #[serde(default)]
    controller_id: Option<ControllerId>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
}

/// A token whose signature and claims hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken {
    /// Who the token names.
    pub holder: TokenHolder,
    /// The full name of the person, if the provider states it.
    pub name: Option<String>,
    /// The `nonce` of the sign-in that the token was issued for.
    pub nonce: Option<String>,
}

/// Deserializes a claim that may be absent but not `null`. An identity provider writes `null` for an attribute without a value,
/// which must neither give an admin every location nor make a token one without a role.
fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    claim: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(claim).map(Some)
}

/// Verifies signature, issuer, audience and times of `token`, and returns its claims.
pub fn verify(
    token: &str,
    key: &VerifyingKey,
    expected: &Expected,
    now: Timestamp,
) -> Result<VerifiedToken, TokenRejection> {
    let mut validation = Validation::new(key.algorithm);
    validation.set_issuer(&[&expected.issuer]);
    validation.set_audience(&[&expected.audience]);
    validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
    // Checked below against the injected clock; jsonwebtoken reads the system clock.
    validation.validate_exp = false;
    let claims = decode::<Claims>(token, &key.key, &validation)
        .map_err(|error| rejection(error.kind()))?
        .claims;
    if claims.iss != expected.issuer {
        return Err(TokenRejection::Issuer);
    }
    if claims.exp.saturating_add(LEEWAY_SECONDS) <= now.as_second() {
        return Err(TokenRejection::Expired);
    }
    if claims
        .nbf
        .is_some_and(|nbf| nbf.saturating_sub(LEEWAY_SECONDS) > now.as_second())
    {
        return Err(TokenRejection::NotYetValid);
    }
    let (name, nonce) = (claims.name.clone(), claims.nonce.clone());
    Ok(VerifiedToken {
        holder: holder(claims)?,
        name,
        nonce,
    })
}

fn holder(claims: Claims) -> Result<TokenHolder, TokenRejection> {
    let Some(role) = claims.role else {
        // Access has one source. A token that states a part of it lacks the rest by mistake.
        if claims.location_ids.is_some() || claims.controller_id.is_some() {
            return Err(TokenRejection::Claims("role"));
        }
        let subject = claims.sub.parse();
        let subject = subject.map_err(|_| TokenRejection::Claims("sub"))?;
        return Ok(TokenHolder::Subject(subject));
    };
    let is_valid_subject = (1..=255).contains(&claims.sub.len())
        && claims.sub.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_valid_subject {
        return Err(TokenRejection::Claims("sub"));
    }
    if role == Role::Controller && claims.controller_id.is_none() {
        return Err(TokenRejection::Claims("controller_id"));
    }
    let locations = match claims.location_ids {
        // Without the claim an admin has access to every location, and every other role to none.
        None if role == Role::Admin => Locations::All,
        own => Locations::Only(own.unwrap_or_default()),
    };
    Ok(TokenHolder::Caller(Caller {
        subject: claims.sub,
        role,
        locations,
        controller: claims.controller_id,
    }))
}

fn rejection(kind: &ErrorKind) -> TokenRejection {
    match kind {
        ErrorKind::InvalidIssuer => TokenRejection::Issuer,
        ErrorKind::InvalidAudience => TokenRejection::Audience,
        ErrorKind::InvalidAlgorithm => TokenRejection::Algorithm,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::Json(_) => {
            TokenRejection::Claims("unreadable claims")
        }
        _ => TokenRejection::Signature,
    }
}
