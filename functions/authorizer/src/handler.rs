//! The `TOKEN` authorizer: an API Gateway token event becomes an IAM policy with the caller's context, or an error.

use aws_lambda_events::apigw::{
    ApiGatewayCustomAuthorizerPolicy, ApiGatewayCustomAuthorizerRequest,
    ApiGatewayCustomAuthorizerResponse,
};
use aws_lambda_events::iam::{IamPolicyEffect, IamPolicyStatement};
use lambda_runtime::Error;
use serde_json::{Value, json};
use stockline_application::error_chain::error_chain;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::identity::KeySetSource;
use stockline_application::ports::users::UserReader;
use stockline_application::store_error::StoreError;
use stockline_application::users::{NoAccess, find_caller};
use stockline_domain::caller::{Caller, Locations};
use stockline_domain::ids::LocationId;
use stockline_platform::identity::{TokenError, TokenRejection, TokenVerifier};
use stockline_platform::telemetry;
use tracing::Instrument;

/// The event that API Gateway sends to a `TOKEN` authorizer.
pub type TokenEvent = ApiGatewayCustomAuthorizerRequest;

/// The policy and context that API Gateway caches for the token.
pub type AuthorizerResponse = ApiGatewayCustomAuthorizerResponse<Value>;

/// API Gateway answers 401 for exactly this error text, and 500 for any other.
const UNAUTHORIZED: &str = "Unauthorized";

/// Verifies bearer tokens.
pub struct Authorizer<Source, Time, Users> {
    tokens: TokenVerifier<Source, Time>,
    users: Users,
}

/// Why no policy is returned.
#[derive(Debug, thiserror::Error)]
enum Denial {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    NoAccess(#[from] NoAccess),
    #[error(transparent)]
    Users(#[from] StoreError),
    #[error("the method ARN of the event is missing or malformed")]
    NoMethod,
}

impl<Source: KeySetSource, Time: Clock, Users: UserReader> Authorizer<Source, Time, Users> {
    /// Creates the authorizer for the tokens that `tokens` accepts. Those without a role are looked up in `users`.
    pub fn new(tokens: TokenVerifier<Source, Time>, users: Users) -> Self {
        Self { tokens, users }
    }

    /// Fetches the key set ahead of the first request. A failure is logged; the first request fetches again.
    pub async fn warm_up(&self) {
        if let Err(error) = self.tokens.warm_up().await {
            tracing::warn!(error = %error_chain(&error), "key set prefetch failed");
        }
    }

    /// Handles one event. The token is never logged.
    ///
    /// # Errors
    /// `Unauthorized` for a rejected token (401), any other text if tokens cannot be verified or users not be read (500).
    pub async fn handle(
        &self,
        event: TokenEvent,
        request_id: &str,
    ) -> Result<AuthorizerResponse, Error> {
        let span = telemetry::invocation(request_id);
        async {
            match self.decide(&event).await {
                Ok(allowed) => Ok(allowed),
                Err(Denial::Token(TokenError::Rejected(reason))) => {
                    tracing::info!(%reason, "token rejected");
                    Err(Error::from(UNAUTHORIZED))
                }
                Err(Denial::NoAccess(reason)) => {
                    tracing::info!(%reason, "token rejected");
                    Err(Error::from(UNAUTHORIZED))
                }
                Err(denial) => {
                    tracing::error!(error = %error_chain(&denial), "token verification failed");
                    Err(Error::from("token verification is unavailable"))
                }
            }
        }
        .instrument(span)
        .await
    }

    async fn decide(&self, event: &TokenEvent) -> Result<AuthorizerResponse, Denial> {
        let token = event
            .authorization_token
            .as_deref()
            .and_then(bearer)
            .ok_or(TokenError::from(TokenRejection::NoToken))?;
        let holder = self.tokens.verify(token).await?.holder;
        // Boxed, because the nested futures of the read exhaust the compiler's recursion limit in `main`.
        let caller = Box::pin(find_caller(&self.users, holder)).await??;
        let every_method = event
            .method_arn
            .as_deref()
            .and_then(every_method)
            .ok_or(Denial::NoMethod)?;
        Ok(allow(&caller, every_method))
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("Bearer")
        .then_some(token.trim())
}

/// The ARN pattern of every method of the stage. API Gateway caches the policy per token for all methods; handlers check the
/// caller's permissions for each operation.
fn every_method(method_arn: &str) -> Option<String> {
    let mut parts = method_arn.splitn(3, '/');
    let (api, stage) = (parts.next()?, parts.next()?);
    parts.next()?;
    Some(format!("{api}/{stage}/*/*"))
}

fn allow(caller: &Caller, every_method: String) -> AuthorizerResponse {
    let locations = match &caller.locations {
        Locations::All => "*".to_owned(),
        Locations::Only(own) => own
            .iter()
            .map(LocationId::as_str)
            .collect::<Vec<_>>()
            .join(","),
    };
    let mut statement = IamPolicyStatement::default();
    statement.effect = IamPolicyEffect::Allow;
    statement.action = vec!["execute-api:Invoke".to_owned()];
    statement.resource = vec![every_method];
    let mut policy = ApiGatewayCustomAuthorizerPolicy::default();
    policy.version = Some("2012-10-17".to_owned());
    policy.statement = vec![statement];
    let mut allowed = AuthorizerResponse::default();
    allowed.principal_id = Some(caller.subject.clone());
    allowed.policy_document = policy;
    allowed.context = json!({
        "subject": caller.subject,
        "role": caller.role,
        "location_ids": locations,
        "controller_id": caller.controller.as_ref().map_or("", |id| id.as_str()),
    });
    allowed
}

#[cfg(test)]
mod tests;
