//! What is done to an order costs what the README of `order-intake` says.

use stockline_domain::order::{FulfilOrder, RefundLine, RefundOrder, RefundPlace};
use stockline_platform::ports::orders::{fulfil, refund};
use stockline_testkit::conformance::orders::{cancel, found, minute};
use stockline_testkit::orders::{fulfilment_id, refund_id};

use super::*;

const SKUS: [(&str, i64); 3] = [("milk", 2), ("bread", 2), ("eggs", 2)];

/// What was billed since this was last asked: write units of items and of indexes, read units, requests.
fn billed(database: &SimulatedDynamoDb) -> String {
    database.take_bill().to_string()
}

const PLACED_ONLINE: &str = "8 + 2 | 0 | 1: `TransactWriteItems`";

#[tokio::test(start_paused = true)]
async fn what_is_done_to_an_order_of_three_skus_costs_what_the_readme_says() {
    let database = SimulatedDynamoDb::new(1);
    let shop = shop(&database);
    for (sku, _) in SKUS {
        StockedOrders::stock(&shop, "store-1", sku, 100).await;
    }
    billed(&database);
    let place = async |name: &str, channel: &str| {
        let order = order(name, "store-1", channel, &SKUS);
        let placed = OrderStore::place(&shop, &order, &request(), within(5)).await;
        assert_eq!(placed.unwrap(), Placement::Placed);
        order
    };
    place("sale", "pos").await;
    assert_eq!(billed(&database), "8 + 1 | 0 | 1: `TransactWriteItems`");

    let canceled = place("canceled", "online").await;
    assert_eq!(billed(&database), PLACED_ONLINE);
    let known = found(&shop, canceled.order_id).await;
    assert_eq!(billed(&database), "0 | 1 | 1: `Query`");
    cancel(&shop, &known, minute(1)).await.unwrap();
    assert_eq!(billed(&database), PLACED_ONLINE);

    let fulfilled = place("fulfilled", "online").await;
    let known = found(&shop, fulfilled.order_id).await;
    billed(&database);
    let (all, id) = (FulfilOrder { lines: None }, fulfilment_id(&fulfilled, "f"));
    let same = request();
    let left = fulfil(&shop, &known, &all, id, &same, minute(1), within(5)).await;
    left.unwrap();
    assert_eq!(billed(&database), "10 + 2 | 0 | 1: `TransactWriteItems`");

    let known = found(&shop, fulfilled.order_id).await;
    billed(&database);
    let back = RefundOrder {
        reason: "broken".to_owned(),
        location_id: None,
        lines: vec![RefundLine {
            line: 1,
            quantity: 2,
            restock: true,
        }],
    };
    let place = RefundPlace {
        refund_id: refund_id(&fulfilled, "r"),
        location_id: fulfilled.location_id.clone(),
        business_date: fulfilled.business_date,
        at: minute(5),
    };
    let paid_back = refund(&shop, &known, &back, &place, &same, within(5)).await;
    paid_back.unwrap();
    assert_eq!(billed(&database), "6 + 2 | 0 | 1: `TransactWriteItems`");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_finds_too_little_of_a_level_that_is_not_split_is_one_request() {
    let database = SimulatedDynamoDb::new(1);
    let shop = shop(&database);
    StockedOrders::stock(&shop, "store-1", "milk", 1).await;
    billed(&database);
    let wanted = order("a", "store-1", "pos", &[("milk", 2)]);
    let placed = OrderStore::place(&shop, &wanted, &request(), within(5)).await;
    assert!(matches!(placed.unwrap(), Placement::Short(_)));
    assert!(billed(&database).ends_with(" | 0 | 1: `TransactWriteItems`"));
}

#[tokio::test(start_paused = true)]
async fn an_order_of_a_sku_that_is_not_stocked_is_one_request() {
    let database = SimulatedDynamoDb::new(1);
    let shop = shop(&database);
    billed(&database);
    let wanted = order("a", "store-1", "pos", &[("caviar", 1)]);
    let placed = OrderStore::place(&shop, &wanted, &request(), within(5)).await;
    assert!(matches!(placed.unwrap(), Placement::NotStocked(_)));
    assert!(billed(&database).ends_with(" | 0 | 1: `TransactWriteItems`"));
}
