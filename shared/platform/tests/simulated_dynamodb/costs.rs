//! Tests that the operations on orders cost what the README of `order-intake` lists.

use stockline_application::order_lifecycle::RefundOutcome;
use stockline_application::paging::Page;
use stockline_application::ports::order_search::OrderSearch;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_domain::order::{Order, RefundLine};
use stockline_testkit::conformance::orders::{cancel, deadline, found, minute, request};
use stockline_testkit::orders::order;

use crate::test_store::{FULFIL_ALL, TestStore};

const SKUS: [(&str, i64); 3] = [("milk", 2), ("bread", 2), ("eggs", 2)];

impl TestStore {
    /// Takes the bill since the last call: write units of items and of indexes, read units, requests.
    fn take_bill(&self) -> String {
        self.database.take_bill().to_string()
    }

    async fn place_three_skus(&self, name: &str, channel: &str) -> Order {
        let order = order(name, "store-1", channel, &SKUS);
        self.place(&order).await;
        order
    }
}

const PLACED_ONLINE: &str = "8 + 2 | 0 | 1: `TransactWriteItems`";

#[tokio::test(start_paused = true)]
async fn order_of_three_skus_costs_what_the_readme_lists() {
    let store = TestStore::new(1);
    for (sku, _) in SKUS {
        store.put_level(sku, 100).await;
    }
    store.take_bill();
    store.place_three_skus("sale", "pos").await;
    assert_eq!(store.take_bill(), "8 + 1 | 0 | 1: `TransactWriteItems`");

    let canceled = store.place_three_skus("canceled", "online").await;
    assert_eq!(store.take_bill(), PLACED_ONLINE);
    let known = found(&store.shop, canceled.order_id).await;
    assert_eq!(store.take_bill(), "0 | 1 | 1: `Query`");
    cancel(&store.shop, &known, minute(1)).await.unwrap();
    assert_eq!(store.take_bill(), PLACED_ONLINE);

    let fulfilled = store.place_three_skus("fulfilled", "online").await;
    let known = found(&store.shop, fulfilled.order_id).await;
    store.take_bill();
    store.fulfil(&known, &FULFIL_ALL, "f").await.unwrap();
    assert_eq!(store.take_bill(), "10 + 2 | 0 | 1: `TransactWriteItems`");

    let known = found(&store.shop, fulfilled.order_id).await;
    store.take_bill();
    let line = RefundLine {
        line: 1,
        quantity: 2,
        restock: true,
    };
    store.refund(&known, line, "r").await.unwrap();
    assert_eq!(store.take_bill(), "6 + 2 | 0 | 1: `TransactWriteItems`");
}

#[tokio::test(start_paused = true)]
async fn reference_costs_one_index_unit_once() {
    let store = TestStore::with_milk(1, 100).await;
    store.take_bill();
    let mut sale = order("referred", "store-1", "pos", &[("milk", 2)]);
    sale.external_reference = Some("T1-0001".to_owned());
    store.place(&sale).await;
    assert_eq!(store.take_bill(), "4 + 2 | 0 | 1: `TransactWriteItems`");
    let known = found(&store.shop, sale.order_id).await;
    store.take_bill();
    let line = RefundLine {
        line: 1,
        quantity: 1,
        restock: true,
    };
    store.refund(&known, line, "r").await.unwrap();
    assert_eq!(store.take_bill(), "6 + 2 | 0 | 1: `TransactWriteItems`");

    let page = Page {
        limit: 50,
        after: None,
    };
    let location = &sale.location_id;
    let orders = OrderSearch::by_reference(&store.shop, location, "T1-0001", page, deadline());
    assert_eq!(orders.await.unwrap().items.len(), 1);
    assert_eq!(store.take_bill(), "0 | 1.5 | 2: `BatchGetItem`, `Query`");
}

#[tokio::test(start_paused = true)]
async fn refund_to_a_new_level_costs_a_second_transaction() {
    let store = TestStore::new(1);
    for (sku, _) in SKUS {
        store.put_level(sku, 100).await;
    }
    let sale = store.place_three_skus("sale", "pos").await;
    let known = found(&store.shop, sale.order_id).await;
    let line = RefundLine {
        line: 1,
        quantity: 1,
        restock: true,
    };
    store.take_bill();
    let refunded = store.refund_at("store-2", &known, line.clone(), "r").await;
    assert!(matches!(refunded, Ok(RefundOutcome::Refunded(_))));
    assert!(
        store
            .take_bill()
            .ends_with(" + 4 | 0 | 2: 2 `TransactWriteItems`")
    );
    let known = found(&store.shop, sale.order_id).await;
    store.take_bill();
    let refunded = store.refund_at("store-2", &known, line, "again").await;
    assert!(matches!(refunded, Ok(RefundOutcome::Refunded(_))));
    assert_eq!(store.take_bill(), "6 + 2 | 0 | 1: `TransactWriteItems`");
}

#[tokio::test(start_paused = true)]
async fn short_order_of_an_unsplit_level_is_one_request() {
    let store = TestStore::with_milk(1, 1).await;
    store.take_bill();
    let wanted = order("a", "store-1", "pos", &[("milk", 2)]);
    let placed = OrderStore::place(&store.shop, &wanted, &request("a"), deadline()).await;
    assert!(matches!(placed.unwrap(), PlaceOutcome::Short(_)));
    assert!(
        store
            .take_bill()
            .ends_with(" | 0 | 1: `TransactWriteItems`")
    );
}

#[tokio::test(start_paused = true)]
async fn order_of_an_unstocked_sku_is_one_request() {
    let store = TestStore::new(1);
    store.take_bill();
    let wanted = order("a", "store-1", "pos", &[("caviar", 1)]);
    let placed = OrderStore::place(&store.shop, &wanted, &request("a"), deadline()).await;
    assert!(matches!(placed.unwrap(), PlaceOutcome::NotStocked(_)));
    assert!(
        store
            .take_bill()
            .ends_with(" | 0 | 1: `TransactWriteItems`")
    );
}
