//! The sign-in of people at an OpenID provider: the token endpoint, and the verification of its ID tokens.

use std::time::Duration;

use form_urlencoded::Serializer;
use reqwest::Client;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde::Deserialize;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::identity::{
    AuthorizationCode, IdentifiedPerson, IdentityProvider, KeySetSource, RedeemOutcome,
};
use stockline_application::store_error::StoreError;

use crate::http_client::{self, HttpClientError};
use crate::identity::{Expected, KeyRing, TokenError, TokenVerifier};

/// The time for one request to the provider.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);

/// The context of errors.
const REDEEM: &str = "redeem an authorization code";

/// The registration of this application at the provider. It is a public client: PKCE takes the place of a client secret.
#[derive(Debug, Clone)]
pub struct ClientRegistration {
    /// The `iss` of the provider.
    pub issuer: String,
    /// The URL of the token endpoint.
    pub token_endpoint: String,
    /// The `client_id`.
    pub client_id: String,
    /// The URL that the provider sends codes to.
    pub redirect_uri: String,
}

/// An OpenID provider.
pub struct OidcProvider<Source, Time> {
    client: Client,
    registration: ClientRegistration,
    tokens: TokenVerifier<Source, Time>,
}

/// The success response of a token endpoint (OpenID Connect Core 1.0, section 3.1.3.3).
#[derive(Deserialize)]
struct TokenResponse {
    id_token: String,
}

/// The error response of a token endpoint (RFC 6749, section 5.2).
#[derive(Deserialize)]
struct ErrorResponse {
    error: String,
}

impl<Source: KeySetSource, Time: Clock> OidcProvider<Source, Time> {
    /// Creates the client of a provider with the public keys `keys`. The token endpoint must be HTTPS unless `is_local`.
    pub fn new(
        registration: ClientRegistration,
        keys: Source,
        clock: Time,
        is_local: bool,
    ) -> Result<Self, HttpClientError>
    where
        Time: Clone,
    {
        // An ID token is for the client that asked for it (OpenID Connect Core 1.0, section 2).
        let expected = Expected {
            issuer: registration.issuer.clone(),
            audience: registration.client_id.clone(),
        };
        let keys = KeyRing::new(keys, clock.clone());
        let client = http_client::builder()
            .https_only(!is_local)
            .timeout(REQUEST_TIMEOUT)
            .build()?;
        Ok(Self {
            client,
            registration,
            tokens: TokenVerifier::new(keys, expected, clock),
        })
    }

    async fn id_token(
        &self,
        code: AuthorizationCode<'_>,
    ) -> Result<Result<String, String>, StoreError> {
        let body = Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code.code)
            .append_pair("redirect_uri", &self.registration.redirect_uri)
            .append_pair("client_id", &self.registration.client_id)
            .append_pair("code_verifier", code.verifier)
            .finish();
        let response = self
            .client
            .post(&self.registration.token_endpoint)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(body)
            .send()
            .await
            .map_err(unanswered)?;
        let status = response.status();
        if status.is_success() {
            let tokens: TokenResponse = response.json().await.map_err(unanswered)?;
            return Ok(Ok(tokens.id_token));
        }
        if status.is_client_error() {
            let refused = response.json::<ErrorResponse>().await;
            let reason = refused.map_or_else(|_| status.to_string(), |refused| refused.error);
            // The text is the provider's, and goes to the log.
            return Ok(Err(reason.chars().take(100).collect()));
        }
        Err(StoreError::failed(REDEEM)(format!(
            "the token endpoint answered {status}"
        )))
    }
}

impl<Source: KeySetSource, Time: Clock> IdentityProvider for OidcProvider<Source, Time> {
    async fn redeem(&self, code: AuthorizationCode<'_>) -> Result<RedeemOutcome, StoreError> {
        let token = match self.id_token(code).await? {
            Ok(token) => token,
            Err(reason) => return Ok(RedeemOutcome::Refused(reason)),
        };
        match self.tokens.verify(&token).await {
            Ok(verified) => Ok(RedeemOutcome::Identified(Box::new(IdentifiedPerson {
                holder: verified.holder,
                name: verified.name,
                nonce: verified.nonce,
            }))),
            Err(TokenError::Rejected(reason)) => Ok(RedeemOutcome::Refused(reason.to_string())),
            Err(TokenError::NoKeys(error)) => Err(error),
        }
    }
}

/// The code may be used up: the person signs in again.
fn unanswered(error: reqwest::Error) -> StoreError {
    StoreError::Unanswered {
        context: REDEEM,
        // The URL is configuration; the request's body, which holds the code, is not part of the error.
        source: Box::new(error),
    }
}
