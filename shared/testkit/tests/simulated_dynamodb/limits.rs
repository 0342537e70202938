//! Throughput limits, latency, injected faults and the stream, which a local cloud does not have.

use std::time::Duration;

use futures::future::join_all;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::{Fault, FaultRates, RequestCounts, SimulatedDynamoDb};
use tokio::time::{Instant, sleep};

use crate::fixture::{
    Fixture, cancellation_reasons, composite_key, fixture, key, n, reason_codes, result_code, s,
    with_attributes,
};

/// Sends `count` puts concurrently and returns how many succeed. The others must be throttled.
async fn count_successful_puts(
    stock: &Fixture,
    count: usize,
    item: impl Fn(usize) -> crate::fixture::Item,
) -> usize {
    let puts = (0..count).map(|number| {
        let put = stock.client.put_item().table_name(&stock.table);
        put.set_item(Some(item(number))).send()
    });
    let results = join_all(puts).await;
    let succeeded = results.iter().filter(|result| result.is_ok()).count();
    let throttled = results
        .iter()
        .filter(|result| result_code(result) == "ThrottlingException")
        .count();
    assert_eq!(succeeded + throttled, count);
    succeeded
}

#[tokio::test(start_paused = true)]
async fn partition_accepts_1000_write_units_per_second() {
    let stock = fixture(Table::Stock);
    let hot_item = |number: usize| composite_key("hot", &number.to_string());
    let succeeded = count_successful_puts(&stock, 1500, hot_item).await;
    assert!(
        (1000..1030).contains(&succeeded),
        "{succeeded}, expected the burst plus what was refilled meanwhile"
    );
    // Another partition has its own capacity, and this one is refilled after a second.
    assert_eq!(
        count_successful_puts(&stock, 500, |number| key(&number.to_string())).await,
        500
    );
    sleep(Duration::from_secs(1)).await;
    assert_eq!(count_successful_puts(&stock, 900, hot_item).await, 900);
}

#[tokio::test(start_paused = true)]
async fn throttled_transaction_names_the_hot_item() {
    let stock = fixture(Table::Stock);
    stock
        .put(with_attributes(key("hot"), &[("counted", n("1"))]))
        .await;
    count_successful_puts(&stock, 1100, |number| {
        composite_key("hot", &format!("x{number}"))
    })
    .await;
    let items = vec![
        stock.put_item(key("cold")),
        stock.put_item(with_attributes(
            key("hot"),
            &[("text", s(&"x".repeat(50_000)))],
        )),
    ];
    let reasons = cancellation_reasons(stock.transact(items).send().await);
    assert_eq!(reason_codes(&reasons), ["None", "ThrottlingError"]);
    assert!(reasons[1].message().unwrap().contains("hot key"));
    assert_eq!(stock.get("cold").await, None);
}

#[tokio::test(start_paused = true)]
async fn hot_index_partition_throttles_table_writes() {
    let orders = fixture(Table::Orders);
    // Each order has its own partition in the table, and all orders share one partition of the index.
    let order = |number: usize| {
        let item = key(&number.to_string());
        with_attributes(
            item,
            &[
                ("location_key", s("here#today")),
                ("placed_key", s(&number.to_string())),
            ],
        )
    };
    let succeeded = count_successful_puts(&orders, 1500, order).await;
    assert!((1000..1030).contains(&succeeded), "{succeeded}");
}

#[tokio::test(start_paused = true)]
async fn partition_accepts_3000_read_units_per_second() {
    let stock = fixture(Table::Stock);
    stock.put(key("hot")).await;
    let gets = (0..4000).map(|_| {
        let get = stock.client.get_item().table_name(&stock.table);
        get.set_key(Some(key("hot"))).consistent_read(true).send()
    });
    let results = join_all(gets).await;
    let succeeded = results.iter().filter(|result| result.is_ok()).count();
    assert!((3000..3100).contains(&succeeded), "{succeeded}");
    assert!(
        results
            .iter()
            .any(|result| result_code(result) == "ThrottlingException")
    );
}

#[tokio::test(start_paused = true)]
async fn injected_fault_affects_one_request() {
    let stock = fixture(Table::Stock);
    let add = || {
        let update = stock.client.update_item().table_name(&stock.table);
        update
            .set_key(Some(key("a")))
            .update_expression("ADD counted :one")
            .expression_attribute_values(":one", n("1"))
            .send()
    };
    for (fault, code, counted) in [
        (Fault::RequestLost, "no response", None),
        (Fault::ErrorBefore, "InternalServerError", None),
        (Fault::ResponseLost, "no response", Some("1")),
        (Fault::ErrorAfter, "InternalServerError", Some("2")),
        (Fault::Delay(Duration::from_secs(1)), "OK", Some("3")),
    ] {
        stock.database.fail_next("UpdateItem", fault);
        let started_at = Instant::now();
        assert_eq!(result_code(&add().await), code, "{fault:?}");
        let is_delayed = started_at.elapsed() > Duration::from_secs(1);
        assert_eq!(is_delayed, matches!(fault, Fault::Delay(_)));
        let found = stock.get("a").await.map(|item| item["counted"].clone());
        assert_eq!(found, counted.map(n), "{fault:?}");
    }
    assert_eq!(result_code(&add().await), "OK");
}

#[tokio::test(start_paused = true)]
async fn stream_has_each_change_once_in_commit_order() {
    let stock = fixture(Table::Stock);
    stock
        .put(with_attributes(key("a"), &[("counted", n("1"))]))
        .await;
    stock
        .put(with_attributes(key("a"), &[("counted", n("1"))]))
        .await;
    let committed = vec![stock.increment_item("a"), stock.put_item(key("b"))];
    stock.transact(committed).send().await.unwrap();
    let canceled = vec![stock.increment_item("a"), stock.check_item("b", "9")];
    stock.transact(canceled).send().await.unwrap_err();
    let delete = stock.client.delete_item().table_name(&stock.table);
    delete.set_key(Some(key("a"))).send().await.unwrap();

    let changes = stock.database.take_changes(&stock.table);
    let summary: Vec<_> = changes
        .iter()
        .map(|change| {
            (
                change.key.pk.as_str(),
                change.old.is_some(),
                change.new.is_some(),
            )
        })
        .collect();
    // The second put changes nothing, so it has no stream record.
    let expected = [
        ("a", false, true),
        ("a", true, true),
        ("b", false, true),
        ("a", true, false),
    ];
    assert_eq!(summary, expected);
    assert!(changes.is_sorted_by_key(|change| change.sequence));
    assert_eq!(changes[1].new, changes[3].old);
    assert_eq!(stock.database.take_changes(&stock.table), []);
}

/// Sends 20 concurrent transactions on one item with faults. Returns the request counts and the duration.
async fn contention(seed: u64) -> (RequestCounts, Duration) {
    let database = SimulatedDynamoDb::new(seed);
    let stock = Fixture {
        client: database.aws().dynamodb(),
        table: database.create_table(Table::Stock),
        database,
    };
    stock
        .put(with_attributes(key("a"), &[("counted", n("0"))]))
        .await;
    stock.database.set_fault_rates(FaultRates {
        responses_lost: 100,
        errors_before: 50,
        ..FaultRates::default()
    });
    let started_at = Instant::now();
    join_all((0..20).map(|_| stock.transact(vec![stock.increment_item("a")]).send())).await;
    (stock.database.request_counts(), started_at.elapsed())
}

#[tokio::test(start_paused = true)]
async fn same_seed_reproduces_the_same_run() {
    let first = contention(7).await;
    assert_eq!(first, contention(7).await);
    assert_ne!(first, contention(8).await);
    let conflicts = first
        .0
        .get(&("TransactWriteItems".into(), "TransactionConflict".into()));
    assert!(conflicts.is_some_and(|count| *count > 0), "{first:?}");
}
