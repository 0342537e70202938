//! API Gateway's question who is calling becomes an answer it can cache, or a refusal.

use aws_lambda_events::apigw::{
    ApiGatewayCustomAuthorizerPolicy, ApiGatewayCustomAuthorizerRequest,
    ApiGatewayCustomAuthorizerResponse,
};
use aws_lambda_events::iam::{IamPolicyEffect, IamPolicyStatement};
use jsonwebtoken::decode_header;
use lambda_runtime::Error;
use serde_json::{Value, json};
use stockline_application::error_chain::error_chain;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::identity::KeySetSource;
use stockline_application::store_error::StoreError;
use stockline_domain::caller::{Caller, Locations};
use stockline_domain::ids::LocationId;
use stockline_platform::telemetry;
use tracing::Instrument;

use crate::key_ring::KeyRing;
use crate::token::{Expected, Refused, verify};

/// What API Gateway sends.
pub type TokenEvent = ApiGatewayCustomAuthorizerRequest;

/// What it expects back.
pub type Allowed = ApiGatewayCustomAuthorizerResponse<Value>;

/// API Gateway answers 401 on exactly this error, and 500 on any other.
const UNAUTHORIZED: &str = "Unauthorized";

/// Says who is calling.
pub struct Authorizer<S, C> {
    keys: KeyRing<S, C>,
    expected: Expected,
    clock: C,
}

/// Why nobody is let in.
#[derive(Debug, thiserror::Error)]
enum Denial {
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The token may be good; we cannot tell.
    #[error(transparent)]
    NoKeys(#[from] StoreError),
    #[error("the event names no method that can be read")]
    NoMethod,
}

impl<S: KeySetSource, C: Clock> Authorizer<S, C> {
    /// With these keys, for tokens of this issuer.
    pub fn new(keys: KeyRing<S, C>, expected: Expected, clock: C) -> Self {
        Self {
            keys,
            expected,
            clock,
        }
    }

    /// Fetches the keys, so that the first request finds them.
    pub async fn warm_up(&self) {
        if let Err(error) = self.keys.find("").await {
            tracing::warn!(error = %error_chain(&error), "the keys could not be fetched ahead");
        }
    }

    /// Answers one question. The token is in no log line, whatever becomes of it.
    pub async fn handle(&self, event: TokenEvent, request_id: &str) -> Result<Allowed, Error> {
        let span = telemetry::invocation(request_id);
        async {
            match self.decide(&event).await {
                Ok(allowed) => Ok(allowed),
                Err(Denial::Refused(reason)) => {
                    tracing::info!(%reason, "a token was refused");
                    Err(Error::from(UNAUTHORIZED))
                }
                Err(denial) => {
                    tracing::error!(error = %error_chain(&denial), "nobody could be let in");
                    Err(Error::from("the caller cannot be verified now"))
                }
            }
        }
        .instrument(span)
        .await
    }

    async fn decide(&self, event: &TokenEvent) -> Result<Allowed, Denial> {
        let token = event
            .authorization_token
            .as_deref()
            .and_then(bearer)
            .ok_or(Refused::NoToken)?;
        let header = decode_header(token).map_err(|_| Refused::Header)?;
        if header.crit.is_some() {
            return Err(Refused::Header.into());
        }
        let kid = header.kid.ok_or(Refused::NoKeyId)?;
        let key = self.keys.find(&kid).await?.ok_or(Refused::UnknownKey)?;
        let caller = verify(token, &key, &self.expected, self.clock.now())?;
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

/// Every method of the stage: the answer is kept for the token, whatever it calls next. Handlers check what it may do.
fn every_method(method_arn: &str) -> Option<String> {
    let mut parts = method_arn.splitn(3, '/');
    let (api, stage) = (parts.next()?, parts.next()?);
    parts.next()?;
    Some(format!("{api}/{stage}/*/*"))
}

fn allow(caller: &Caller, every_method: String) -> Allowed {
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
    let mut allowed = Allowed::default();
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
