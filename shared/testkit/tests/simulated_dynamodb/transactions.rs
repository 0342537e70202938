//! Transactions: all or nothing, one at a time for an item, once for a token.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    Delete, Get, ReturnConsumedCapacity, TransactGetItem, TransactWriteItem,
};
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::Timing;
use tokio::time::sleep;

use crate::fixture::{Fixture, code, codes, fixture, fixture_with, key, n, reasons, s, with};

/// With items `a` and `b`, each counted 1.
async fn counted() -> Fixture {
    let stock = fixture(Table::Stock);
    for pk in ["a", "b"] {
        stock.put(with(key(pk), &[("counted", n("1"))])).await;
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
async fn all_is_written_or_nothing() {
    let stock = counted().await;
    let delete = Delete::builder()
        .table_name(&stock.table)
        .set_key(Some(key("b")));
    let delete = TransactWriteItem::builder()
        .delete(delete.build().unwrap())
        .build();
    let parts = vec![stock.put_part(key("c")), stock.add_part("a"), delete];
    stock.transact(parts).send().await.unwrap();
    assert_eq!(count(&stock, "a").await, "2");
    assert_eq!(
        (stock.get("b").await, stock.get("c").await),
        (None, Some(key("c")))
    );

    let parts = vec![
        stock.add_part("a"),
        stock.add_part("b"),
        stock.check_part("a2", "1"),
    ];
    stock.transact(parts).send().await.unwrap_err();
    assert_eq!(count(&stock, "a").await, "2");
}

#[tokio::test(start_paused = true)]
async fn the_reasons_stand_in_the_order_of_the_items() {
    let stock = counted().await;
    let parts = vec![
        stock.add_part("a"),
        stock.check_part("b", "9"),
        stock.add_part("missing"),
        stock.put_part(key("c")),
        stock.put_part(with(key("d"), &[("index_sku", n("1"))])),
    ];
    let refused = stock.transact(parts).send().await;
    let message = refused
        .as_ref()
        .unwrap_err()
        .as_service_error()
        .unwrap()
        .to_string();
    let reasons = reasons(refused);
    assert_eq!(
        codes(&reasons),
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
    assert_eq!(reasons[2].item, None, "there is no item to give back");
    assert!(
        message.contains(
            "[None, ConditionalCheckFailed, ConditionalCheckFailed, None, ValidationError]"
        ),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_transaction_has_its_limits() {
    let stock = fixture(Table::Stock);
    let puts = |count: usize| {
        (0..count)
            .map(|number| stock.put_part(key(&number.to_string())))
            .collect::<Vec<_>>()
    };
    assert_eq!(code(&stock.transact(puts(100)).send().await), "OK");
    assert_eq!(
        code(&stock.transact(puts(101)).send().await),
        "ValidationException"
    );
    assert_eq!(
        code(&stock.transact(vec![]).send().await),
        "ValidationException"
    );
    let twice = vec![stock.add_part("a"), stock.check_part("a", "1")];
    assert_eq!(
        code(&stock.transact(twice).send().await),
        "ValidationException"
    );
    let large: Vec<_> = (0..11)
        .map(|number| {
            stock.put_part(with(
                key(&number.to_string()),
                &[("text", s(&"x".repeat(390 * 1024)))],
            ))
        })
        .collect();
    assert_eq!(
        code(&stock.transact(large).send().await),
        "ValidationException"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_has_one_effect_for_ten_minutes() {
    let stock = counted().await;
    let add = |pk: &str| {
        let transact = stock
            .transact(vec![stock.add_part(pk)])
            .client_request_token("token");
        transact
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
    };
    let first = add("a").await.unwrap().consumed_capacity.unwrap();
    let again = add("a").await.unwrap().consumed_capacity.unwrap();
    assert_eq!(count(&stock, "a").await, "2");
    assert_eq!(first[0].write_capacity_units, Some(2.0));
    assert_eq!(
        again[0].read_capacity_units,
        Some(2.0),
        "the item is read, not written"
    );
    assert_eq!(
        code(&add("b").await),
        "IdempotentParameterMismatchException"
    );
    sleep(Duration::from_mins(11)).await;
    add("a").await.unwrap();
    assert_eq!(count(&stock, "a").await, "3");
}

#[tokio::test(start_paused = true)]
async fn a_canceled_transaction_leaves_its_token_free() {
    let stock = counted().await;
    let check = || {
        stock
            .transact(vec![stock.check_part("a", "2")])
            .client_request_token("token")
            .send()
    };
    assert_eq!(code(&check().await), "TransactionCanceledException");
    stock
        .transact(vec![stock.add_part("a")])
        .send()
        .await
        .unwrap();
    assert_eq!(code(&check().await), "OK");
}

#[tokio::test(start_paused = true)]
async fn of_two_with_one_token_at_once_one_is_told_that_it_is_in_progress() {
    let stock = counted().await;
    let add = || {
        stock
            .transact(vec![stock.add_part("a")])
            .client_request_token("token")
            .send()
    };
    let (one, other) = tokio::join!(add(), add());
    let mut ends = [code(&one), code(&other)];
    ends.sort_unstable();
    assert_eq!(ends, ["OK", "TransactionInProgressException"]);
    assert_eq!(count(&stock, "a").await, "2");
}

#[tokio::test(start_paused = true)]
async fn a_transaction_stands_in_the_way_of_every_other_write_of_its_items() {
    // given a transaction that holds its items for most of a second
    let slow = Timing {
        transaction: Duration::from_secs(1),
        until_prepare: 10,
        until_commit: 95,
        ..Timing::default()
    };
    let stock = fixture_with(Table::Stock, slow);
    for pk in ["a", "b"] {
        stock.put(with(key(pk), &[("counted", n("1"))])).await;
    }
    let parts = vec![stock.add_part("a"), stock.check_part("b", "1")];
    let transaction = stock.transact(parts).send();
    // when others want the same items meanwhile
    let others = async {
        sleep(Duration::from_millis(250)).await;
        let update = stock
            .client
            .update_item()
            .table_name(&stock.table)
            .set_key(Some(key("a")));
        assert_eq!(code(&update.send().await), "TransactionConflictException");
        let delete = stock
            .client
            .delete_item()
            .table_name(&stock.table)
            .set_key(Some(key("b")));
        assert_eq!(
            code(&delete.send().await),
            "TransactionConflictException",
            "of a check as well"
        );
        assert_eq!(
            count(&stock, "a").await,
            "1",
            "a read tells what is committed"
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
        let other = stock.transact(vec![stock.put_part(key("c")), stock.add_part("a")]);
        tokio::join!(gets.send(), other.send())
    };
    let (written, (read, other)) = tokio::join!(transaction, others);
    // then only the first is done, and the item that the other had prepared is free again
    written.unwrap();
    assert_eq!(code(&read), "TransactionCanceledException");
    assert_eq!(codes(&reasons(other)), ["None", "TransactionConflict"]);
    assert_eq!(count(&stock, "a").await, "2");
    stock.put(key("c")).await;
}

#[tokio::test(start_paused = true)]
async fn a_transaction_reads_all_its_items_at_one_moment() {
    let stock = counted().await;
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
    let there: Vec<bool> = read
        .responses()
        .iter()
        .map(|found| found.item.is_some())
        .collect();
    assert_eq!(there, [true, false, true]);
    assert_eq!(read.consumed_capacity()[0].read_capacity_units, Some(6.0));
}

#[tokio::test(start_paused = true)]
async fn capacity_is_double_and_an_index_is_written_apart() {
    let orders = fixture(Table::Orders);
    let order = with(
        key("o"),
        &[("location_key", s("here#today")), ("placed_key", s("noon"))],
    );
    let written = orders
        .transact(vec![orders.put_part(order), orders.put_part(key("plain"))])
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
