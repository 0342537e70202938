//! Transactions: atomicity, conflicts, client request tokens, limits and consumed capacity.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    Delete, Get, ReturnConsumedCapacity, TransactGetItem, TransactWriteItem,
};
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::Timing;
use tokio::time::sleep;

use crate::fixture::{
    Fixture, cancellation_reasons, fixture, fixture_with_timing, key, n, reason_codes, result_code,
    s, with_attributes,
};

/// Creates a table with the items `a` and `b`, whose `counted` is 1.
async fn table_with_counters() -> Fixture {
    let stock = fixture(Table::Stock);
    for pk in ["a", "b"] {
        stock
            .put(with_attributes(key(pk), &[("counted", n("1"))]))
            .await;
    }
    stock
}

async fn count(stock: &Fixture, pk: &str) -> String {
    stock.get(pk).await.unwrap()["counted"]
        .as_n()
        .unwrap()
        .clone()
}

#[tokio::test(start_paused = true)]
async fn transaction_is_atomic() {
    let stock = table_with_counters().await;
    let delete = Delete::builder()
        .table_name(&stock.table)
        .set_key(Some(key("b")));
    let delete = TransactWriteItem::builder()
        .delete(delete.build().unwrap())
        .build();
    let items = vec![stock.put_item(key("c")), stock.increment_item("a"), delete];
    stock.transact(items).send().await.unwrap();
    assert_eq!(count(&stock, "a").await, "2");
    assert_eq!(
        (stock.get("b").await, stock.get("c").await),
        (None, Some(key("c")))
    );

    let items = vec![
        stock.increment_item("a"),
        stock.increment_item("b"),
        stock.check_item("a2", "1"),
    ];
    stock.transact(items).send().await.unwrap_err();
    assert_eq!(count(&stock, "a").await, "2");
}

#[tokio::test(start_paused = true)]
async fn cancellation_reasons_follow_the_item_order() {
    let stock = table_with_counters().await;
    let items = vec![
        stock.increment_item("a"),
        stock.check_item("b", "9"),
        stock.increment_item("missing"),
        stock.put_item(key("c")),
        stock.put_item(with_attributes(key("d"), &[("index_sku", n("1"))])),
    ];
    let result = stock.transact(items).send().await;
    let message = result
        .as_ref()
        .unwrap_err()
        .as_service_error()
        .unwrap()
        .to_string();
    let reasons = cancellation_reasons(result);
    assert_eq!(
        reason_codes(&reasons),
        [
            "None",
            "ConditionalCheckFailed",
            "ConditionalCheckFailed",
            "None",
            "ValidationError"
        ]
    );
    assert_eq!(reasons[0].message(), None);
    assert_eq!(reasons[1].item.as_ref().unwrap()["counted"], n("1"));
    assert_eq!(reasons[2].item, None, "the item does not exist");
    assert!(
        message.contains(
            "[None, ConditionalCheckFailed, ConditionalCheckFailed, None, ValidationError]"
        ),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn transactions_beyond_the_limits_are_rejected() {
    let stock = fixture(Table::Stock);
    let puts = |count: usize| {
        (0..count)
            .map(|number| stock.put_item(key(&number.to_string())))
            .collect::<Vec<_>>()
    };
    assert_eq!(result_code(&stock.transact(puts(100)).send().await), "OK");
    assert_eq!(
        result_code(&stock.transact(puts(101)).send().await),
        "ValidationException"
    );
    assert_eq!(
        result_code(&stock.transact(vec![]).send().await),
        "ValidationException"
    );
    let twice = vec![stock.increment_item("a"), stock.check_item("a", "1")];
    assert_eq!(
        result_code(&stock.transact(twice).send().await),
        "ValidationException"
    );
    let large: Vec<_> = (0..11)
        .map(|number| {
            stock.put_item(with_attributes(
                key(&number.to_string()),
                &[("text", s(&"x".repeat(390 * 1024)))],
            ))
        })
        .collect();
    assert_eq!(
        result_code(&stock.transact(large).send().await),
        "ValidationException"
    );
}

#[tokio::test(start_paused = true)]
async fn client_token_is_idempotent_for_ten_minutes() {
    let stock = table_with_counters().await;
    let add = |pk: &str| {
        let transact = stock
            .transact(vec![stock.increment_item(pk)])
            .client_request_token("token");
        transact
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
    };
    let first = add("a").await.unwrap().consumed_capacity.unwrap();
    let replay = add("a").await.unwrap().consumed_capacity.unwrap();
    assert_eq!(count(&stock, "a").await, "2");
    assert_eq!(first[0].write_capacity_units, Some(2.0));
    assert_eq!(
        replay[0].read_capacity_units,
        Some(2.0),
        "a replay consumes read units instead of write units"
    );
    assert_eq!(
        result_code(&add("b").await),
        "IdempotentParameterMismatchException"
    );
    sleep(Duration::from_mins(11)).await;
    add("a").await.unwrap();
    assert_eq!(count(&stock, "a").await, "3");
}

#[tokio::test(start_paused = true)]
async fn canceled_transaction_releases_its_token() {
    let stock = table_with_counters().await;
    let check = || {
        stock
            .transact(vec![stock.check_item("a", "2")])
            .client_request_token("token")
            .send()
    };
    assert_eq!(result_code(&check().await), "TransactionCanceledException");
    stock
        .transact(vec![stock.increment_item("a")])
        .send()
        .await
        .unwrap();
    assert_eq!(result_code(&check().await), "OK");
}

#[tokio::test(start_paused = true)]
async fn concurrent_use_of_a_token_is_in_progress() {
    let stock = table_with_counters().await;
    let add = || {
        stock
            .transact(vec![stock.increment_item("a")])
            .client_request_token("token")
            .send()
    };
    let (first, second) = tokio::join!(add(), add());
    let mut codes = [result_code(&first), result_code(&second)];
    codes.sort_unstable();
    assert_eq!(codes, ["OK", "TransactionInProgressException"]);
    assert_eq!(count(&stock, "a").await, "2");
}

#[tokio::test(start_paused = true)]
async fn open_transaction_conflicts_with_other_writes() {
    // given a transaction that locks its items for about 850 ms
    let slow = Timing {
        transaction: Duration::from_secs(1),
        prepare_percent: 10,
        commit_percent: 95,
        ..Timing::default()
    };
    let stock = fixture_with_timing(Table::Stock, slow);
    for pk in ["a", "b"] {
        stock
            .put(with_attributes(key(pk), &[("counted", n("1"))]))
            .await;
    }
    let items = vec![stock.increment_item("a"), stock.check_item("b", "1")];
    let transaction = stock.transact(items).send();
    // when other requests use the same items meanwhile
    let concurrent_requests = async {
        sleep(Duration::from_millis(250)).await;
        let update = stock
            .client
            .update_item()
            .table_name(&stock.table)
            .set_key(Some(key("a")));
        assert_eq!(
            result_code(&update.send().await),
            "TransactionConflictException"
        );
        let delete = stock
            .client
            .delete_item()
            .table_name(&stock.table)
            .set_key(Some(key("b")));
        assert_eq!(
            result_code(&delete.send().await),
            "TransactionConflictException",
            "a condition check locks its item too"
        );
        assert_eq!(
            count(&stock, "a").await,
            "1",
            "a read returns the committed item"
        );
        let get = Get::builder()
            .table_name(&stock.table)
            .set_key(Some(key("a")))
            .build()
            .unwrap();
        let gets = stock
            .client
            .transact_get_items()
            .transact_items(TransactGetItem::builder().get(get).build());
        let other = stock.transact(vec![stock.put_item(key("c")), stock.increment_item("a")]);
        tokio::join!(gets.send(), other.send())
    };
    let (written, (read, other)) = tokio::join!(transaction, concurrent_requests);
    // then only the first transaction commits, and the other one's locks are released
    written.unwrap();
    assert_eq!(result_code(&read), "TransactionCanceledException");
    assert_eq!(
        reason_codes(&cancellation_reasons(other)),
        ["None", "TransactionConflict"]
    );
    assert_eq!(count(&stock, "a").await, "2");
    stock.put(key("c")).await;
}

#[tokio::test(start_paused = true)]
async fn transact_get_returns_items_in_request_order() {
    let stock = table_with_counters().await;
    let get = |pk: &str| {
        let get = Get::builder()
            .table_name(&stock.table)
            .set_key(Some(key(pk)));
        TransactGetItem::builder().get(get.build().unwrap()).build()
    };
    let read = stock
        .client
        .transact_get_items()
        .set_transact_items(Some(vec![get("b"), get("missing"), get("a")]))
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await
        .unwrap();
    let exists: Vec<bool> = read
        .responses()
        .iter()
        .map(|found| found.item.is_some())
        .collect();
    assert_eq!(exists, [true, false, true]);
    assert_eq!(read.consumed_capacity()[0].read_capacity_units, Some(6.0));
}

#[tokio::test(start_paused = true)]
async fn transaction_doubles_table_capacity_only() {
    let orders = fixture(Table::Orders);
    let order = with_attributes(
        key("o"),
        &[("location_key", s("here#today")), ("placed_key", s("noon"))],
    );
    let written = orders
        .transact(vec![orders.put_item(order), orders.put_item(key("plain"))])
        .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
        .send()
        .await
        .unwrap();
    let consumed = &written.consumed_capacity()[0];
    assert_eq!(consumed.capacity_units, Some(5.0));
    assert_eq!(consumed.table.as_ref().unwrap().capacity_units, Some(4.0));
    let indexes = consumed.global_secondary_indexes.as_ref().unwrap();
    assert_eq!(indexes["by_location"].capacity_units, Some(1.0));
}
