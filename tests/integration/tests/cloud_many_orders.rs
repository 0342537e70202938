//! Many concurrent orders through API Gateway.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::BTreeSet;

use futures::StreamExt;
use futures::stream::iter;
use serde_json::Value;
use stockline_integration_tests::{Deployed, eventually, sale};
use stockline_simulators::api::ApiClient;

const ORDERS: usize = 500;
const CONCURRENCY: usize = 16;

#[tokio::test]
async fn concurrent_orders_are_all_placed_and_replayed() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    deployed
        .open_store("many-orders", &[("milk", 10_000), ("bread", 10_000)])
        .await;
    let store_app = deployed.api("store_app", "many-store-app", &["many-orders"]);

    let send = |number: usize| {
        let store_app = store_app.clone();
        async move {
            let body = sale(
                "many-orders",
                if number.is_multiple_of(2) {
                    "milk"
                } else {
                    "bread"
                },
            );
            let key = format!("many-{number}");
            store_app
                .post("/v1/orders", &body, Some(&key))
                .await
                .unwrap()
        }
    };
    let first: Vec<_> = iter(0..ORDERS)
        .map(send)
        .buffered(CONCURRENCY)
        .collect()
        .await;
    for response in &first {
        assert_eq!(
            (
                response.status,
                response.server_errors,
                response.is_replayed
            ),
            (201, 0, false),
            "{response:?}"
        );
    }
    let ids: BTreeSet<String> = first
        .iter()
        .map(|response| response.body["order_id"].to_string())
        .collect();
    assert_eq!(ids.len(), ORDERS);

    let retried: Vec<_> = iter(0..50).map(send).buffered(CONCURRENCY).collect().await;
    for (before, after) in first.iter().zip(&retried) {
        assert_eq!((after.status, after.is_replayed), (201, true));
        assert_eq!(before.body, after.body);
    }

    let level = store_app
        .get("/v1/locations/many-orders/stock/milk")
        .await
        .unwrap();
    assert_eq!(level.body["on_hand"], 10_000 - 250);

    let business_date = first[0].body["business_date"].as_str().unwrap().to_owned();
    let orders =
        format!("/v1/locations/many-orders/orders?business_date={business_date}&limit=100");
    let listed = read_all_pages(&store_app, &orders, "orders").await;
    let listed: BTreeSet<String> = listed
        .iter()
        .map(|order| order["order_id"].to_string())
        .collect();
    assert_eq!(listed, ids);

    // 250 sales and the opening receipt, none twice, once the stream is drained.
    let sold = eventually("the ledger of milk", || async {
        let path = "/v1/locations/many-orders/stock/milk/movements?limit=100";
        let movements = read_all_pages(&store_app, path, "movements").await;
        let on_hand: i64 = movements
            .iter()
            .map(|movement| movement["on_hand_delta"].as_i64().unwrap())
            .sum();
        (movements.len() == 251).then_some(on_hand)
    })
    .await;
    assert_eq!(sold, 10_000 - 250);
}

/// The entries of all pages of the list named `field`.
async fn read_all_pages(store_app: &ApiClient, path: &str, field: &str) -> Vec<Value> {
    let (mut entries, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = store_app.get(&format!("{path}{cursor}")).await.unwrap();
        let page = page.expect_status(&[200]).unwrap();
        entries.extend(page.body[field].as_array().unwrap().iter().cloned());
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return entries,
        }
    }
}
