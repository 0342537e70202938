//! Many concurrent orders through API Gateway.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::BTreeSet;

use futures::StreamExt;
use futures::stream::iter;
use stockline_integration_tests::{Deployed, eventually, sale};

const ORDERS: usize = 500;
const AT_ONCE: usize = 16;

#[tokio::test]
async fn five_hundred_orders_sixteen_at_a_time_are_all_there_and_each_sent_again_is_the_same_order()
{
    let Some(deployed) = Deployed::find() else {
        return;
    };
    deployed
        .open_store("many-orders", &[("milk", 10_000), ("bread", 10_000)])
        .await;
    let till = deployed.api("store_app", "many-till", &["many-orders"]);

    let send = |number: usize| {
        let till = till.clone();
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
            till.post("/v1/orders", &body, Some(&key)).await.unwrap()
        }
    };
    let first: Vec<_> = iter(0..ORDERS).map(send).buffered(AT_ONCE).collect().await;
    for answer in &first {
        assert_eq!(
            (answer.status, answer.server_errors, answer.replayed),
            (201, 0, false),
            "{answer:?}"
        );
    }
    let ids: BTreeSet<String> = first
        .iter()
        .map(|answer| answer.body["order_id"].to_string())
        .collect();
    assert_eq!(ids.len(), ORDERS);

    let again: Vec<_> = iter(0..50).map(send).buffered(AT_ONCE).collect().await;
    for (before, after) in first.iter().zip(&again) {
        assert_eq!((after.status, after.replayed), (201, true));
        assert_eq!(before.body, after.body);
    }

    let level = till
        .get("/v1/locations/many-orders/stock/milk")
        .await
        .unwrap();
    assert_eq!(level.body["on_hand"], 10_000 - 250);

    let day = first[0].body["business_date"].as_str().unwrap().to_owned();
    let (mut listed, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let path =
            format!("/v1/locations/many-orders/orders?business_date={day}&limit=100{cursor}");
        let page = till
            .get(&path)
            .await
            .unwrap()
            .expect_status(&[200])
            .unwrap();
        listed.extend(
            page.body["orders"]
                .as_array()
                .unwrap()
                .iter()
                .map(|order| order["order_id"].to_string()),
        );
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(listed, ids);

    // 250 sales and the opening receipt, none twice, once the stream is drained.
    let sold = eventually("the ledger of milk", || async {
        let (mut on_hand, mut movements, mut cursor) = (0, 0, String::new());
        loop {
            let path = format!("/v1/locations/many-orders/stock/milk/movements?limit=100{cursor}");
            let page = till
                .get(&path)
                .await
                .unwrap()
                .expect_status(&[200])
                .unwrap();
            for movement in page.body["movements"].as_array().unwrap() {
                on_hand += movement["on_hand_delta"].as_i64().unwrap();
                movements += 1;
            }
            match page.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        (movements == 251).then_some(on_hand)
    })
    .await;
    assert_eq!(sold, 10_000 - 250);
}
