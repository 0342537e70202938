//! Concurrent sales of one location, as shards of the orders stream deliver them.

use std::time::Duration;

use futures::future::join_all;
use stockline_application::deadline::Deadline;
use stockline_application::ports::sales_tally::{TallyReader, TallyStore, TallyWriteOutcome};
use stockline_domain::ids::OrderId;
use stockline_domain::tally::{
    Contribution, ContributionId, ReportRange, SkuAmounts, TallyCell, TallyWrite,
};
use stockline_platform::dynamodb::sales_tally::DynamoSalesTally;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::SimulatedDynamoDb;
use tokio::time::Instant;

/// Shards of the orders stream. Each is handled one record at a time.
const SHARDS: usize = 8;

fn cell() -> TallyCell {
    TallyCell {
        location_id: "store-1".parse().unwrap(),
        business_date: jiff::civil::date(2026, 3, 1),
        hour: 12,
        currency: "EUR".parse().unwrap(),
    }
}

fn sale(key: &str) -> TallyWrite {
    let contribution = Contribution {
        id: ContributionId::Order(OrderId::derive("till", key)),
        cell: cell(),
        revision: 1,
        lines: vec![SkuAmounts {
            sku: "milk".parse().unwrap(),
            quantity: 1,
            gross: 100,
            tax: 7,
            net: 100,
            total: 100,
        }],
    };
    TallyWrite::next(None, None, contribution).unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn eight_shards_tally_one_location_without_loss() {
    // given eight shards with 100 sales each, all of one hour of one location
    let database = SimulatedDynamoDb::new(1);
    let table = database.create_table(Table::Sales);
    let tally = DynamoSalesTally::new(database.aws().dynamodb(), table);
    let at = "2026-03-01T12:00:00Z".parse().unwrap();
    // when each shard writes its sales one after another
    let start = Instant::now();
    let shards = (0..SHARDS).map(|shard| {
        let tally = &tally;
        async move {
            for number in 0..100 {
                let deadline = Deadline::within(Duration::from_secs(5));
                let write = sale(&format!("{shard}-{number}"));
                let outcome = tally.write(&write, at, deadline).await.unwrap();
                assert_eq!(outcome, TallyWriteOutcome::Written);
            }
        }
    });
    join_all(shards).await;
    let elapsed = start.elapsed();
    // then every sale counts once, and conflicts do not stop the shards: 222 sales a second were measured
    let range = ReportRange::new(cell().business_date, cell().business_date).unwrap();
    let hours = tally.hours(&cell().location_id, range).await.unwrap();
    let orders: i64 = hours.iter().map(|tally| tally.figures.orders).sum();
    assert_eq!(orders, 800);
    let per_second = 800.0 / elapsed.as_secs_f64();
    assert!(per_second > 150.0, "{per_second:.0} sales a second");
}
