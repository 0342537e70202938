//! `users`: stores who has which role at which locations, behind API Gateway.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod handler;

use stockline_platform::clients::Aws;
use stockline_platform::cursor::CursorKey;
use stockline_platform::dynamodb::users::DynamoUsers;
use stockline_platform::edge::serve;
use stockline_platform::environment::required;
use stockline_platform::telemetry;

use crate::handler::UsersApi;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let store = DynamoUsers::new(Aws::from_env()?.dynamodb(), required("CATALOG_TABLE")?);
    let cursors = CursorKey::new(&required("CURSOR_SECRET")?);
    store.warm_up().await;
    let api = UsersApi::new(store, cursors);
    serve(|call| api.handle(call)).await
}
