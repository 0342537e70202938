//! The fault proxy injects the requested fault, and counts it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use stockline_simulators::fault_proxy::{Behind, Fault, FaultProxy, Rates};
use wiremock::matchers::{body_string, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn service() -> MockServer {
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

fn only(fault: Fault) -> Rates {
    Fault::ALL.map(|other| if other == fault { 1000 } else { 0 })
}

async fn sent(proxy: &FaultProxy) -> reqwest::Result<reqwest::Response> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .post(format!("{}/v1/orders?a=b", proxy.url()))
        .header("x-amz-target", "DynamoDB_20120810.TransactWriteItems")
        .body(r#"{"TransactItems": [{}, {}]}"#);
    request.send().await
}

async fn troubled(service: &MockServer, behind: Behind, fault: Fault) -> FaultProxy {
    let proxy = FaultProxy::start(&service.uri(), behind, only(fault))
        .await
        .unwrap();
    proxy.trouble(1);
    proxy
}

async fn arrived(service: &MockServer) -> usize {
    service.received_requests().await.unwrap().len()
}

#[tokio::test]
async fn a_calm_network_passes_all_of_a_request_and_all_of_its_answer() {
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
    let proxy = FaultProxy::start(&service.uri(), Behind::Gateway, only(Fault::Failed))
        .await
        .unwrap();
    let answer = sent(&proxy).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-request-id"]),
        (201, &"7".parse().unwrap())
    );
    assert_eq!(answer.text().await.unwrap(), "done");
    assert_eq!(
        (proxy.counts().requests, proxy.counts().faults),
        (1, [0; 6])
    );
}

#[tokio::test]
async fn a_lost_request_never_arrives_and_a_lost_answer_is_that_of_a_request_that_did() {
    for (fault, arrives) in [(Fault::LostRequest, 0), (Fault::LostAnswer, 1)] {
        let service = service().await;
        let proxy = troubled(&service, Behind::Gateway, fault).await;
        assert!(sent(&proxy).await.is_err(), "{fault:?}");
        assert_eq!(arrived(&service).await, arrives, "{fault:?}");
        assert_eq!(proxy.counts().faults.iter().sum::<u64>(), 1);
    }
}

#[tokio::test]
async fn a_conflict_reads_as_dynamodb_says_it() {
    let service = service().await;
    let proxy = troubled(&service, Behind::DynamoDb, Fault::Conflict).await;
    let answer = sent(&proxy).await.unwrap();
    assert_eq!(answer.status().as_u16(), 400);
    let body: serde_json::Value = answer.json().await.unwrap();
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
    assert_eq!(arrived(&service).await, 0);
}

#[tokio::test]
async fn a_busy_or_broken_service_says_so_in_its_own_words() {
    for (behind, fault, status) in [
        (Behind::DynamoDb, Fault::Throttled, 400),
        (Behind::DynamoDb, Fault::Failed, 500),
        (Behind::Gateway, Fault::Throttled, 429),
        (Behind::Gateway, Fault::Failed, 502),
    ] {
        let service = service().await;
        let proxy = troubled(&service, behind, fault).await;
        assert_eq!(sent(&proxy).await.unwrap().status().as_u16(), status);
        proxy.calm();
        assert_eq!(sent(&proxy).await.unwrap().status().as_u16(), 201);
        assert_eq!(arrived(&service).await, 1);
    }
}
