//! What is kept beside an order.

use stockline_platform::dynamodb::attributes::{Item, string};
use stockline_platform::keys;
use stockline_testkit::conformance::orders::found;
use stockline_testkit::orders::order;

use crate::store::Store;

#[tokio::test(start_paused = true)]
async fn an_order_is_read_though_a_later_version_keeps_more_beside_it() {
    // given an order, and beside it what this version does not know
    let store = Store::of_milk(1, 10).await;
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
    // then the order is what it was
    let known = found(&store.shop, sale.order_id).await;
    assert_eq!(known.order, sale);
    assert!(known.refunds.is_empty() && known.fulfilments.is_empty());
}
