//! `authorizer`: verifies bearer tokens for API Gateway.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod handler;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use stockline_platform::clock::SystemClock;
use stockline_platform::environment::required;
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
    let authorizer = Authorizer::new(TokenVerifier::new(keys, expected, SystemClock));
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
