//! Audit records that two runs write at the same time.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use stockline_application::ports::audit_data::{AuditRecord, AuditRecordStore};
use stockline_platform::dynamodb::audit_records::DynamoAuditRecords;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::{Fault, SimulatedDynamoDb};

const DAY: Date = jiff::civil::date(2026, 3, 2);

fn record(sku: &str, run_at: Timestamp) -> AuditRecord {
    AuditRecord {
        location_id: "store-1".parse().unwrap(),
        sku: sku.parse().unwrap(),
        run_at,
        confirmed: true,
        versions: vec![7],
        differences: Vec::new(),
    }
}

/// Whether the database has executed a query. The response may still be on its way.
fn has_queried(database: &SimulatedDynamoDb) -> bool {
    let counts = database.request_counts();
    counts.keys().any(|(operation, _)| operation == "Query")
}

#[tokio::test(start_paused = true)]
async fn forgetting_keeps_a_record_that_was_replaced_meanwhile() {
    // given two findings of an earlier run
    let database = SimulatedDynamoDb::new(1);
    let table = database.create_table(Table::Stock);
    let records = DynamoAuditRecords::new(database.aws().dynamodb(), table);
    let [earlier, present, later] = [
        "2026-03-02T01:00:00Z",
        "2026-03-02T02:00:00Z",
        "2026-03-02T03:00:00Z",
    ]
    .map(|time| time.parse().unwrap());
    for sku in ["bread", "milk"] {
        records.keep(DAY, &record(sku, earlier)).await.unwrap();
    }
    // when a later run replaces the first finding after this run has read both
    database.fail_next("Query", Fault::Delay(Duration::from_millis(500)));
    let location = "store-1".parse().unwrap();
    let forget = records.forget_before(&location, DAY, present);
    let replace = async {
        while !has_queried(&database) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        records.keep(DAY, &record("bread", later)).await
    };
    let both = Box::pin(async { tokio::join!(forget, replace) });
    let both = tokio::time::timeout(Duration::from_mins(1), both).await;
    let (forgotten, replaced) = both.unwrap();
    // then the other finding is deleted, and the replaced one stays
    replaced.unwrap();
    forgotten.unwrap();
    let kept = records.found_on(&location, DAY).await.unwrap();
    assert_eq!(kept, [record("bread", later)]);
}
