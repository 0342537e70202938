//! Reads and writes of items that other transactions hold are retried and succeed.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, TransactWriteItem, Update};
use futures::future::join_all;
use stockline_application::ports::alerts::{AlertRecord, AlertStore, AlertWriteOutcome};
use stockline_application::ports::audit_data::{AuditData, RepairOutcome, StockRepairer};
use stockline_application::ports::tasks::TaskStore;
use stockline_application::stock_change::ChangeOutcome;
use stockline_domain::alert::AlertKind;
use stockline_domain::audit::repair;
use stockline_domain::catalog::Zone;
use stockline_domain::ids::RequestId;
use stockline_domain::order::Order;
use stockline_domain::task::Task;
use stockline_platform::dynamodb::alerts::DynamoAlerts;
use stockline_platform::dynamodb::attributes::key_of;
use stockline_platform::dynamodb::tasks::DynamoTasks;
use stockline_platform::keys;
use stockline_testkit::cloud::Table;
use stockline_testkit::conformance::orders::{StockedOrders, deadline, minute};
use stockline_testkit::conformance::stock::key;
use stockline_testkit::orders::order;
use stockline_testkit::simulated_dynamodb::SimulatedDynamoDb;
use tokio::time::timeout;

use crate::test_store::{SEEDS, TestStore, damage_change, milk_key, policy_with_buckets};

#[tokio::test(start_paused = true)]
async fn concurrent_orders_of_one_sku_are_both_placed() {
    let mut conflicts = 0;
    for seed in SEEDS {
        // given a level and two orders for it
        let store = TestStore::with_milk(seed, 10).await;
        let orders = ["a", "b"].map(|key| order(key, "store-1", "pos", &[("milk", 2)]));
        // when both arrive concurrently
        join_all(orders.iter().map(|order| store.place(order))).await;
        // then the order that conflicted was retried, and both took their units
        assert_eq!(store.shop.level_of("store-1", "milk").await, (6, 0));
        conflicts += store.transaction_conflicts();
    }
    assert!(conflicts > 0, "no transaction conflict occurred");
}

#[tokio::test(start_paused = true)]
async fn policy_is_written_during_conflicting_orders() {
    for seed in SEEDS {
        // given a level with concurrent orders
        let store = TestStore::with_milk(seed, 100).await;
        let orders: Vec<Order> = (0..10)
            .map(|number| order(&number.to_string(), "store-1", "pos", &[("milk", 1)]))
            .collect();
        let selling = join_all(orders.iter().map(|order| store.place(order)));
        // when its policy is set meanwhile
        let policy = serde_json::from_str(r#"{"reorder_point": 2, "target_level": 9}"#).unwrap();
        let writing = async {
            tokio::time::sleep(Duration::from_millis(seed)).await;
            store.set_policy(&policy, minute(0)).await
        };
        let (_, written) = tokio::join!(selling, writing);
        // then the policy is written despite the conflicts
        assert_eq!(written.unwrap().unwrap().policy, Some(policy));
    }
}

/// Locks an item by a transaction that sets an unrelated attribute. Returns whether the transaction committed.
async fn lock_item(client: &Client, table: &str, key: &keys::Key) -> bool {
    let touch = Update::builder()
        .table_name(table)
        .set_key(Some(key_of(key)))
        .update_expression("SET touched = :yes")
        .expression_attribute_values(":yes", AttributeValue::Bool(true))
        .build()
        .unwrap();
    let touch = TransactWriteItem::builder().update(touch).build();
    let transaction = client.transact_write_items().transact_items(touch);
    transaction.send().await.is_ok()
}

/// Locks the key of a missing item by a transaction with a condition check, which must commit.
async fn lock_missing_item(client: &Client, table: &str, key: &keys::Key) {
    let check = ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(key_of(key)))
        .condition_expression("attribute_not_exists(pk)")
        .build()
        .unwrap();
    let check = TransactWriteItem::builder().condition_check(check).build();
    let transaction = client.transact_write_items().transact_items(check);
    // The condition fails if the item was written first.
    let _ = transaction.send().await;
}

#[tokio::test(start_paused = true)]
async fn refusal_waits_for_its_locked_record() {
    let mut conflicts = 0;
    for seed in SEEDS {
        // given a damage adjustment that exceeds the stock
        let store = TestStore::with_milk(seed, 10).await;
        let damage = damage_change(11);
        // when it is sent while a transaction locks the key of its request record
        let record = keys::settled_change(RequestId::derive("manager", "broken"), 0);
        let (applied, ()) = tokio::join!(
            async {
                tokio::time::sleep(Duration::from_millis(seed)).await;
                store.send_change("broken", &damage, minute(0)).await
            },
            lock_missing_item(&store.shop.client, &store.shop.stock_table, &record)
        );
        // then it is refused, not busy
        assert!(
            matches!(applied, Ok(ChangeOutcome::Refused(_))),
            "{applied:?}"
        );
        conflicts += store.requests_with_code("PutItem", "TransactionConflictException");
    }
    assert!(conflicts > 0, "no write hit a locked item");
}

#[tokio::test(start_paused = true)]
async fn rebalance_skips_a_constantly_locked_bucket() {
    // given 90 excess units in the first of three buckets
    let store = TestStore::with_milk(1, 9).await;
    store
        .set_policy(&policy_with_buckets(3), minute(0))
        .await
        .unwrap();
    store.adjust_without_movement(90).await;
    // when the level is rebalanced for 1.5 s while the second bucket is almost always locked
    let (client, stock) = (&store.shop.client, &store.shop.stock_table);
    let second_bucket = keys::level_bucket(&milk_key(), 1);
    let locking = join_all((0..32).map(|_| async {
        for _ in 0..1000 {
            lock_item(client, stock, &second_bucket).await;
        }
    }));
    let policy = policy_with_buckets(3);
    tokio::select! {
        _ = locking => panic!("the rebalance outlasted the locks"),
        _ = timeout(Duration::from_millis(1500), store.set_policy(&policy, minute(1))) => {}
    }
    // then the third bucket has its share
    let items = store.stock.levels(&milk_key()).await.unwrap();
    let on_hand: Vec<i64> = items.iter().map(|item| item.level.on_hand).collect();
    assert!(on_hand[2] >= 30, "{on_hand:?}");
}

#[tokio::test(start_paused = true)]
async fn repair_retries_a_locked_level() {
    let mut conflicts = 0;
    for seed in SEEDS {
        // given a finding of an audit
        let store = TestStore::new(seed);
        store.receive(10, minute(0)).await;
        store.allocate_seven_without_order().await;
        let finding = store.findings("2026-03-02T12:00:00Z").await.remove(0);
        let repairs = repair(&finding.data, minute(24 * 60));
        let before = store.transaction_conflicts();
        // when it is repaired while a transaction locks the level
        let (client, stock) = (&store.shop.client, &store.shop.stock_table);
        let level = keys::level(&milk_key());
        let (repaired, is_locked) = tokio::join!(
            async {
                tokio::time::sleep(Duration::from_millis(seed + 1)).await;
                store.stock.repair(&repairs[0], deadline()).await
            },
            lock_item(client, stock, &level)
        );
        // then the repair is applied despite the conflict
        assert!(is_locked);
        assert_eq!(repaired.unwrap(), RepairOutcome::Repaired);
        conflicts += store.transaction_conflicts() - before;
    }
    assert!(conflicts > 0, "no transaction conflict occurred");
}

#[tokio::test(start_paused = true)]
async fn task_and_alert_writes_retry_locked_items() {
    let mut conflicts = 0;
    for seed in SEEDS {
        // given a queued task and the alert record of a level
        let database = SimulatedDynamoDb::new(seed);
        let client = database.aws().dynamodb();
        let (tasks_table, stock_table) = (
            database.create_table(Table::Tasks),
            database.create_table(Table::Stock),
        );
        let tasks = DynamoTasks::new(client.clone(), tasks_table.clone());
        let zone = Zone {
            zone_id: "dry".parse().unwrap(),
            aisles: 1,
        };
        let sale = order("a", "hub-1", "online", &[("milk", 1)]);
        let task = Task::plan(&sale, &[zone], sale.placed_at).remove(0);
        tasks.add(&task).await.unwrap();
        let controller = "controller-1".parse().unwrap();
        let leased = task.lease(&controller, sale.placed_at).unwrap();
        let alerts = DynamoAlerts::new(client.clone(), stock_table.clone());
        let level = key("hub-1", "milk");
        let record = |version| AlertRecord {
            state: AlertKind::Low,
            version,
            pending: None,
        };
        alerts.replace(&level, None, &record(1)).await.unwrap();
        // when each is written while a transaction locks it
        let lock = async |table: &str, key: keys::Key| {
            assert!(lock_item(&client, table, &key).await);
        };
        let delay = || tokio::time::sleep(Duration::from_millis(seed));
        let (replaced, advanced, published, ..) = tokio::join!(
            async {
                delay().await;
                tasks.replace(&task, &leased).await
            },
            async {
                delay().await;
                alerts.replace(&level, Some(1), &record(2)).await
            },
            async {
                delay().await;
                alerts.mark_published(&level, 1).await
            },
            lock(&tasks_table, keys::task(task.task_id)),
            lock(&stock_table, keys::alert(&level)),
        );
        // then each write succeeds
        assert!(replaced.unwrap(), "seed {seed}");
        assert_eq!(advanced.unwrap(), AlertWriteOutcome::Written, "seed {seed}");
        published.unwrap();
        assert_eq!(tasks.find(task.task_id).await.unwrap(), Some(leased));
        assert_eq!(alerts.find(&level).await.unwrap(), Some(record(2)));
        for operation in ["PutItem", "UpdateItem"] {
            let key = (
                operation.to_owned(),
                "TransactionConflictException".to_owned(),
            );
            let counts = database.request_counts();
            conflicts += counts.get(&key).copied().unwrap_or_default();
        }
    }
    assert!(conflicts > 0, "no write hit a locked item");
}
