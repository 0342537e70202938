//! Drawn histories of orders, delivered with duplicates, delays and conflicts, give the totals of the export.

use futures::future::join_all;
use stockline_domain::export::DayTotals;
use stockline_domain::ids::LocationId;
use stockline_platform::dynamodb::sales_tally::DynamoSalesTally;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::{FaultRates, SimulatedDynamoDb};

use super::*;

/// The records of one order that is perhaps fulfilled, refunded and canceled; and its last state and refunds.
fn history(key: &str, random: &mut fastrand::Rng) -> (Vec<StreamRecord>, Order, Vec<Refund>) {
    let quantity = random.i64(1..6);
    let placed = order(
        key,
        "store-1",
        "online",
        &[("milk", quantity), ("bread", 2)],
    );
    let mut states = vec![placed];
    let mut refunds = Vec::new();
    let fulfilled = random.i64(0..=quantity);
    if fulfilled > 0 {
        states.push(states[0].fulfil(1, fulfilled).unwrap());
    }
    for number in 0..random.i64(0..=fulfilled) {
        let (refund, after) = refund(states.last().unwrap(), &number.to_string());
        refunds.push(refund);
        states.push(after);
    }
    if random.bool() {
        let last = states.last().unwrap();
        states.push(last.cancel(last.placed_at).unwrap());
    }
    let mut records = vec![order_record(None, &states[0], 1)];
    for (revision, pair) in (2..).zip(states.windows(2)) {
        records.push(order_record(Some(&pair[0]), &pair[1], revision));
    }
    records.extend(refunds.iter().map(refund_record));
    (records, states.pop().unwrap(), refunds)
}

#[tokio::test(start_paused = true)]
async fn faulty_deliveries_give_the_totals_of_the_export() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let database = SimulatedDynamoDb::new(seed);
        let table = database.create_table(Table::Sales);
        let Fixture { shop, tally, .. } = fixture();
        let store = DynamoSalesTally::new(database.aws().dynamodb(), table);
        let tally = SalesTally {
            tally: store.clone(),
            sales: tally.sales,
            locations: tally.locations,
            clock: tally.clock,
        };
        database.set_fault_rates(FaultRates {
            requests_lost: 20,
            responses_lost: 50,
            errors_before: 20,
            errors_after: 50,
        });

        // given orders with their histories, of which a third is delivered twice
        let (mut pending, mut export) = (Vec::new(), DayTotals::default());
        for number in 0..12 {
            let (records, last, refunds) = history(&number.to_string(), &mut random);
            shop.put(&last).await;
            export.add_order(&last).unwrap();
            for refund in &refunds {
                export.add_refund(refund, last.tax_treatment).unwrap();
            }
            for record in records {
                if random.u8(0..3) == 0 {
                    pending.push(record.clone());
                }
                pending.push(record);
            }
        }
        random.shuffle(&mut pending);

        // when they are delivered in any order, several at a time, until none fails
        let mut rounds = 0;
        while !pending.is_empty() {
            rounds += 1;
            assert!(rounds < 100, "records keep failing");
            let batch: Vec<StreamRecord> = pending.drain(..pending.len().min(8)).collect();
            let deliveries = batch.iter().map(|record| {
                let change = sale_change(record).unwrap().unwrap();
                handle(&tally, change)
            });
            let outcomes = join_all(deliveries).await;
            for (record, outcome) in batch.into_iter().zip(outcomes) {
                match outcome {
                    RecordOutcome::Done => {}
                    RecordOutcome::Retry(_) => pending.push(record),
                    other => panic!("seed {seed}: {other:?}"),
                }
            }
        }

        // then the totals are those of the export
        database.set_fault_rates(FaultRates::default());
        let sum = async |location: &str| {
            let location: LocationId = location.parse().unwrap();
            let range = ReportRange::new(date(2026, 3, 1), date(2026, 3, 1)).unwrap();
            let hours = store.hours(&location, range).await.unwrap();
            hours.iter().fold(Figures::default(), |sum, tally| {
                sum.plus(&tally.figures).unwrap()
            })
        };
        let (sales, refunds) = export.finish();
        let sold = sum("store-1").await;
        assert_eq!(
            (sold.gross, sold.discount, sold.tax, sold.net, sold.total),
            (
                sales[0].gross,
                sales[0].discount,
                sales[0].tax,
                sales[0].net,
                sales[0].total
            ),
            "seed {seed}"
        );
        assert_eq!(sold.orders, i64::try_from(sales[0].orders).unwrap());
        assert_eq!(
            sold.canceled_orders,
            i64::try_from(sales[0].canceled_orders).unwrap()
        );
        let refunded = sum("store-2").await;
        let expected = refunds
            .first()
            .map_or((0, 0), |refunds| (refunds.refunds, refunds.total));
        assert_eq!(
            (
                u64::try_from(refunded.refunds).unwrap(),
                refunded.refunded_total
            ),
            expected,
            "seed {seed}"
        );
    }
}
