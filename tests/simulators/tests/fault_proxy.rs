//! The fault proxy injects the requested fault, and counts it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use stockline_simulators::fault_proxy::{Fault, FaultProxy, FaultRates, UpstreamKind};
use wiremock::matchers::{body_string, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn start_service() -> MockServer {
    let service = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/orders"))
        .respond_with(
            ResponseTemplate::new(201)
                .insert_header("x-request-id", "7")
                .set_body_string("done"),
        )
        .mount(&service)
        .await;
    service
}

fn only(fault: Fault) -> FaultRates {
    Fault::ALL.map(|other| if other == fault { 1000 } else { 0 })
}

async fn send(proxy: &FaultProxy) -> reqwest::Result<reqwest::Response> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .post(format!("{}/v1/orders?a=b", proxy.url()))
        .header("x-amz-target", "DynamoDB_20120810.TransactWriteItems")
        .body(r#"{"TransactItems": [{}, {}]}"#);
    request.send().await
}

async fn faulty_proxy(
    service: &MockServer,
    upstream_kind: UpstreamKind,
    fault: Fault,
) -> FaultProxy {
    let proxy = FaultProxy::start(&service.uri(), upstream_kind, only(fault))
        .await
        .unwrap();
    proxy.enable_faults(1);
    proxy
}

async fn received_count(service: &MockServer) -> usize {
    service.received_requests().await.unwrap().len()
}

#[tokio::test]
async fn disabled_proxy_forwards_request_and_response_unchanged() {
    let service = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/orders"))
        .and(header(
            "x-amz-target",
            "DynamoDB_20120810.TransactWriteItems",
        ))
        .and(body_string(r#"{"TransactItems": [{}, {}]}"#))
        .respond_with(
            ResponseTemplate::new(201)
                .insert_header("x-request-id", "7")
                .set_body_string("done"),
        )
        .mount(&service)
        .await;
    let proxy = FaultProxy::start(
        &service.uri(),
        UpstreamKind::ApiGateway,
        only(Fault::Failed),
    )
    .await
    .unwrap();
    let response = send(&proxy).await.unwrap();
    assert_eq!(
        (
            response.status().as_u16(),
            &response.headers()["x-request-id"]
        ),
        (201, &"7".parse().unwrap())
    );
    assert_eq!(response.text().await.unwrap(), "done");
    assert_eq!(
        (proxy.counts().requests, proxy.counts().faults),
        (1, [0; 6])
    );
}

#[tokio::test]
async fn lost_request_is_not_received_and_lost_response_is() {
    for (fault, expected_requests) in [(Fault::LostRequest, 0), (Fault::LostResponse, 1)] {
        let service = start_service().await;
        let proxy = faulty_proxy(&service, UpstreamKind::ApiGateway, fault).await;
        assert!(send(&proxy).await.is_err(), "{fault:?}");
        assert_eq!(
            received_count(&service).await,
            expected_requests,
            "{fault:?}"
        );
        assert_eq!(proxy.counts().faults.iter().sum::<u64>(), 1);
    }
}

#[tokio::test]
async fn conflict_has_the_form_of_dynamodb() {
    let service = start_service().await;
    let proxy = faulty_proxy(&service, UpstreamKind::DynamoDb, Fault::Conflict).await;
    let response = send(&proxy).await.unwrap();
    assert_eq!(response.status().as_u16(), 400);
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(
        body["__type"],
        "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    );
    let codes: Vec<_> = body["CancellationReasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["Code"].clone())
        .collect();
    assert_eq!(codes, ["None", "TransactionConflict"]);
    assert_eq!(received_count(&service).await, 0);
}

#[tokio::test]
async fn throttling_and_failure_have_the_form_of_the_upstream() {
    for (upstream_kind, fault, status) in [
        (UpstreamKind::DynamoDb, Fault::Throttled, 400),
        (UpstreamKind::DynamoDb, Fault::Failed, 500),
        (UpstreamKind::ApiGateway, Fault::Throttled, 429),
        (UpstreamKind::ApiGateway, Fault::Failed, 502),
    ] {
        let service = start_service().await;
        let proxy = faulty_proxy(&service, upstream_kind, fault).await;
        assert_eq!(send(&proxy).await.unwrap().status().as_u16(), status);
        proxy.disable_faults();
        assert_eq!(send(&proxy).await.unwrap().status().as_u16(), 201);
        assert_eq!(received_count(&service).await, 1);
    }
}
