//! Throughput, latency, faults, the stream: what a local cloud has none of.

use std::time::Duration;

use futures::future::join_all;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::{Fault, FaultRates, SimulatedDynamoDb, Tally};
use tokio::time::{Instant, sleep};

use crate::fixture::{Fixture, code, codes, fixture, key, keyed, n, reasons, s, with};

/// How many of `count` puts in one partition at once are done.
async fn done_of(
    stock: &Fixture,
    count: usize,
    item: impl Fn(usize) -> crate::fixture::Item,
) -> usize {
    let puts = (0..count).map(|number| {
        let put = stock.client.put_item().table_name(&stock.table);
        put.set_item(Some(item(number))).send()
    });
    let ends = join_all(puts).await;
    let done = ends.iter().filter(|end| end.is_ok()).count();
    let throttled = ends
        .iter()
        .filter(|end| code(end) == "ThrottlingException")
        .count();
    assert_eq!(done + throttled, count);
    done
}

#[tokio::test(start_paused = true)]
async fn a_partition_gives_a_thousand_write_units_a_second() {
    let stock = fixture(Table::Stock);
    let same = |number: usize| keyed("hot", &number.to_string());
    let done = done_of(&stock, 1500, same).await;
    assert!(
        (1000..1030).contains(&done),
        "{done}: the burst, and what came back meanwhile"
    );
    // Another partition has its own, and this one has them back a second later.
    assert_eq!(
        done_of(&stock, 500, |number| key(&number.to_string())).await,
        500
    );
    sleep(Duration::from_secs(1)).await;
    assert_eq!(done_of(&stock, 900, same).await, 900);
}

#[tokio::test(start_paused = true)]
async fn a_transaction_without_units_says_which_item_has_none() {
    let stock = fixture(Table::Stock);
    stock.put(with(key("hot"), &[("counted", n("1"))])).await;
    done_of(&stock, 1100, |number| keyed("hot", &format!("x{number}"))).await;
    let parts = vec![
        stock.put_part(key("cold")),
        stock.put_part(with(key("hot"), &[("text", s(&"x".repeat(50_000)))])),
    ];
    let refused = reasons(stock.transact(parts).send().await);
    assert_eq!(codes(&refused), ["None", "ThrottlingError"]);
    assert!(refused[1].message().unwrap().contains("hot key"));
    assert_eq!(stock.get("cold").await, None);
}

#[tokio::test(start_paused = true)]
async fn an_index_without_units_throttles_the_tables_writes() {
    let orders = fixture(Table::Orders);
    // Every order has a partition of its own in the table, and all are of one day in the index.
    let order = |number: usize| {
        let item = key(&number.to_string());
        with(
            item,
            &[
                ("location_key", s("here#today")),
                ("placed_key", s(&number.to_string())),
            ],
        )
    };
    let done = done_of(&orders, 1500, order).await;
    assert!((1000..1030).contains(&done), "{done}");
}

#[tokio::test(start_paused = true)]
async fn a_partition_gives_three_thousand_read_units_a_second() {
    let stock = fixture(Table::Stock);
    stock.put(key("hot")).await;
    let gets = (0..4000).map(|_| {
        let get = stock.client.get_item().table_name(&stock.table);
        get.set_key(Some(key("hot"))).consistent_read(true).send()
    });
    let ends = join_all(gets).await;
    let done = ends.iter().filter(|end| end.is_ok()).count();
    assert!((3000..3100).contains(&done), "{done}");
    assert!(ends.iter().any(|end| code(end) == "ThrottlingException"));
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_to_go_wrong_goes_wrong_once() {
    let stock = fixture(Table::Stock);
    let add = || {
        let update = stock.client.update_item().table_name(&stock.table);
        update
            .set_key(Some(key("a")))
            .update_expression("ADD counted :one")
            .expression_attribute_values(":one", n("1"))
            .send()
    };
    for (fault, end, counted) in [
        (Fault::RequestLost, "no answer", None),
        (Fault::ErrorBefore, "InternalServerError", None),
        (Fault::ResponseLost, "no answer", Some("1")),
        (Fault::ErrorAfter, "InternalServerError", Some("2")),
        (Fault::Delay(Duration::from_secs(1)), "OK", Some("3")),
    ] {
        stock.database.fail_next("UpdateItem", fault);
        let begun = Instant::now();
        assert_eq!(code(&add().await), end, "{fault:?}");
        let delayed = begun.elapsed() > Duration::from_secs(1);
        assert_eq!(delayed, matches!(fault, Fault::Delay(_)));
        let found = stock.get("a").await.map(|item| item["counted"].clone());
        assert_eq!(found, counted.map(n), "{fault:?}");
    }
    assert_eq!(code(&add().await), "OK");
}

#[tokio::test(start_paused = true)]
async fn the_stream_tells_every_change_once_in_order() {
    let stock = fixture(Table::Stock);
    stock.put(with(key("a"), &[("counted", n("1"))])).await;
    stock.put(with(key("a"), &[("counted", n("1"))])).await;
    let parts = vec![stock.add_part("a"), stock.put_part(key("b"))];
    stock.transact(parts).send().await.unwrap();
    let refused = vec![stock.add_part("a"), stock.check_part("b", "9")];
    stock.transact(refused).send().await.unwrap_err();
    let delete = stock.client.delete_item().table_name(&stock.table);
    delete.set_key(Some(key("a"))).send().await.unwrap();

    let changes = stock.database.take_changes(&stock.table);
    let told: Vec<_> = changes
        .iter()
        .map(|change| {
            (
                change.key.pk.as_str(),
                change.old.is_some(),
                change.new.is_some(),
            )
        })
        .collect();
    // A write that changed nothing is not among them.
    let expected = [
        ("a", false, true),
        ("a", true, true),
        ("b", false, true),
        ("a", true, false),
    ];
    assert_eq!(told, expected);
    assert!(changes.is_sorted_by_key(|change| change.sequence));
    assert_eq!(changes[1].new, changes[3].old);
    assert_eq!(stock.database.take_changes(&stock.table), []);
}

/// Twenty that add to one item in transactions at once, with faults: how it went, and how long it took.
async fn contention(seed: u64) -> (Tally, Duration) {
    let database = SimulatedDynamoDb::new(seed);
    let stock = Fixture {
        client: database.aws().dynamodb(),
        table: database.table(Table::Stock),
        database,
    };
    stock.put(with(key("a"), &[("counted", n("0"))])).await;
    stock.database.set_fault_rates(FaultRates {
        responses_lost: 100,
        errors_before: 50,
        ..FaultRates::default()
    });
    let begun = Instant::now();
    join_all((0..20).map(|_| stock.transact(vec![stock.add_part("a")]).send())).await;
    (stock.database.tally(), begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn one_seed_is_one_course_of_events() {
    let first = contention(7).await;
    assert_eq!(first, contention(7).await);
    assert_ne!(first, contention(8).await);
    let conflicts = first
        .0
        .get(&("TransactWriteItems".into(), "TransactionConflict".into()));
    assert!(conflicts.is_some_and(|count| *count > 0), "{first:?}");
}
