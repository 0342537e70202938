//! `dashboard`: pages for people, behind API Gateway.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod forms;
mod handler;
mod pages;
mod routes;
mod session;
mod sign_in;
mod site;

use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock as Time;
use stockline_platform::dynamodb::catalog::DynamoCatalog as Catalog;
use stockline_platform::dynamodb::orders::DynamoOrders as Orders;
use stockline_platform::dynamodb::stock::DynamoStock as Stock;
use stockline_platform::dynamodb::users::DynamoUsers as Users;
use stockline_platform::edge::serve_pages;
use stockline_platform::environment::{optional, required};
use stockline_platform::key_set::KeySet;
use stockline_platform::oidc::{ClientRegistration, OidcProvider};
use stockline_platform::random::SystemRandom;
use stockline_platform::telemetry;

use crate::handler::{Adapters, Dashboard};
use crate::site::{Site, SiteAddresses};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init(env!("CARGO_PKG_NAME"));
    let site = Site::new(SiteAddresses {
        dashboard_url: required("DASHBOARD_URL")?,
        authorization_endpoint: required("OIDC_AUTHORIZATION_ENDPOINT")?,
        end_session_endpoint: optional("OIDC_END_SESSION_ENDPOINT"),
        client_id: required("OIDC_CLIENT_ID")?,
    })?;
    let registration = ClientRegistration {
        issuer: required("OIDC_ISSUER")?,
        token_endpoint: required("OIDC_TOKEN_ENDPOINT")?,
        redirect_uri: site.callback(),
        client_id: required("OIDC_CLIENT_ID")?,
    };
    let is_local = required("STOCKLINE_ENV")? == "local";
    let provider = OidcProvider::new(registration, KeySet::from_env(is_local)?, Time, is_local)?;
    let dynamodb = Aws::from_env()?.dynamodb();
    let (orders, stock) = (required("ORDERS_TABLE")?, required("STOCK_TABLE")?);
    let ports = Adapters {
        orders: Orders::new(dynamodb.clone(), orders, stock.clone()),
        stock: Stock::new(dynamodb.clone(), stock),
        users: Users::new(dynamodb.clone(), required("CATALOG_TABLE")?),
        catalog: Catalog::new(dynamodb, required("CATALOG_TABLE")?),
        provider,
        clock: Time,
        random: SystemRandom,
    };
    ports.stock.warm_up().await;
    let dashboard = &Dashboard::new(ports, site, &required("SESSION_SECRET")?);
    let handle = |request| dashboard.handle(request);
    serve_pages(handle, |problem, id| dashboard.failure(problem, id)).await
}
