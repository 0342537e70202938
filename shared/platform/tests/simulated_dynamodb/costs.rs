//! What is done to an order costs what the README of `order-intake` says.

use stockline_application::order_lifecycle::RefundOutcome;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_domain::order::{Order, RefundLine};
use stockline_testkit::conformance::orders::{cancel, deadline, found, minute, request};
use stockline_testkit::orders::order;

use crate::store::{ALL, Store};

const SKUS: [(&str, i64); 3] = [("milk", 2), ("bread", 2), ("eggs", 2)];

impl Store {
    /// What was billed since this was last asked: write units of items and of indexes, read units, requests.
    fn billed(&self) -> String {
        self.database.take_bill().to_string()
    }

    async fn places_three_skus(&self, name: &str, channel: &str) -> Order {
        let order = order(name, "store-1", channel, &SKUS);
        self.place(&order).await;
        order
    }
}

const PLACED_ONLINE: &str = "8 + 2 | 0 | 1: `TransactWriteItems`";

#[tokio::test(start_paused = true)]
async fn what_is_done_to_an_order_of_three_skus_costs_what_the_readme_says() {
    let store = Store::new(1);
    for (sku, _) in SKUS {
        store.put(sku, 100).await;
    }
    store.billed();
    store.places_three_skus("sale", "pos").await;
    assert_eq!(store.billed(), "8 + 1 | 0 | 1: `TransactWriteItems`");

    let canceled = store.places_three_skus("canceled", "online").await;
    assert_eq!(store.billed(), PLACED_ONLINE);
    let known = found(&store.shop, canceled.order_id).await;
    assert_eq!(store.billed(), "0 | 1 | 1: `Query`");
    cancel(&store.shop, &known, minute(1)).await.unwrap();
    assert_eq!(store.billed(), PLACED_ONLINE);

    let fulfilled = store.places_three_skus("fulfilled", "online").await;
    let known = found(&store.shop, fulfilled.order_id).await;
    store.billed();
    store.fulfil(&known, &ALL, "f").await.unwrap();
    assert_eq!(store.billed(), "10 + 2 | 0 | 1: `TransactWriteItems`");

    let known = found(&store.shop, fulfilled.order_id).await;
    store.billed();
    let back = RefundLine {
        line: 1,
        quantity: 2,
        restock: true,
    };
    store.refund(&known, back, "r").await.unwrap();
    assert_eq!(store.billed(), "6 + 2 | 0 | 1: `TransactWriteItems`");
}

#[tokio::test(start_paused = true)]
async fn goods_that_are_the_first_of_their_kind_somewhere_cost_a_refused_try_and_a_level() {
    let store = Store::new(1);
    for (sku, _) in SKUS {
        store.put(sku, 100).await;
    }
    let sale = store.places_three_skus("sale", "pos").await;
    let known = found(&store.shop, sale.order_id).await;
    let back = RefundLine {
        line: 1,
        quantity: 1,
        restock: true,
    };
    store.billed();
    let refunded = store.refund_at("store-2", &known, back.clone(), "r").await;
    assert!(matches!(refunded, Ok(RefundOutcome::Refunded(_))));
    assert!(
        store
            .billed()
            .ends_with(" + 4 | 0 | 2: 2 `TransactWriteItems`")
    );
    let known = found(&store.shop, sale.order_id).await;
    store.billed();
    let refunded = store.refund_at("store-2", &known, back, "again").await;
    assert!(matches!(refunded, Ok(RefundOutcome::Refunded(_))));
    assert_eq!(store.billed(), "6 + 2 | 0 | 1: `TransactWriteItems`");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_finds_too_little_of_a_level_that_is_not_split_is_one_request() {
    let store = Store::of_milk(1, 1).await;
    store.billed();
    let wanted = order("a", "store-1", "pos", &[("milk", 2)]);
    let placed = OrderStore::place(&store.shop, &wanted, &request("a"), deadline()).await;
    assert!(matches!(placed.unwrap(), PlaceOutcome::Short(_)));
    assert!(store.billed().ends_with(" | 0 | 1: `TransactWriteItems`"));
}

#[tokio::test(start_paused = true)]
async fn an_order_of_a_sku_that_is_not_stocked_is_one_request() {
    let store = Store::new(1);
    store.billed();
    let wanted = order("a", "store-1", "pos", &[("caviar", 1)]);
    let placed = OrderStore::place(&store.shop, &wanted, &request("a"), deadline()).await;
    assert!(matches!(placed.unwrap(), PlaceOutcome::NotStocked(_)));
    assert!(store.billed().ends_with(" | 0 | 1: `TransactWriteItems`"));
}
