//! What others hold is written all the same, a moment later.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, TransactWriteItem, Update};
use futures::future::join_all;
use stockline_domain::alert::AlertKind;
use stockline_domain::audit::mend;
use stockline_domain::catalog::Zone;
use stockline_domain::ids::RequestId;
use stockline_domain::order::Order;
use stockline_domain::task::Task;
use stockline_platform::dynamodb::alerts::DynamoAlerts;
use stockline_platform::dynamodb::attributes::key_of;
use stockline_platform::dynamodb::tasks::DynamoTasks;
use stockline_platform::keys;
use stockline_platform::ports::alerts::{Advance, AlertRecord, AlertStore};
use stockline_platform::ports::books::{Bookkeeper, Books, Mended};
use stockline_platform::ports::stock::Applied;
use stockline_platform::ports::tasks::TaskStore;
use stockline_testkit::cloud::Table;
use stockline_testkit::conformance::orders::{StockedOrders, deadline, minute};
use stockline_testkit::conformance::stock::key;
use stockline_testkit::orders::order;
use stockline_testkit::simulated_dynamodb::SimulatedDynamoDb;
use tokio::time::timeout;

use crate::store::{SEEDS, Store, damaged, milk, over};

#[tokio::test(start_paused = true)]
async fn two_orders_of_one_sku_at_once_are_both_placed() {
    let mut met = 0;
    for seed in SEEDS {
        // given one level that two orders want
        let store = Store::of_milk(seed, 10).await;
        let orders = ["a", "b"].map(|key| order(key, "store-1", "pos", &[("milk", 2)]));
        // when both come at once
        join_all(orders.iter().map(|order| store.place(order))).await;
        // then the one that stood back tried again, and both took their goods
        assert_eq!(store.shop.level_of("store-1", "milk").await, (6, 0));
        met += store.conflicts();
    }
    assert!(met > 0, "nobody stood in anybody's way");
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_written_while_orders_hold_the_level() {
    for seed in SEEDS {
        // given a level that sells
        let store = Store::of_milk(seed, 100).await;
        let orders: Vec<Order> = (0..10)
            .map(|number| order(&number.to_string(), "store-1", "pos", &[("milk", 1)]))
            .collect();
        let selling = join_all(orders.iter().map(|order| store.place(order)));
        // when its policy is written meanwhile
        let policy = serde_json::from_str(r#"{"reorder_point": 2, "target_level": 9}"#).unwrap();
        let writing = async {
            tokio::time::sleep(Duration::from_millis(seed)).await;
            store.set_policy(&policy, minute(0)).await
        };
        let (_, written) = tokio::join!(selling, writing);
        // then the orders do not keep it away
        assert_eq!(written.unwrap().unwrap().policy, Some(policy));
    }
}

/// Writes an item in a transaction that changes nothing of it, if nobody else does.
async fn hold(client: &Client, table: &str, key: &keys::Key) -> bool {
    let touch = Update::builder()
        .table_name(table)
        .set_key(Some(key_of(key)))
        .update_expression("SET touched = :yes")
        .expression_attribute_values(":yes", AttributeValue::Bool(true))
        .build()
        .unwrap();
    let touch = TransactWriteItem::builder().update(touch).build();
    let sent = client.transact_write_items().transact_items(touch);
    sent.send().await.is_ok()
}

/// Sees that nothing is there under `key`, in a transaction, if nobody else does.
async fn hold_absent(client: &Client, table: &str, key: &keys::Key) {
    let check = ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(key_of(key)))
        .condition_expression("attribute_not_exists(pk)")
        .build()
        .unwrap();
    let check = TransactWriteItem::builder().condition_check(check).build();
    let sent = client.transact_write_items().transact_items(check).send();
    sent.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_change_is_refused_though_a_transaction_holds_the_record_that_it_would_have_left() {
    let mut met = 0;
    for seed in SEEDS {
        // given more damage than there is milk
        let store = Store::of_milk(seed, 10).await;
        let broken = damaged(11);
        // when it is told while a transaction has the record of it
        let record = keys::applied_change(RequestId::derive("manager", "broken"), 0);
        let (told, ()) = tokio::join!(
            async {
                tokio::time::sleep(Duration::from_millis(seed)).await;
                store.send("broken", &broken, minute(0)).await
            },
            hold_absent(&store.shop.client, &store.shop.stock_table, &record)
        );
        // then whoever tells it hears why it cannot be
        assert!(matches!(told, Ok(Applied::Refused(_))), "{told:?}");
        met += store.ended("TransactGetItems", "TransactionConflict");
    }
    assert!(met > 0, "nothing was held when it was to be read");
}

#[tokio::test(start_paused = true)]
async fn goods_are_evened_out_past_an_item_that_others_hold_all_the_time() {
    // given ninety too many in the first of three items
    let store = Store::of_milk(1, 9).await;
    store.set_policy(&over(3), minute(0)).await.unwrap();
    store.lose(-90).await;
    // when the level is evened out for a second and a half in which the second is hardly ever free
    let (client, stock) = (&store.shop.client, &store.shop.stock_table);
    let second = keys::level_bucket(&milk(), 1);
    let holding = join_all((0..32).map(|_| async {
        for _ in 0..1000 {
            hold(client, stock, &second).await;
        }
    }));
    let policy = over(3);
    tokio::select! {
        _ = holding => panic!("it took too long"),
        _ = timeout(Duration::from_millis(1500), store.set_policy(&policy, minute(1))) => {}
    }
    // then the third has got its share
    let items = store.stock.levels(&milk()).await.unwrap();
    let on_hand: Vec<i64> = items.iter().map(|item| item.level.on_hand).collect();
    assert!(on_hand[2] >= 30, "{on_hand:?}");
}

#[tokio::test(start_paused = true)]
async fn a_level_is_repaired_though_a_transaction_holds_it() {
    let mut met = 0;
    for seed in SEEDS {
        // given what an audit found
        let store = Store::new(seed);
        store.receive(10, minute(0)).await;
        store.promise_seven_to_nobody().await;
        let finding = store.findings("2026-03-02T12:00:00Z").await.remove(0);
        let mends = mend(&finding.books, minute(24 * 60));
        let before = store.conflicts();
        // when it is mended while a transaction has the level
        let (client, stock) = (&store.shop.client, &store.shop.stock_table);
        let level = keys::level(&milk());
        let (mended, is_held) = tokio::join!(
            async {
                tokio::time::sleep(Duration::from_millis(seed + 1)).await;
                store.stock.mend(&mends[0], deadline()).await
            },
            hold(client, stock, &level)
        );
        // then that does not keep it away
        assert!(is_held);
        assert_eq!(mended.unwrap(), Mended::Done);
        met += store.conflicts() - before;
    }
    assert!(met > 0, "nobody stood in anybody's way");
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
        let level = key("hub-1", "milk");
        let said = |version| AlertRecord {
            state: AlertKind::Low,
            version,
            pending: None,
        };
        alerts.advance(&level, None, &said(1)).await.unwrap();
        // when each is written while a transaction has it
        let held = async |table: &str, key: keys::Key| {
            assert!(hold(&client, table, &key).await);
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
