//! What else is done to a level while everybody buys of it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use stockline_domain::ids::RequestId;
use stockline_domain::level::Level;
use stockline_domain::order::Order;
use stockline_domain::stock_change::StockChange;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::ports::orders::{OrderStore, Placement};
use stockline_platform::ports::stock::{Applied, Ledger, MissingLevel, PendingChange, StockStore};
use stockline_platform::store_error::StoreError;
use stockline_testkit::cloud::Table;
use stockline_testkit::conformance::orders::{minute, request};
use stockline_testkit::conformance::stock::{change, deadline, key};
use stockline_testkit::dynamo_shop::DynamoShop;
use stockline_testkit::orders::order;
use stockline_testkit::simulated_dynamodb::{SimulatedDynamoDb, Throughput, Timing};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// A store whose milk lies in `buckets` items.
async fn store(buckets: u8) -> (DynamoShop, DynamoStock) {
    let database = SimulatedDynamoDb::with(1, Timing::default(), Throughput::default());
    let client = database.aws().dynamodb();
    let (orders, table) = (database.table(Table::Orders), database.table(Table::Stock));
    let shop = DynamoShop::new(client.clone(), client.clone(), orders, table.clone());
    let stock = DynamoStock::new(client, table);
    let opening = receipt(&stock, "opening", 10_000).await;
    assert!(matches!(opening, Ok(Applied::Now(_))));
    let policy = json!({"reorder_point": 1, "target_level": 9, "buckets": buckets});
    let policy = serde_json::from_value(policy).unwrap();
    let milk = key("store-1", "milk");
    let report = MissingLevel::Report;
    let set = stock.set_policy(&milk, &policy, report, minute(1), deadline());
    set.await.unwrap();
    (shop, stock)
}

/// `quantity` of milk comes in.
async fn receipt(stock: &DynamoStock, name: &str, quantity: i64) -> Result<Applied, StoreError> {
    let receipt =
        json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": quantity});
    let at = minute(1);
    apply(stock, name, &change(receipt), at).await
}

async fn apply(
    stock: &DynamoStock,
    name: &str,
    change: &StockChange,
    at: Timestamp,
) -> Result<Applied, StoreError> {
    let pending = PendingChange {
        request: RequestId::derive("manager", name),
        index: 0,
        change,
        at,
        missing: MissingLevel::Create,
    };
    stock.apply(pending, deadline()).await
}

/// Orders of one each, so many a second, and all that comes meanwhile: how many were placed.
async fn while_selling(
    shop: &DynamoShop,
    a_second: u32,
    meanwhile: impl Future<Output = ()>,
) -> i64 {
    let mut orders = JoinSet::new();
    let selling = async {
        for number in 0.. {
            let shop = shop.clone();
            orders.spawn(async move {
                let name = number.to_string();
                let order = Order {
                    sold_at: minute(3),
                    placed_at: minute(3),
                    ..order(&name, "store-1", "pos", &[("milk", 1)])
                };
                OrderStore::place(&shop, &order, &request(&name), deadline()).await
            });
            sleep(Duration::from_secs(1) / a_second).await;
        }
    };
    tokio::select! {
        () = selling => {}
        () = meanwhile => {}
    }
    let answers = orders.join_all().await.into_iter();
    answers
        .filter(|answer| matches!(answer, Ok(Placement::Placed)))
        .count()
        .try_into()
        .unwrap()
}

async fn milk(stock: &DynamoStock) -> Level {
    let milk = stock.find(&key("store-1", "milk")).await.unwrap();
    milk.unwrap()
}

#[tokio::test(start_paused = true)]
async fn goods_come_in_while_a_level_sells_faster_than_it_can_be_read_and_written_whole() {
    for (buckets, a_second) in [(4, 300), (16, 300)] {
        // given a level that sells so many a second
        let (shop, stock) = store(buckets).await;
        let sold = while_selling(&shop, a_second, async {
            sleep(Duration::from_secs(1)).await;
            // when goods come in, twice
            for name in ["1", "2"] {
                let came_in = receipt(&stock, name, 1_000).await;
                assert!(matches!(came_in, Ok(Applied::Now(_))), "{came_in:?}");
                let again = receipt(&stock, name, 1_000).await;
                assert!(matches!(again, Ok(Applied::Before(_))), "{again:?}");
            }
        });
        let sold = sold.await;
        // then each is there once
        assert_eq!(milk(&stock).await.on_hand, 12_000 - sold, "{buckets} items");
    }
}

/// The ledger of the milk, which the stream reaches 300 ms late.
async fn follow(stock: &DynamoStock) {
    let mut seen = 0;
    loop {
        let level = milk(stock).await;
        if let Some(movement) = level.movement_since(None)
            && movement.version > seen
        {
            seen = movement.version;
            let ledger = stock.clone();
            tokio::spawn(async move {
                sleep(Duration::from_millis(300)).await;
                ledger.record(&movement).await.unwrap();
            });
        }
        sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_sku_that_keeps_selling_is_counted_though_the_ledger_follows_a_moment_later() {
    for a_second in [2, 10, 20] {
        // given a level that sells so many a second
        let (shop, stock) = store(1).await;
        let counting = async {
            sleep(Duration::from_secs(1)).await;
            // when it is told what was counted before the first of them
            let count = json!({"kind": "count", "location_id": "store-1", "sku": "milk",
                "quantity": 9_000, "counted_at": minute(2).to_string()});
            let counted = apply(&stock, "count", &change(count), minute(2)).await;
            // then it is taken, and so is what was sold since
            assert!(matches!(counted, Ok(Applied::Now(_))), "{counted:?}");
        };
        let selling = while_selling(&shop, a_second, counting);
        let sold = tokio::select! {
            sold = selling => sold,
            () = follow(&stock) => 0,
        };
        assert!(sold > 0);
        assert_eq!(milk(&stock).await.on_hand, 9_000 - sold);
    }
}
