//! A call is answered before its deadline when `DynamoDB` does not respond.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::net::TcpListener;
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use lambda_http::{Body, Context, RequestExt};
use serde_json::Value;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::orders::OrderStore;
use stockline_domain::ids::OrderId;
use stockline_platform::clients::Aws;
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::edge::{Call, Reply, answer};
use stockline_platform::problem::Problem;
use stockline_testkit::calls::call;
use stockline_testkit::orders::order;

/// The time left of the Lambda invocation, of which the edge reserves a part for the response.
const REMAINING: Duration = Duration::from_millis(1500);

fn orders_at(listener: &TcpListener) -> DynamoOrders {
    let credentials = Credentials::new("test", "test", None, None, "test");
    let url = format!("http://{}", listener.local_addr().unwrap());
    let aws = Aws::new(credentials, "eu-central-1".to_owned(), Some(&url));
    DynamoOrders::new(aws.dynamodb(), "orders".to_owned(), "stock".to_owned())
}

async fn find(orders: &DynamoOrders, _call: Call) -> Result<Reply, Problem> {
    let known = orders.find(OrderId::derive("till", "1")).await?;
    Reply::ok(&known.map(|known| known.order))
}

async fn place(orders: &DynamoOrders, call: Call) -> Result<Reply, Problem> {
    let order = order("1", "store-1", "pos", &[("milk", 1)]);
    let request = Fingerprint::of(&"the request").unwrap();
    orders.place(&order, &request, call.deadline).await?;
    Reply::ok(&"placed")
}

#[allow(
    clippy::disallowed_methods,
    reason = "Lambda gives the deadline as a wall-clock time"
)]
/// The context of an invocation with `REMAINING` left.
fn invocation() -> Context {
    let now = std::time::SystemTime::now();
    let end = now.duration_since(std::time::UNIX_EPOCH).unwrap() + REMAINING;
    let mut context = Context::default();
    context.deadline = u64::try_from(end.as_millis()).unwrap();
    context
}

/// Runs `handler` and returns the body of its response, a 503 with `Retry-After`, which arrives before the deadline.
async fn unavailable_problem<F>(handler: impl Fn(Call) -> F + Send + Sync) -> Value
where
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let request = call("POST", "/v1/orders").request();
    let started = Instant::now();
    let response = answer(&request.with_lambda_context(invocation()), &handler).await;
    assert!(started.elapsed() < REMAINING, "{:?}", started.elapsed());
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    let Body::Text(body) = response.body() else {
        panic!("the response body is no text");
    };
    serde_json::from_str(body).unwrap()
}

#[tokio::test]
async fn silent_store_leaves_the_outcome_unknown_by_the_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let orders = &orders_at(&silent);
    for problem in [
        Box::pin(unavailable_problem(|call| find(orders, call))).await,
        Box::pin(unavailable_problem(|call| place(orders, call))).await,
    ] {
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("the outcome is unknown"), "{detail}");
        assert!(detail.contains("the same Idempotency-Key"), "{detail}");
    }
}

#[tokio::test]
async fn refused_connection_leaves_the_outcome_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let orders = orders_at(&listener);
    drop(listener);
    let problem = Box::pin(unavailable_problem(|call| place(&orders, call))).await;
    assert!(problem["detail"].as_str().unwrap().contains("unknown"));
}
