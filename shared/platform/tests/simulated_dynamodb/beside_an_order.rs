//! What is kept beside an order.

use stockline_platform::dynamodb::attributes::{Item, string};

use super::*;

#[tokio::test(start_paused = true)]
async fn an_order_is_read_though_a_later_version_keeps_more_beside_it() {
    // given an order, and beside it what this version does not know
    let database = SimulatedDynamoDb::new(1);
    let shop = shop(&database);
    StockedOrders::stock(&shop, "store-1", "milk", 10).await;
    let sale = order("a", "store-1", "pos", &[("milk", 1)]);
    let placed = OrderStore::place(&shop, &sale, &request(), within(5)).await;
    assert_eq!(placed.unwrap(), Placement::Placed);
    let note = Item::from([
        (
            "pk".to_owned(),
            string(keys::order_partition(sale.order_id)),
        ),
        ("sk".to_owned(), string("NOTE#1")),
    ]);
    let table = "simulated-orders";
    let put = shop
        .client
        .put_item()
        .table_name(table)
        .set_item(Some(note));
    put.send().await.unwrap();
    // then the order is what it was
    let known = OrderStore::find(&shop, sale.order_id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(known.order, sale);
    assert!(known.refunds.is_empty() && known.fulfilments.is_empty());
}
