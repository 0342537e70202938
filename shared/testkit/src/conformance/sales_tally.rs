//! What every store of the sales tally must do.

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use stockline_application::deadline::Deadline;
use stockline_application::ports::sales_tally::{
    TALLY_BUCKETS, TalliedContribution, TallyReader, TallyStore, TallyWriteOutcome,
};
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::tally::{
    Contribution, ContributionId, Figures, ReportRange, SkuAmounts, TallyCell, TallyWrite,
};

use super::story_functions;

story_functions!(sales_tally, [Tally: TallyStore + TallyReader], [super], Tally);

const DAY: Date = date(2026, 3, 1);

fn at(second: i64) -> Timestamp {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    Timestamp::from_second(noon.as_second() + second).unwrap()
}

fn store() -> LocationId {
    "store-1".parse().unwrap()
}

/// A sale of `quantity` units of each SKU, at 2.19 with 0.20 discount and 0.13 added tax.
fn sale(key: &str, day: Date, skus: &[&str], quantity: i64) -> Contribution {
    let line = |sku: &&str| SkuAmounts {
        sku: sku.parse().unwrap(),
        quantity,
        gross: 219 * quantity,
        tax: 13,
        net: 219 * quantity - 20,
        total: 219 * quantity - 7,
    };
    Contribution {
        id: ContributionId::Order(OrderId::derive("till", key)),
        cell: TallyCell {
            location_id: store(),
            business_date: day,
            hour: 9,
            currency: "EUR".parse().unwrap(),
        },
        revision: 1,
        lines: skus.iter().map(line).collect(),
    }
}

async fn write<Tally: TallyStore>(
    tally: &Tally,
    stored: Option<&Contribution>,
    next: &Contribution,
    second: i64,
) -> TallyWriteOutcome {
    let write = TallyWrite::next(stored, None, next.clone())
        .unwrap()
        .unwrap();
    let deadline = Deadline::within(Duration::from_secs(20));
    tally.write(&write, at(second), deadline).await.unwrap()
}

/// The totals of `from` to `to`, and when they last changed.
async fn totals<Tally: TallyReader>(
    tally: &Tally,
    (from, to): (Date, Date),
) -> (Figures, Option<Timestamp>) {
    let range = ReportRange::new(from, to).unwrap();
    let hours = tally.hours(&store(), range).await.unwrap();
    let sum = hours.iter().fold(Figures::default(), |sum, tally| {
        sum.plus(&tally.figures).unwrap()
    });
    (sum, hours.iter().map(|tally| tally.updated_at).max())
}

async fn contributions<Tally: TallyReader>(
    tally: &Tally,
    (from, to): (Date, Date),
) -> Vec<TalliedContribution> {
    let range = ReportRange::new(from, to).unwrap();
    let mut found = Vec::new();
    for bucket in 0..TALLY_BUCKETS {
        let mut after = None;
        loop {
            let page = tally.contributions(&store(), range, bucket, after).await;
            let page = page.unwrap();
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    found
}

async fn contribution_reads_back_and_adds_to_its_hour<Tally: TallyStore + TallyReader>(
    tally: &Tally,
) {
    let first = sale("a", DAY, &["bread", "milk"], 2);
    assert_eq!(tally.find(&first).await.unwrap(), None);
    let outcome = write(tally, None, &first, 0).await;
    assert_eq!(outcome, TallyWriteOutcome::Written);
    assert_eq!(tally.find(&first).await.unwrap(), Some(first.clone()));
    let expected = (first.figures().unwrap(), Some(at(0)));
    assert_eq!(totals(tally, (DAY, DAY)).await, expected);
    let range = ReportRange::new(DAY, DAY).unwrap();
    let hours = tally.hours(&store(), range).await.unwrap();
    assert_eq!(hours[0].cell, first.cell);
    let listed = contributions(tally, (DAY, DAY)).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].contribution, first);
    assert_eq!(listed[0].updated_at, at(0));
}

async fn repeated_write_changes_nothing<Tally: TallyStore + TallyReader>(tally: &Tally) {
    let first = sale("a", DAY, &["milk"], 2);
    let _ = write(tally, None, &first, 0).await;
    let before = totals(tally, (DAY, DAY)).await;
    let outcome = write(tally, None, &first, 5).await;
    assert_eq!(outcome, TallyWriteOutcome::Conflict);
    assert_eq!(totals(tally, (DAY, DAY)).await, before);
}

async fn next_revision_adds_the_difference<Tally: TallyStore + TallyReader>(tally: &Tally) {
    let first = sale("a", DAY, &["bread", "milk"], 3);
    let _ = write(tally, None, &first, 0).await;
    let second = Contribution {
        revision: 4,
        ..sale("a", DAY, &["milk"], 1)
    };
    let outcome = write(tally, Some(&first), &second, 5).await;
    assert_eq!(outcome, TallyWriteOutcome::Written);
    let expected = (second.figures().unwrap(), Some(at(5)));
    assert_eq!(totals(tally, (DAY, DAY)).await, expected);
    assert_eq!(tally.find(&first).await.unwrap(), Some(second.clone()));
    let canceled = Contribution {
        revision: 5,
        lines: Vec::new(),
        ..second.clone()
    };
    let _ = write(tally, Some(&second), &canceled, 6).await;
    let (figures, _) = totals(tally, (DAY, DAY)).await;
    assert_eq!(figures, canceled.figures().unwrap());
    assert_eq!(tally.find(&first).await.unwrap(), Some(canceled));
}

async fn outdated_revision_is_a_conflict<Tally: TallyStore + TallyReader>(tally: &Tally) {
    let first = sale("a", DAY, &["milk"], 3);
    let _ = write(tally, None, &first, 0).await;
    let next = |revision, quantity| Contribution {
        revision,
        ..sale("a", DAY, &["milk"], quantity)
    };
    let _ = write(tally, Some(&first), &next(3, 1), 1).await;
    let before = totals(tally, (DAY, DAY)).await;
    let outcome = write(tally, Some(&first), &next(2, 2), 2).await;
    assert_eq!(outcome, TallyWriteOutcome::Conflict);
    assert_eq!(totals(tally, (DAY, DAY)).await, before);
    assert_eq!(tally.find(&first).await.unwrap(), Some(next(3, 1)));
}

async fn concurrent_contributions_of_one_hour_all_count<Tally: TallyStore + TallyReader>(
    tally: &Tally,
) {
    let sales: Vec<Contribution> = (0..24)
        .map(|number| sale(&number.to_string(), DAY, &["milk"], 1))
        .collect();
    let writes = sales.iter().map(|sale| write(tally, None, sale, 0));
    let outcomes = join_all(writes).await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| *outcome == TallyWriteOutcome::Written)
    );
    let (figures, _) = totals(tally, (DAY, DAY)).await;
    assert_eq!((figures.orders, figures.units), (24, 24));
    assert_eq!(figures.total, 24 * 212);
    assert_eq!(contributions(tally, (DAY, DAY)).await.len(), 24);
}

async fn concurrent_duplicates_count_once<Tally: TallyStore + TallyReader>(tally: &Tally) {
    let first = sale("a", DAY, &["milk"], 1);
    let writes = (0..4).map(|_| write(tally, None, &first, 0));
    let outcomes = join_all(writes).await;
    let written = outcomes
        .iter()
        .filter(|outcome| **outcome == TallyWriteOutcome::Written);
    assert_eq!(written.count(), 1, "{outcomes:?}");
    let (figures, _) = totals(tally, (DAY, DAY)).await;
    assert_eq!(figures, first.figures().unwrap());
}

async fn range_lists_its_dates_only<Tally: TallyStore + TallyReader>(tally: &Tally) {
    for day in 1..=4 {
        for key in ["a", "b", "c"] {
            let key = format!("{key}{day}");
            let quantity = i64::from(day);
            let _ = write(
                tally,
                None,
                &sale(&key, date(2026, 3, day), &["milk"], quantity),
                0,
            )
            .await;
        }
    }
    let range = (date(2026, 3, 2), date(2026, 3, 3));
    let (figures, _) = totals(tally, range).await;
    assert_eq!((figures.orders, figures.units), (6, 15));
    let listed = contributions(tally, range).await;
    assert_eq!(listed.len(), 6);
    let other_store = "store-10".parse().unwrap();
    let range = ReportRange::new(range.0, range.1).unwrap();
    assert_eq!(tally.hours(&other_store, range).await.unwrap(), []);
}

async fn large_order_has_one_contribution<Tally: TallyStore + TallyReader>(tally: &Tally) {
    let skus: Vec<String> = (0..100).map(|number| format!("sku-{number:03}")).collect();
    let skus: Vec<&str> = skus.iter().map(String::as_str).collect();
    let large = sale("a", DAY, &skus, 1_000_000);
    let outcome = write(tally, None, &large, 0).await;
    assert_eq!(outcome, TallyWriteOutcome::Written);
    assert_eq!(tally.find(&large).await.unwrap(), Some(large.clone()));
    let (figures, _) = totals(tally, (DAY, DAY)).await;
    assert_eq!(figures, large.figures().unwrap());
}
