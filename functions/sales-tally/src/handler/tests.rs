//! Stream records of orders and refunds, and the totals they add up to.

mod costs;
mod histories;

use aws_lambda_events::dynamodb::Event;
use jiff::civil::date;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::location_cache::LocationCache;
use stockline_application::ports::sales_tally::TallyReader;
use stockline_domain::order::{Order, Refund, RefundContext, RefundLine, RefundOrder};
use stockline_domain::tally::{Figures, ReportRange};
use stockline_platform::batch::{StreamRecord, process_stream_records, stream_records};
use stockline_platform::dynamodb::orders::{OrderRecord, RefundRecord, sale_change};
use stockline_platform::keys;
use stockline_testkit::clock::FakeClock;
use stockline_testkit::conformance::sales::StoredSales;
use stockline_testkit::memory::catalog::{MemoryCatalog, store};
use stockline_testkit::memory::sales_tally::MemoryTally;
use stockline_testkit::memory::shop::MemoryShop;
use stockline_testkit::orders::{order, refund_id};

use super::*;

type MemorySalesTally = SalesTally<MemoryTally, MemoryShop, MemoryCatalog, FakeClock>;

struct Fixture {
    store: MemoryTally,
    shop: MemoryShop,
    catalog: MemoryCatalog,
    tally: MemorySalesTally,
}

/// A tally of `store-1` in Berlin and `store-2` in New York, at 2026-03-01T18:00:00Z.
fn fixture() -> Fixture {
    fixture_at("2026-03-01T18:00:00Z")
}

fn fixture_at(now: &str) -> Fixture {
    let (memory, shop) = (MemoryTally::default(), MemoryShop::default());
    let catalog = MemoryCatalog::with_locations([
        store("store-1", "Europe/Berlin", 0),
        store("store-2", "America/New_York", 0),
    ]);
    let clock = FakeClock::at(now);
    Fixture {
        tally: SalesTally {
            tally: memory.clone(),
            sales: shop.clone(),
            locations: LocationCache::new(catalog.clone(), clock.clone()),
            clock,
        },
        store: memory,
        shop,
        catalog,
    }
}

impl Fixture {
    /// Handles the records, and returns those that failed.
    async fn handle(&self, records: Vec<StreamRecord>) -> Vec<String> {
        let handle = |change| handle(&self.tally, change);
        let failures = process_stream_records(records, sale_change, handle).await;
        failures.failures().into_iter().map(str::to_owned).collect()
    }

    /// The totals of `store-1` on 2026-03-01, as (hour, figures).
    async fn hours(&self, location: &str) -> Vec<(i8, Figures)> {
        let range = ReportRange::new(date(2026, 3, 1), date(2026, 3, 2)).unwrap();
        let found = self.store.hours(&location.parse().unwrap(), range).await;
        let hours = found.unwrap().into_iter();
        hours
            .map(|tally| (tally.cell.hour, tally.figures))
            .collect()
    }
}

fn image(order: &Order, revision: u64) -> serde_dynamo::Item {
    let mut record = OrderRecord::new(order, &Fingerprint::of(&"a").unwrap());
    record.revision = revision;
    serde_dynamo::to_item(record).unwrap()
}

/// The record of the change to `after`, which has `revision`.
fn order_record(before: Option<&Order>, after: &Order, revision: u64) -> StreamRecord {
    StreamRecord::new(
        keys::order(after.order_id),
        format!("order-{revision}"),
        before.map(|before| image(before, revision - 1)),
        Some(image(after, revision)),
    )
}

fn refund_record(refund: &Refund) -> StreamRecord {
    let record = RefundRecord::new(refund, &Fingerprint::of(&"r").unwrap());
    StreamRecord::new(
        keys::refund(refund.order_id, refund.refund_id),
        "refund".to_owned(),
        None,
        Some(serde_dynamo::to_item(record).unwrap()),
    )
}

/// An online order of 3 milk at `store-1`, at 13:00 local time.
fn milk() -> Order {
    order("milk", "store-1", "online", &[("milk", 3)])
}

/// The refund of one unit of `sold` at `store-2` at 2026-03-02T01:30:00Z, which is still 2026-03-01 there.
fn refund(sold: &Order, key: &str) -> (Refund, Order) {
    let body = RefundOrder {
        reason: "sour".to_owned(),
        location_id: None,
        occurred_at: None,
        lines: vec![RefundLine {
            line: 1,
            quantity: 1,
            restock: true,
        }],
    };
    let context = RefundContext {
        refund_id: refund_id(sold, key),
        location_id: "store-2".parse().unwrap(),
        business_date: date(2026, 3, 1),
        at: "2026-03-02T01:30:00Z".parse().unwrap(),
    };
    body.refund(context, sold).unwrap()
}

#[tokio::test]
async fn sale_counts_in_the_local_hour_of_its_store() {
    let fixture = fixture();
    let placed = milk();
    assert!(
        fixture
            .handle(vec![order_record(None, &placed, 1)])
            .await
            .is_empty()
    );
    let hours = fixture.hours("store-1").await;
    assert_eq!(hours.len(), 1);
    let (hour, figures) = hours[0];
    assert_eq!((hour, figures.orders, figures.units), (13, 1, 3));
    assert_eq!((figures.gross, figures.net, figures.total), (300, 300, 300));
}

#[tokio::test]
async fn refund_counts_at_its_own_place_and_hour() {
    let fixture = fixture();
    let sold = milk().fulfil(1, 3).unwrap();
    fixture.shop.put(&sold).await;
    let (refund, after) = refund(&sold, "r");
    let records = vec![order_record(Some(&sold), &after, 3), refund_record(&refund)];
    assert!(fixture.handle(records.clone()).await.is_empty());
    assert!(fixture.handle(records).await.is_empty());
    let hours = fixture.hours("store-2").await;
    assert_eq!(hours.len(), 1);
    let (hour, figures) = hours[0];
    assert_eq!((hour, figures.refunds, figures.refunded_units), (20, 1, 1));
    assert_eq!((figures.refunded_total, figures.orders), (100, 0));
    // The order's own record sells nothing.
    assert_eq!(fixture.hours("store-1").await, []);
}

#[tokio::test]
async fn fulfilment_makes_no_request() {
    let fixture = fixture();
    let placed = milk();
    let part = placed.fulfil(1, 2).unwrap();
    assert!(
        fixture
            .handle(vec![order_record(Some(&placed), &part, 2)])
            .await
            .is_empty()
    );
    assert_eq!(fixture.store.writes_and_reads(), (0, 0));
}

#[tokio::test]
async fn late_first_record_does_not_undo_a_cancellation() {
    let fixture = fixture();
    let placed = milk();
    let canceled = placed.cancel(placed.placed_at).unwrap();
    let cancellation = order_record(Some(&placed), &canceled, 2);
    let placement = order_record(None, &placed, 1);
    for record in [
        cancellation.clone(),
        placement.clone(),
        cancellation,
        placement,
    ] {
        assert!(fixture.handle(vec![record]).await.is_empty());
    }
    let hours = fixture.hours("store-1").await;
    let expected = Figures {
        canceled_orders: 1,
        ..Figures::default()
    };
    assert_eq!(hours, [(13, expected)]);
}

#[tokio::test]
async fn expired_contribution_is_corrected_by_the_difference() {
    let fixture = fixture_at("2027-06-01T12:00:00Z");
    let placed = milk();
    fixture.handle(vec![order_record(None, &placed, 1)]).await;
    fixture.store.expire_contributions();
    let canceled = placed.cancel(placed.placed_at).unwrap();
    let cancellation = order_record(Some(&placed), &canceled, 2);
    for _ in 0..2 {
        assert!(fixture.handle(vec![cancellation.clone()]).await.is_empty());
    }
    let hours = fixture.hours("store-1").await;
    let (_, figures) = hours[0];
    assert_eq!(
        (figures.orders, figures.canceled_orders, figures.total),
        (0, 1, 0)
    );
}

#[tokio::test]
async fn hour_stays_when_the_store_changes_its_time_zone() {
    let fixture = fixture();
    let placed = milk();
    fixture.handle(vec![order_record(None, &placed, 1)]).await;
    fixture.catalog.lock().locations.insert(
        "store-1".parse().unwrap(),
        store("store-1", "Asia/Tokyo", 0),
    );
    let later = SalesTally {
        tally: fixture.store.clone(),
        sales: fixture.shop.clone(),
        locations: LocationCache::new(
            fixture.catalog.clone(),
            FakeClock::at("2026-03-02T00:00:00Z"),
        ),
        clock: FakeClock::at("2026-03-02T00:00:00Z"),
    };
    let canceled = placed.cancel(placed.placed_at).unwrap();
    let change = sale_change(&order_record(Some(&placed), &canceled, 2))
        .unwrap()
        .unwrap();
    assert_eq!(handle(&later, change).await, RecordOutcome::Done);
    let hours = fixture.hours("store-1").await;
    assert_eq!(hours.len(), 1, "{hours:?}");
    assert_eq!((hours[0].0, hours[0].1.total), (13, 0));
}

#[tokio::test]
async fn records_that_cannot_be_tallied_are_reported() {
    let fixture = fixture();
    let outcome = async |record: StreamRecord| {
        handle(&fixture.tally, sale_change(&record).unwrap().unwrap()).await
    };
    let placed = milk();
    let deleted = StreamRecord::new(
        keys::order(placed.order_id),
        "1".to_owned(),
        Some(image(&placed, 1)),
        None,
    );
    let RecordOutcome::Reject(reason) = outcome(deleted).await else {
        panic!("a deleted order is not rejected");
    };
    assert_eq!(
        reason,
        "an order was deleted, but its sales remain in the tally"
    );
    let elsewhere = order("a", "store-9", "pos", &[("milk", 1)]);
    let RecordOutcome::Reject(reason) = outcome(order_record(None, &elsewhere, 1)).await else {
        panic!("an unknown location is not rejected");
    };
    assert_eq!(reason, "location store-9 is not in the catalog");
    let sold = placed.fulfil(1, 3).unwrap();
    let (refund, _) = refund(&sold, "r");
    let early = outcome(refund_record(&refund)).await;
    assert!(matches!(early, RecordOutcome::Retry(_)), "{early:?}");
    fixture.catalog.lock().busy = true;
    let busy = outcome(order_record(None, &placed, 1)).await;
    assert_eq!(busy, RecordOutcome::Retry("the store is busy".to_owned()));
}

#[tokio::test]
async fn sample_event_is_tallied() {
    let text = include_str!("../../../../events/sales-tally.json");
    let event: Event = serde_json::from_str(text).unwrap();
    let fixture = fixture();
    let records = stream_records(event);
    let SaleChange::Order(change) = sale_change(&records[0]).unwrap().unwrap() else {
        panic!("the first record is no order");
    };
    fixture.shop.put(&change.after.unwrap().order).await;
    assert!(fixture.handle(records).await.is_empty());
    let sold = fixture.hours("store-1").await;
    assert_eq!((sold[0].0, sold[0].1.total), (13, 488));
    let refunded = fixture.hours("store-2").await;
    assert_eq!((refunded[0].0, refunded[0].1.refunded_total), (4, 119));
}
