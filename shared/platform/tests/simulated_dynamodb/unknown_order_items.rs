//! Items of an unknown kind in the partition of an order.

use stockline_platform::dynamodb::attributes::{Item, string};
use stockline_platform::keys;
use stockline_testkit::conformance::orders::found;
use stockline_testkit::orders::order;

use crate::test_store::TestStore;

#[tokio::test(start_paused = true)]
async fn find_ignores_unknown_items_in_order_partition() {
    // given an order, and in its partition an item that only a later version knows
    let store = TestStore::with_milk(1, 10).await;
    let sale = order("a", "store-1", "pos", &[("milk", 1)]);
    store.place(&sale).await;
    let note = Item::from([
        (
            "pk".to_owned(),
            string(keys::order_partition(sale.order_id)),
        ),
        ("sk".to_owned(), string("NOTE#1")),
    ]);
    let put = store.shop.client.put_item().table_name("simulated-orders");
    put.set_item(Some(note)).send().await.unwrap();
    // then the order is found unchanged
    let known = found(&store.shop, sale.order_id).await;
    assert_eq!(known.order, sale);
    assert!(known.refunds.is_empty() && known.fulfilments.is_empty());
}
