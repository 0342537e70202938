//! `authorizer`: verifies bearer tokens for API Gateway.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod handler;

use jiff::SignedDuration;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use stockline_application::user_cache::UserCache;
use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::dynamodb::users::DynamoUsers;
use stockline_platform::environment::{required, required_value};
use stockline_platform::identity::{Expected, KeyRing, TokenVerifier};
use stockline_platform::key_set::KeySet;
use stockline_platform::telemetry;

use crate::handler::{Authorizer, TokenEvent};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let expected = Expected {
        issuer: required("OIDC_ISSUER")?,
        audience: required("OIDC_AUDIENCE")?,
    };
    let is_local = required("STOCKLINE_ENV")? == "local";
    let keys = KeySet::from_env(is_local)?;
    let keys = KeyRing::new(keys, SystemClock);
    let tokens = TokenVerifier::new(keys, expected, SystemClock);
    // The connection is opened by the first token without a role. An identity provider that states roles never needs it.
    let users = DynamoUsers::new(Aws::from_env()?.dynamodb(), required("CATALOG_TABLE")?);
    let time_to_live = SignedDuration::from_secs(required_value("USER_CACHE_SECONDS")?);
    let authorizer = Authorizer::new(tokens, UserCache::new(users, SystemClock, time_to_live));
    authorizer.warm_up().await;
    let authorizer = &authorizer;
    run(service_fn(
        move |event: LambdaEvent<TokenEvent>| async move {
            authorizer
                .handle(event.payload, &event.context.request_id)
                .await
        },
    ))
    .await
}
