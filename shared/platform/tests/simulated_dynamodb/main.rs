//! The stores on a simulated DynamoDB: they do what every store must, also where the real service throttles, refuses because
//! another transaction is under way, or loses a response.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod beside_an_order;
mod busy;
mod costs;
mod gathering;
mod late_counts;
mod one_moment;
mod opening;
mod policies;
mod spread;

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use futures::future::join_all;
use serde_json::json;
use stockline_domain::alert::AlertKind;
use stockline_domain::catalog::Zone;
use stockline_domain::level::LevelKey;
use stockline_domain::order::Order;
use stockline_domain::task::Task;
use stockline_platform::deadline::Deadline;
use stockline_platform::dynamodb::alerts::DynamoAlerts;
use stockline_platform::dynamodb::attributes::{item, key_of};
use stockline_platform::dynamodb::audit_records::DynamoAuditRecords;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::orders::OrderRecord;
use stockline_platform::dynamodb::sales::DynamoSales;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::dynamodb::tasks::{DynamoCompletions, DynamoTasks};
use stockline_platform::fingerprint::Fingerprint;
use stockline_platform::keys;
use stockline_platform::ports::alerts::{Advance, AlertRecord, AlertStore};
use stockline_platform::ports::orders::{OrderStore, Placement};
use stockline_platform::ports::stock::{MissingLevel, StockStore};
use stockline_platform::ports::tasks::TaskStore;
use stockline_platform::store_error::StoreError;
use stockline_testkit::cloud::Table;
use stockline_testkit::conformance;
use stockline_testkit::conformance::orders::{StockedOrders, minute};
use stockline_testkit::dynamo_books::DynamoBooks;
use stockline_testkit::dynamo_shop::DynamoShop;
use stockline_testkit::orders::order;
use stockline_testkit::simulated_dynamodb::{
    Fault, FaultRates, SimulatedDynamoDb, Throughput, Timing,
};
use tokio::time::Instant;

const SEEDS: std::ops::Range<u64> = 0..8;

fn shop(database: &SimulatedDynamoDb) -> DynamoShop {
    let client = database.aws().dynamodb();
    DynamoShop::new(
        client.clone(),
        client,
        database.table(Table::Orders),
        database.table(Table::Stock),
    )
}

fn request() -> Fingerprint {
    Fingerprint::of(&"a").unwrap()
}

fn within(seconds: u64) -> Deadline {
    Deadline::within(Duration::from_secs(seconds))
}

fn milk() -> LevelKey {
    conformance::stock::key("store-1", "milk")
}

/// So much milk at `store-1`, in four buckets evenly, and the stock it is of.
async fn split_milk(database: &SimulatedDynamoDb, shop: &DynamoShop, on_hand: i64) -> DynamoStock {
    StockedOrders::stock(shop, "store-1", "milk", on_hand).await;
    let stock = DynamoStock::new(database.aws().dynamodb(), shop.stock_table.clone());
    let policy = json!({"reorder_point": 1, "target_level": 9, "buckets": 4});
    let policy = serde_json::from_value(policy).unwrap();
    let report = MissingLevel::Report;
    let split = stock
        .set_policy(&milk(), &policy, report, minute(0), within(20))
        .await;
    assert_eq!(split.unwrap().unwrap().on_hand, on_hand);
    stock
}

/// How many requests of `operation` there were, however they ended.
fn sent(database: &SimulatedDynamoDb, operation: &str) -> u64 {
    let tally = database.tally();
    let of_it = tally.iter().filter(|((name, _), _)| name == operation);
    of_it.map(|(_, count)| count).sum()
}

/// Writes the item under `key` in a transaction that leaves it as it is, but for its version.
async fn write_again(shop: &DynamoShop, key: keys::Key) {
    let update = Update::builder()
        .table_name(&shop.stock_table)
        .set_key(Some(key_of(&key)))
        .update_expression("SET version = version + :one")
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .build()
        .unwrap();
    let update = TransactWriteItem::builder().update(update).build();
    let write = shop.client.transact_write_items().transact_items(update);
    // One that meets another is refused, and that is as good.
    let _ = write.send().await;
}

fn conflicts(database: &SimulatedDynamoDb) -> u64 {
    let conflict = ("TransactWriteItems".into(), "TransactionConflict".into());
    database.tally().get(&conflict).copied().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn orders_conform() {
    for seed in SEEDS {
        let database = SimulatedDynamoDb::new(seed);
        Box::pin(conformance::orders::all(&shop(&database))).await;
        Box::pin(conformance::orders::wide::all(&shop(&database))).await;
        assert!(conflicts(&database) > 0, "nobody stood in anybody's way");
    }
}

#[tokio::test(start_paused = true)]
async fn split_levels_conform() {
    for seed in SEEDS {
        let database = SimulatedDynamoDb::new(seed);
        let shop = shop(&database);
        let stock = DynamoStock::new(database.aws().dynamodb(), shop.stock_table.clone());
        conformance::split_levels::all(&shop, &stock).await;
        conformance::split_levels::wide(&shop, &stock).await;
    }
}

#[tokio::test(start_paused = true)]
async fn stock_conforms() {
    for seed in SEEDS {
        let database = SimulatedDynamoDb::new(seed);
        let table = database.table(Table::Stock);
        let store = DynamoStock::new(database.aws().dynamodb(), table);
        conformance::stock::all(&store).await;
    }
}

#[tokio::test(start_paused = true)]
async fn books_conform() {
    for seed in SEEDS {
        let database = SimulatedDynamoDb::new(seed);
        let (orders, stock) = (database.table(Table::Orders), database.table(Table::Stock));
        let client = database.aws().dynamodb();
        let books = DynamoBooks::new(client.clone(), orders, stock.clone());
        Box::pin(conformance::books::all(&books)).await;
        let records = DynamoAuditRecords::new(client, stock);
        conformance::books::what_is_found_is_kept_by_day(&records).await;
    }
}

#[tokio::test(start_paused = true)]
async fn whereabouts_conform() {
    for seed in SEEDS {
        let database = SimulatedDynamoDb::new(seed);
        let table = database.table(Table::Stock);
        let store = DynamoStock::new(database.aws().dynamodb(), table);
        conformance::whereabouts::all(&store).await;
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_conform() {
    for seed in SEEDS {
        let database = SimulatedDynamoDb::new(seed);
        let (client, shop) = (database.aws().dynamodb(), shop(&database));
        let table = database.table(Table::Tasks);
        let tasks = DynamoTasks::new(client.clone(), table.clone());
        let orders_table = database.table(Table::Orders);
        let completions =
            DynamoCompletions::new(client, table, orders_table, shop.stock_table.clone());
        conformance::tasks::all(&tasks, &completions, &shop).await;
    }
}

#[tokio::test(start_paused = true)]
async fn alerts_conform() {
    let database = SimulatedDynamoDb::new(1);
    let table = database.table(Table::Stock);
    conformance::alerts::all(&DynamoAlerts::new(database.aws().dynamodb(), table)).await;
}

#[tokio::test(start_paused = true)]
async fn a_catalog_conforms() {
    let database = SimulatedDynamoDb::new(1);
    let table = database.table(Table::Catalog);
    conformance::catalog::all(&DynamoCatalog::new(database.aws().dynamodb(), table)).await;
}

#[tokio::test(start_paused = true)]
async fn sales_conform() {
    let database = SimulatedDynamoDb::new(1);
    let (client, table) = (database.aws().dynamodb(), database.table(Table::Orders));
    let put = async |order: Order| {
        let record = OrderRecord::new(&order, &request());
        let item = item(&keys::order(order.order_id), &record).unwrap();
        let put = client.put_item().table_name(&table).set_item(Some(item));
        put.send().await.unwrap();
    };
    let sales = DynamoSales::new(client.clone(), table.clone());
    conformance::export::a_day_is_read_whole_and_alone(&sales, put).await;
}

#[tokio::test(start_paused = true)]
async fn two_orders_of_one_sku_at_once_are_both_placed() {
    let mut met = 0;
    for seed in SEEDS {
        // given one level that two orders want
        let database = SimulatedDynamoDb::new(seed);
        let shop = shop(&database);
        StockedOrders::stock(&shop, "store-1", "milk", 10).await;
        let orders = ["a", "b"].map(|key| order(key, "store-1", "pos", &[("milk", 2)]));
        // when both come at once
        let request = request();
        let placed = join_all(
            orders
                .iter()
                .map(|order| OrderStore::place(&shop, order, &request, within(5))),
        )
        .await;
        // then the one that stood back tried again, and both took their goods
        for placed in placed {
            assert_eq!(placed.unwrap(), Placement::Placed);
        }
        assert_eq!(shop.level_of("store-1", "milk").await, (6, 0));
        met += conflicts(&database);
    }
    assert!(met > 0, "nobody stood in anybody's way");
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_that_overlaps_its_first_is_one_order() {
    for seed in SEEDS {
        let database = SimulatedDynamoDb::new(seed);
        let shop = shop(&database);
        // just enough for one: a duplicate that only looked at the level would be told that it is short
        StockedOrders::stock(&shop, "store-1", "milk", 2).await;
        let sale = order("once", "store-1", "pos", &[("milk", 2)]);
        let request = request();
        let placed = join_all((0..2_u64).map(async |copy| {
            tokio::time::sleep(Duration::from_millis(copy * (seed + 1))).await;
            OrderStore::place(&shop, &sale, &request, within(5)).await
        }))
        .await;
        let mut placed: Vec<Placement> = placed.into_iter().map(Result::unwrap).collect();
        placed.sort_by_key(|placement| *placement != Placement::Placed);
        let again = Placement::Replayed(Box::new(sale));
        assert_eq!(placed, [Placement::Placed, again], "seed {seed}");
        assert_eq!(shop.level_of("store-1", "milk").await, (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_of_an_order_that_no_bucket_has_enough_for_is_one_order() {
    for seed in 0..200 {
        // given a level that is split, with enough for one such order and not for two
        let database = SimulatedDynamoDb::new(seed);
        let shop = shop(&database);
        let stock = split_milk(&database, &shop, 40).await;
        let sale = order("once", "store-1", "pos", &[("milk", 25)]);
        let request = request();
        // when it is sent twice
        let placed = join_all((0..2_u64).map(async |copy| {
            tokio::time::sleep(Duration::from_millis(copy * (seed % 50))).await;
            OrderStore::place(&shop, &sale, &request, within(5)).await
        }))
        .await;
        // then neither is told that it is short
        let mut placed: Vec<Placement> = placed.into_iter().map(Result::unwrap).collect();
        placed.sort_by_key(|placement| *placement != Placement::Placed);
        let again = Placement::Replayed(Box::new(sale));
        assert_eq!(placed, [Placement::Placed, again], "seed {seed}");
        assert_eq!(stock.find(&milk()).await.unwrap().unwrap().on_hand, 15);
    }
}

#[tokio::test(start_paused = true)]
async fn a_split_level_is_read_in_one_moment_while_its_goods_move() {
    for seed in SEEDS {
        // given orders that take a split level apart, and even it out
        let database = SimulatedDynamoDb::new(seed);
        let shop = shop(&database);
        let stock = split_milk(&database, &shop, 400).await;
        let request = request();
        let selling = async {
            for number in 0..15 {
                let name = number.to_string();
                let sale = order(&name, "store-1", "online", &[("milk", 1)]);
                let placed = OrderStore::place(&shop, &sale, &request, within(20)).await;
                assert_eq!(placed.unwrap(), Placement::Placed);
                let sale = order(&format!("{name}-big"), "store-1", "online", &[("milk", 20)]);
                let placed = OrderStore::place(&shop, &sale, &request, within(20)).await;
                assert_eq!(placed.unwrap(), Placement::Placed);
            }
        };
        // when it is looked at all the while
        let looking = async {
            for _ in 0..100 {
                let level = stock.find(&milk()).await.unwrap().unwrap();
                assert_eq!(level.on_hand, 400, "seed {seed}");
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        };
        // then what is there is always the same
        tokio::join!(selling, looking);
    }
}

#[tokio::test(start_paused = true)]
async fn a_level_is_one_read_and_a_split_one_is_one_more_that_is_remembered() {
    let database = SimulatedDynamoDb::new(1);
    let shop = shop(&database);
    let reads =
        || ["GetItem", "TransactGetItems", "BatchGetItem"].map(|name| sent(&database, name));
    StockedOrders::stock(&shop, "store-1", "bread", 1).await;
    split_milk(&database, &shop, 40).await;
    let stock = DynamoStock::new(database.aws().dynamodb(), shop.stock_table.clone());
    let mut before = reads();
    for (level, expected) in [
        (conformance::stock::key("store-1", "bread"), [1, 0, 0]),
        (milk(), [1, 1, 0]),
        (milk(), [0, 1, 0]),
    ] {
        stock.find(&level).await.unwrap().unwrap();
        let after = reads();
        let took = [0, 1, 2].map(|place| after[place] - before[place]);
        assert_eq!(took, expected, "{level:?}");
        before = after;
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_is_answered_busy_and_nothing_is_half_done() {
    // given a level that many want, and callers who wait no longer than a transaction takes
    let database = SimulatedDynamoDb::new(3);
    let shop = shop(&database);
    StockedOrders::stock(&shop, "store-1", "milk", 1000).await;
    let orders: Vec<Order> = (0..40)
        .map(|number| {
            order(
                &number.to_string(),
                "store-1",
                "pos",
                &[("milk", 1), ("bread", 1)],
            )
        })
        .collect();
    StockedOrders::stock(&shop, "store-1", "bread", 1000).await;
    let request = request();
    let placed = join_all(orders.iter().map(|order| {
        let deadline = Deadline::within(Duration::from_millis(60));
        OrderStore::place(&shop, order, &request, deadline)
    }))
    .await;
    // then some were placed, the rest is told to come again, and the levels agree with the orders that are there
    let busy = placed
        .iter()
        .filter(|placed| matches!(placed, Err(StoreError::Busy)))
        .count();
    let done = placed
        .iter()
        .filter(|placed| matches!(placed, Ok(Placement::Placed)))
        .count();
    assert_eq!(busy + done, 40);
    assert!(busy > 0 && done > 0, "{busy} busy, {done} placed");
    let left = 1000 - i64::try_from(done).unwrap();
    for sku in ["milk", "bread"] {
        assert_eq!(shop.level_of("store-1", sku).await, (left, 0));
    }
    assert_eq!(database.items("simulated-orders").len(), done);
}

#[tokio::test(start_paused = true)]
async fn a_partition_without_units_is_waited_for() {
    // given a level whose partition gives four write units a second, two orders' worth
    let throughput = Throughput {
        writes: 4,
        ..Throughput::default()
    };
    let database = SimulatedDynamoDb::with(5, Timing::default(), throughput);
    let shop = shop(&database);
    StockedOrders::stock(&shop, "store-1", "milk", 10).await;
    // when three orders come, one after the other, and a fourth that cannot wait
    let begun = Instant::now();
    for key in ["a", "b", "c"] {
        let sale = order(key, "store-1", "pos", &[("milk", 1)]);
        let placed = OrderStore::place(&shop, &sale, &request(), within(5)).await;
        assert_eq!(placed.unwrap(), Placement::Placed);
    }
    let waited = begun.elapsed();
    let hasty = order("d", "store-1", "pos", &[("milk", 1)]);
    let deadline = Deadline::within(Duration::from_millis(50));
    let refused = OrderStore::place(&shop, &hasty, &request(), deadline).await;
    // then the third waited for its units, and the fourth is told to come again
    assert!(waited > Duration::from_millis(200), "{waited:?}");
    assert!(matches!(refused, Err(StoreError::Busy)), "{refused:?}");
    assert_eq!(shop.level_of("store-1", "milk").await, (7, 0));
}

#[tokio::test(start_paused = true)]
async fn whatever_is_lost_on_the_way_no_order_is_placed_twice() {
    for seed in SEEDS {
        // given a service that loses a tenth of all requests and of all responses, and fails now and then
        let database = SimulatedDynamoDb::new(seed);
        let shop = shop(&database);
        StockedOrders::stock(&shop, "store-1", "milk", 1000).await;
        database.set_fault_rates(FaultRates {
            requests_lost: 100,
            responses_lost: 100,
            errors_before: 20,
            errors_after: 20,
        });
        // when a till asks until it is answered
        let request = request();
        for number in 0..30 {
            let sale = order(&number.to_string(), "store-1", "pos", &[("milk", 1)]);
            while OrderStore::place(&shop, &sale, &request, within(5))
                .await
                .is_err()
            {}
        }
        // then it has its orders, each once
        database.set_fault_rates(FaultRates::default());
        assert_eq!(shop.level_of("store-1", "milk").await, (970, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_whose_response_is_lost_after_the_commit_takes_its_goods_once() {
    let database = SimulatedDynamoDb::new(1);
    let shop = shop(&database);
    StockedOrders::stock(&shop, "store-1", "milk", 10).await;
    let sale = order("lost", "store-1", "pos", &[("milk", 3)]);
    database.fail_next("TransactWriteItems", Fault::ResponseLost);
    let placed = OrderStore::place(&shop, &sale, &request(), within(20)).await;
    assert_eq!(placed.unwrap(), Placement::Placed);
    assert_eq!(shop.level_of("store-1", "milk").await, (7, 0));
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_written_while_orders_hold_the_level() {
    for seed in SEEDS {
        // given a level that sells
        let database = SimulatedDynamoDb::new(seed);
        let shop = shop(&database);
        StockedOrders::stock(&shop, "store-1", "milk", 100).await;
        let stock = DynamoStock::new(database.aws().dynamodb(), shop.stock_table.clone());
        let orders: Vec<Order> = (0..10)
            .map(|number| order(&number.to_string(), "store-1", "pos", &[("milk", 1)]))
            .collect();
        let request = request();
        let selling = join_all(
            orders
                .iter()
                .map(|order| OrderStore::place(&shop, order, &request, within(20))),
        );
        // when its policy is written meanwhile
        let policy = serde_json::from_str(r#"{"reorder_point": 2, "target_level": 9}"#).unwrap();
        let level = conformance::stock::key("store-1", "milk");
        let writing = async {
            tokio::time::sleep(Duration::from_millis(seed)).await;
            let report = MissingLevel::Report;
            stock
                .set_policy(&level, &policy, report, minute(0), within(20))
                .await
        };
        let (placed, written) = tokio::join!(selling, writing);
        // then the orders do not keep it away
        assert!(placed.iter().all(Result::is_ok));
        assert_eq!(written.unwrap().unwrap().policy, Some(policy));
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_committed_is_answered_however_long_evening_its_level_out_takes() {
    let never = Fault::Delay(Duration::from_hours(1));
    let at_once = Fault::Delay(Duration::ZERO);
    // given an order that finds too little in one bucket: a transaction in vain, one that commits, and one that evens out
    let writes = ("TransactWriteItems", vec![at_once, at_once, never]);
    // which reads the level to plan, and again to even it out
    let reads = ("TransactGetItems", vec![at_once, never]);
    for (operation, faults) in [writes, reads] {
        for seconds in [1, 10] {
            let database = SimulatedDynamoDb::new(1);
            let shop = shop(&database);
            let stock = split_milk(&database, &shop, 40).await;
            let before = sent(&database, operation);
            // when that hangs at the last of them
            for fault in &faults {
                database.fail_next(operation, *fault);
            }
            let sale = order("a", "store-1", "pos", &[("milk", 25)]);
            let begun = Instant::now();
            let request = request();
            let placing = OrderStore::place(&shop, &sale, &request, within(seconds));
            let placed = tokio::time::timeout(Duration::from_secs(seconds), placing).await;
            // then the till is told that the order is placed, and soon
            assert_eq!(placed.unwrap().unwrap(), Placement::Placed, "{operation}");
            assert!(begun.elapsed() < Duration::from_millis(600));
            assert_eq!(sent(&database, operation) - before, faults.len() as u64);
            let left = stock.find(&milk()).await.unwrap().unwrap();
            assert_eq!((left.on_hand, left.allocated), (15, 0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_committed_at_the_last_moment_evens_nothing_out() {
    // given a split level of which no bucket has enough, and a caller who waits a quarter of a second
    let database = SimulatedDynamoDb::new(1);
    let shop = shop(&database);
    split_milk(&database, &shop, 40).await;
    let requests = || {
        let operations = ["TransactWriteItems", "GetItem", "TransactGetItems"];
        operations.map(|operation| sent(&database, operation))
    };
    let before = requests();
    let sale = order("a", "store-1", "pos", &[("milk", 25)]);
    let deadline = Deadline::within(Duration::from_millis(250));
    let placed = OrderStore::place(&shop, &sale, &request(), deadline).await;
    // then it is placed with the two transactions it needs, and what it reads between them
    assert_eq!(placed.unwrap(), Placement::Placed);
    let after = requests();
    assert_eq!(
        [0, 1, 2].map(|place| after[place] - before[place]),
        [2, 0, 1]
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_and_an_alert_are_written_though_a_transaction_holds_them() {
    let mut met = 0;
    for seed in SEEDS {
        // given a task that waits, and what was said of a level
        let database = SimulatedDynamoDb::new(seed);
        let client = database.aws().dynamodb();
        let (tasks_table, stock_table) =
            (database.table(Table::Tasks), database.table(Table::Stock));
        let tasks = DynamoTasks::new(client.clone(), tasks_table.clone());
        let zone = Zone {
            zone_id: "dry".parse().unwrap(),
            aisles: 1,
        };
        let sale = order("a", "hub-1", "online", &[("milk", 1)]);
        let waiting = Task::plan(&sale, &[zone], sale.placed_at).remove(0);
        tasks.add(&waiting).await.unwrap();
        let controller = "controller-1".parse().unwrap();
        let leased = waiting.lease(&controller, sale.placed_at).unwrap();
        let alerts = DynamoAlerts::new(client.clone(), stock_table.clone());
        let level = conformance::stock::key("hub-1", "milk");
        let said = |version| AlertRecord {
            state: AlertKind::Low,
            version,
            pending: None,
        };
        alerts.advance(&level, None, &said(1)).await.unwrap();
        // when each is written while a transaction has it
        let held = async |table: &str, key: keys::Key| {
            let touch = Update::builder()
                .table_name(table)
                .set_key(Some(key_of(&key)))
                .update_expression("SET touched = :yes")
                .expression_attribute_values(":yes", AttributeValue::Bool(true))
                .build()
                .unwrap();
            let touch = TransactWriteItem::builder().update(touch).build();
            let sent = client.transact_write_items().transact_items(touch);
            sent.send().await.unwrap();
        };
        let a_moment = || tokio::time::sleep(Duration::from_millis(seed));
        let (replaced, advanced, published, ..) = tokio::join!(
            async {
                a_moment().await;
                tasks.replace(&waiting, &leased).await
            },
            async {
                a_moment().await;
                alerts.advance(&level, Some(1), &said(2)).await
            },
            async {
                a_moment().await;
                alerts.published(&level, 1).await
            },
            held(&tasks_table, keys::task(waiting.task_id)),
            held(&stock_table, keys::alert(&level)),
        );
        // then each is written all the same
        assert!(replaced.unwrap(), "seed {seed}");
        assert_eq!(advanced.unwrap(), Advance::Done, "seed {seed}");
        published.unwrap();
        assert_eq!(tasks.find(waiting.task_id).await.unwrap(), Some(leased));
        assert_eq!(alerts.find(&level).await.unwrap(), Some(said(2)));
        for write in ["PutItem", "UpdateItem"] {
            let conflict = (write.to_owned(), "TransactionConflictException".to_owned());
            met += database.tally().get(&conflict).copied().unwrap_or_default();
        }
    }
    assert!(met > 0, "nothing was held when it was to be written");
}
