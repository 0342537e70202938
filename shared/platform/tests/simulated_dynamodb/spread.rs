//! Orders of one SKU are spread over the items of its level once somebody stood in somebody's way.

use stockline_platform::dynamodb::attributes::value;

use super::*;

#[tokio::test(start_paused = true)]
async fn an_order_that_meets_another_learns_that_the_level_is_split_and_those_after_it_know() {
    // given a level that is split, which the store that sells has not heard of
    let database = SimulatedDynamoDb::new(1);
    let shop = shop(&database);
    split_milk(&database, &shop, 400).await;
    let (request, looked) = (request(), sent(&database, "GetItem"));
    let sell = async |name: String| {
        let sale = order(&name, "store-1", "pos", &[("milk", 1)]);
        let placed = OrderStore::place(&shop, &sale, &request, within(5)).await;
        assert_eq!(placed.unwrap(), Placement::Placed);
    };
    // when two orders come at once, and more one after the other
    tokio::join!(sell("one".to_owned()), sell("another".to_owned()));
    assert!(conflicts(&database) > 0, "nobody stood in anybody's way");
    for number in 0..40 {
        sell(number.to_string()).await;
    }
    // then it was looked up once, and each item sold some
    assert_eq!(sent(&database, "GetItem") - looked, 1);
    for bucket in 0..4 {
        let key = key_of(&keys::level_bucket(&milk(), bucket));
        let get = shop.client.get_item().table_name(&shop.stock_table);
        let found = get.set_key(Some(key)).send().await.unwrap().item.unwrap();
        let item: stockline_domain::level::Level = value(found).unwrap();
        assert!(item.on_hand < 100, "item {bucket} sold nothing");
    }
}
