//! A call ends by its deadline, with an answer, whatever AWS does.
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

/// What is left of the invocation, and what the edge keeps of it to answer.
const INVOCATION: Duration = Duration::from_millis(1500);

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
fn invocation() -> Context {
    let now = std::time::SystemTime::now();
    let end = now.duration_since(std::time::UNIX_EPOCH).unwrap() + INVOCATION;
    let mut context = Context::default();
    context.deadline = u64::try_from(end.as_millis()).unwrap();
    context
}

/// The problem that a call is answered with, which is a 503 that says when to ask again.
async fn refusal<F>(handler: impl Fn(Call) -> F + Send + Sync) -> Value
where
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let request = call("POST", "/v1/orders").request();
    let begun = Instant::now();
    let response = answer(&request.with_lambda_context(invocation()), &handler).await;
    assert!(begun.elapsed() < INVOCATION, "{:?}", begun.elapsed());
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    let Body::Text(body) = response.body() else {
        panic!("the answer is no text");
    };
    serde_json::from_str(body).unwrap()
}

#[tokio::test]
async fn a_call_to_a_store_that_never_answers_ends_by_its_deadline_and_claims_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let orders = &orders_at(&silent);
    for problem in [
        Box::pin(refusal(|call| find(orders, call))).await,
        Box::pin(refusal(|call| place(orders, call))).await,
    ] {
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("the outcome is unknown"), "{detail}");
        assert!(detail.contains("the same Idempotency-Key"), "{detail}");
    }
}

#[tokio::test]
async fn a_store_that_hangs_up_leaves_the_outcome_unknown_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let orders = orders_at(&listener);
    drop(listener);
    let problem = Box::pin(refusal(|call| place(&orders, call))).await;
    assert!(problem["detail"].as_str().unwrap().contains("unknown"));
}
