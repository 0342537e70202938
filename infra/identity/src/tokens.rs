//! The token endpoint: exchanges a code for an access token and an id token.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};
use xtask::oidc::{DASHBOARD_CLIENT, Identity};

use crate::codes::{Codes, Grant, InvalidGrant, Redemption};
use crate::parameters::{InvalidParameters, Parameters};

/// The lifetime of an id token. The dashboard reads it at once.
const ID_TOKEN_LIFETIME: Duration = Duration::from_mins(10);

/// An error of RFC 6749 section 5.2.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A parameter is missing, repeated or malformed.
    #[error("{0}")]
    InvalidRequest(String),
    /// The client is not the dashboard.
    #[error("client_id must be `{DASHBOARD_CLIENT}`")]
    InvalidClient,
    /// The code is not exchanged.
    #[error(transparent)]
    InvalidGrant(#[from] InvalidGrant),
    /// The grant type is another than `authorization_code`.
    #[error("grant_type must be `authorization_code`")]
    UnsupportedGrantType,
    /// The tokens cannot be signed.
    #[error("the tokens could not be signed; the log of the provider has the reason")]
    Server(#[source] xtask::Error),
}

impl From<InvalidParameters> for TokenError {
    fn from(error: InvalidParameters) -> Self {
        Self::InvalidRequest(error.to_string())
    }
}

impl TokenError {
    /// The value of `error` in the response. RFC 6749 defines none for a failure of the server in this endpoint.
    fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant(_) => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::Server(_) => "server_error",
        }
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::Server(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The body of the response.
    pub fn body(&self) -> Value {
        json!({"error": self.code(), "error_description": self.to_string()})
    }
}

/// Answers a token request at `now`, a time since the epoch.
pub fn exchange(
    form: &Parameters,
    codes: &Codes,
    identity: &Identity,
    now: Duration,
) -> Result<Value, TokenError> {
    let required = |name: &str| {
        form.get(name)
            .ok_or_else(|| TokenError::InvalidRequest(format!("the parameter `{name}` is missing")))
    };
    if required("grant_type")? != "authorization_code" {
        return Err(TokenError::UnsupportedGrantType);
    }
    if required("client_id")? != DASHBOARD_CLIENT {
        return Err(TokenError::InvalidClient);
    }
    let code_verifier = required("code_verifier")?;
    check_verifier(code_verifier)?;
    let redemption = Redemption {
        code: required("code")?,
        redirect_uri: required("redirect_uri")?,
        code_verifier,
    };
    let grant = codes.redeem(redemption, now)?;
    let bearer = grant.person.bearer();
    Ok(json!({
        "access_token": identity.token(&bearer).map_err(TokenError::Server)?,
        "id_token": identity.sign(&id_claims(&grant, &identity.issuer, now)).map_err(TokenError::Server)?,
        "token_type": "Bearer",
        "expires_in": bearer.ttl.as_secs(),
        "scope": "openid",
    }))
}

/// Checks the form of a verifier, by RFC 7636 section 4.1.
fn check_verifier(code_verifier: &str) -> Result<(), TokenError> {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if (43..=128).contains(&code_verifier.len()) && code_verifier.bytes().all(is_unreserved) {
        return Ok(());
    }
    Err(TokenError::InvalidRequest(
        "code_verifier must have 43 to 128 of A-Z, a-z, 0-9, `-`, `.`, `_` and `~`".into(),
    ))
}

/// The claims of the id token.
fn id_claims(grant: &Grant, issuer: &str, now: Duration) -> Value {
    let person = &grant.person;
    let mut claims = json!({
        "iss": issuer,
        "aud": DASHBOARD_CLIENT,
        "sub": person.subject,
        "nonce": grant.request.nonce,
        "name": person.name,
        "role": person.role,
        "iat": now.as_secs(),
        "exp": (now + ID_TOKEN_LIFETIME).as_secs(),
    });
    // As in the access token: without the claim, an admin may access every location.
    if person.role != "admin" || !person.location_ids.is_empty() {
        claims["location_ids"] = json!(person.location_ids);
    }
    claims
}
