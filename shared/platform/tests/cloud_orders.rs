//! The order store on DynamoDB does what every order store must, also when responses are lost.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use jiff::Timestamp;
use jiff::civil::Date;
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::level::{Level, LevelKey};
use stockline_domain::order::Order;
use stockline_platform::cursor::{Listing, Page};
use stockline_platform::deadline::Deadline;
use stockline_platform::dynamodb::attributes::{item, number};
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::fingerprint::Fingerprint;
use stockline_platform::keys;
use stockline_platform::ports::orders::{Cancellation, OrderStore, Placement};
use stockline_platform::store_error::StoreError;
use stockline_testkit::cloud::{Table, TestCloud};
use stockline_testkit::conformance::orders::{StockedOrders, all};
use stockline_testkit::lost_response::LosesResponses;
use stockline_testkit::orders::order;

struct OnDynamo {
    store: DynamoOrders,
    client: aws_sdk_dynamodb::Client,
    stock_table: String,
}

impl OnDynamo {
    async fn new(cloud: &TestCloud, test: &str) -> Self {
        Self::over(cloud, test, &LosesResponses::new()).await
    }

    async fn over(cloud: &TestCloud, test: &str, connection: &LosesResponses) -> Self {
        let orders_table = cloud.table(test, Table::Orders).await;
        let stock_table = cloud.table(test, Table::Stock).await;
        let store = DynamoOrders::new(
            cloud.aws_over(connection).dynamodb(),
            orders_table,
            stock_table.clone(),
        );
        let client = cloud.aws().dynamodb();
        Self {
            store,
            client,
            stock_table,
        }
    }
}

impl OrderStore for OnDynamo {
    async fn place(
        &self,
        order: &Order,
        request: &Fingerprint,
        deadline: Deadline,
    ) -> Result<Placement, StoreError> {
        self.store.place(order, request, deadline).await
    }

    async fn find(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.store.find(id).await
    }

    async fn list(
        &self,
        location: &LocationId,
        day: Date,
        page: Page,
    ) -> Result<Listing<Order>, StoreError> {
        self.store.list(location, day, page).await
    }

    async fn cancel(
        &self,
        id: OrderId,
        reason: Option<&str>,
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<Cancellation, StoreError> {
        self.store.cancel(id, reason, at, deadline).await
    }
}

fn key(location: &str, sku: &str) -> LevelKey {
    LevelKey {
        location_id: location.parse().unwrap(),
        sku: sku.parse().unwrap(),
    }
}

impl StockedOrders for OnDynamo {
    async fn stock(&self, location: &str, sku: &str, on_hand: i64) {
        let key = key(location, sku);
        let level = Level {
            on_hand,
            version: 1,
            ..Level::empty(&key)
        };
        let mut item = item(&keys::level(&key), &level).unwrap();
        item.insert("available".to_owned(), number(on_hand));
        self.client
            .put_item()
            .table_name(&self.stock_table)
            .set_item(Some(item))
            .send()
            .await
            .unwrap();
    }

    async fn level_of(&self, location: &str, sku: &str) -> (i64, i64) {
        let key = keys::level(&key(location, sku));
        let found = self
            .client
            .get_item()
            .table_name(&self.stock_table)
            .key("pk", AttributeValue::S(key.pk))
            .key("sk", AttributeValue::S(key.sk))
            .consistent_read(true)
            .send()
            .await
            .unwrap();
        let item = found.item.unwrap();
        let read = |name: &str| item[name].as_n().unwrap().parse::<i64>().unwrap();
        assert_eq!(read("available"), read("on_hand") - read("allocated"));
        (read("on_hand"), read("allocated"))
    }
}

fn deadline() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

#[tokio::test]
async fn orders_on_dynamodb_conform() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    all(&OnDynamo::new(&cloud, "conform").await).await;
}

#[tokio::test]
async fn an_order_whose_response_is_lost_after_the_commit_takes_its_goods_once() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LosesResponses::new();
    let shop = OnDynamo::over(&cloud, "lost", &connection).await;
    shop.stock("store-1", "milk", 10).await;
    let request = Fingerprint::of(&"a").unwrap();
    let sale = order("lost-1", "store-1", "pos", &[("milk", 3)]);

    // The client's own retry meets its earlier try.
    connection.lose_next(1);
    let placed = shop.place(&sale, &request, deadline()).await.unwrap();
    assert_eq!(placed, Placement::Placed);
    assert_eq!(shop.level_of("store-1", "milk").await, (7, 0));

    // Every try of one invocation is lost; the till asks again with the same key, a moment later.
    let other = order("lost-2", "store-1", "pos", &[("milk", 3)]);
    connection.lose_next(3);
    shop.place(&other, &request, deadline()).await.unwrap_err();
    let mut later = other.clone();
    later.placed_at = "2026-03-01T12:00:09Z".parse().unwrap();
    let replayed = shop.place(&later, &request, deadline()).await.unwrap();
    assert_eq!(replayed, Placement::Replayed(Box::new(other)));
    assert_eq!(shop.level_of("store-1", "milk").await, (4, 0));
    assert_eq!(connection.lost(), 4);
}

#[tokio::test]
async fn a_cancellation_whose_response_is_lost_after_the_commit_releases_once() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LosesResponses::new();
    let shop = OnDynamo::over(&cloud, "lostcancel", &connection).await;
    shop.stock("store-1", "milk", 10).await;
    let request = Fingerprint::of(&"a").unwrap();
    for name in ["held", "other"] {
        let held = order(name, "store-1", "online", &[("milk", 4)]);
        shop.place(&held, &request, deadline()).await.unwrap();
    }
    let held = OrderId::derive("till-1", "held");
    let at = "2026-03-01T13:00:00Z".parse().unwrap();
    assert!(shop.find(held).await.unwrap().is_some());
    // The read's response and every try of the write's are lost in turn.
    connection.lose_next(4);
    let first = shop.cancel(held, None, at, deadline()).await;
    let again = shop.cancel(held, None, at, deadline()).await.unwrap();
    assert!(matches!(again, Cancellation::Canceled(_)), "{first:?}");
    assert_eq!(shop.level_of("store-1", "milk").await, (10, 4));
    assert!(connection.lost() > 0);
}

#[tokio::test]
async fn an_order_of_three_skus_costs_eight_write_units_and_one_for_its_index_entry() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let shop = OnDynamo::new(&cloud, "cost").await;
    for sku in ["milk", "bread", "eggs"] {
        shop.stock("store-1", sku, 10).await;
    }
    let sale = order(
        "cost-1",
        "store-1",
        "pos",
        &[("milk", 1), ("bread", 1), ("eggs", 1)],
    );
    let parts = shop
        .store
        .placing(&sale, &Fingerprint::of(&"a").unwrap())
        .unwrap();
    let written = shop
        .client
        .transact_write_items()
        .set_transact_items(Some(parts))
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await
        .unwrap();
    // The order and its index entry, which is written apart from the transaction; then three levels.
    let mut units: Vec<String> = written
        .consumed_capacity()
        .iter()
        .map(|consumed| consumed.capacity_units().unwrap().to_string())
        .collect();
    units.sort();
    assert_eq!(units, ["3", "6"]);
}
