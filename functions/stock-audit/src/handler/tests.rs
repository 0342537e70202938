//! The nightly audit against in-memory stores: findings are stored, counted and reported once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::civil::date;
use serde_json::json;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::paging::{Listing, Position};
use stockline_application::ports::audit_data::StockRepairer;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_application::stock_audit::StockAudit;
use stockline_domain::audit::{Difference, StoredLevel, repair};
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::level::{Level, LevelKey, Movement};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::conformance::audit::{AuditedShop, DataFault, audit};
use stockline_testkit::conformance::stock::{apply, change, deadline};
use stockline_testkit::memory::audit_data::MemoryAuditRecords;
use stockline_testkit::memory::catalog::{MemoryCatalog, store};
use stockline_testkit::memory::operations::MemoryOperations;
use stockline_testkit::memory::shop::MemoryShop;
use stockline_testkit::orders::order;

use super::*;

type Function<Stock> =
    NightlyAudit<Stock, MemoryShop, FakeClock, MemoryAuditRecords, MemoryCatalog, MemoryOperations>;

struct Fixture<Stock> {
    function: Function<Stock>,
    shop: MemoryShop,
    records: MemoryAuditRecords,
    operations: MemoryOperations,
}

/// `store-1` and `store-2` after a day on which each received ten units of five SKUs and allocated two of each.
async fn fixture() -> Fixture<MemoryShop> {
    let shop = MemoryShop::default();
    for location in ["store-1", "store-2"] {
        for (index, sku) in ["bread", "eggs", "figs", "milk", "tea"].iter().enumerate() {
            let received = change(
                json!({"kind": "receipt", "location_id": location, "sku": sku, "quantity": 10}),
            );
            apply(&shop, location, index, &received).await;
            place_order(&shop, &format!("{location}-{sku}"), location, sku).await;
        }
    }
    let stock = shop.clone();
    fixture_reading(shop, stock, "2026-03-02T03:00:00Z")
}

/// An audit of `shop` that reads levels and movements through `stock`.
fn fixture_reading<Stock: AuditData>(shop: MemoryShop, stock: Stock, now: &str) -> Fixture<Stock> {
    let (records, operations) = (MemoryAuditRecords::default(), MemoryOperations::default());
    let audit = audit(&shop, FakeClock::at(now));
    let stores = ["store-1", "store-2"].map(|id| store(id, "Europe/Berlin", 0));
    Fixture {
        function: NightlyAudit {
            audit: StockAudit {
                stock,
                orders: audit.orders,
                clock: audit.clock,
                timing: audit.timing,
            },
            records: records.clone(),
            catalog: MemoryCatalog::with_locations(stores),
            operations: operations.clone(),
        },
        shop,
        records,
        operations,
    }
}

/// Places an online order for two units.
async fn place_order(shop: &MemoryShop, key: &str, location: &str, sku: &str) {
    let placed = order(key, location, "online", &[(sku, 2)]);
    let request = Fingerprint::of(&"a").unwrap();
    let placement = shop.place(&placed, &request, deadline()).await.unwrap();
    assert_eq!(placement, PlaceOutcome::Placed);
}

impl<Stock: AuditData> Fixture<Stock> {
    async fn run(&self, event: Value) -> Result<AuditSummary, AuditError> {
        let mut context = Context::default();
        context.request_id = "run-1".to_owned();
        let now = self.function.audit.clock.now();
        context.deadline = now.as_millisecond().unsigned_abs() + 900_000;
        handle(&self.function, event, &context).await
    }
}

#[tokio::test]
async fn consistent_stock_reports_nothing() {
    let fixture = fixture().await;
    let summary = fixture.run(json!({})).await.unwrap();
    assert_eq!((summary.locations, summary.levels), (2, 10));
    assert_eq!((summary.confirmed, summary.undecided), (0, 0));
    assert_eq!(fixture.operations.messages(), []);
}

#[tokio::test]
async fn differences_are_stored_and_reported_in_one_message() {
    let fixture = fixture().await;
    for location in ["store-1", "store-2"] {
        fixture
            .shop
            .inject(location, DataFault::LevelAttribute("allocated", 5))
            .await;
    }
    let summary = fixture.run(json!({})).await.unwrap();
    assert_eq!((summary.confirmed, summary.undecided), (2, 0));

    let day = date(2026, 3, 2);
    let location = "store-1".parse().unwrap();
    let kept = fixture.records.found_on(&location, day).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].confirmed && kept[0].sku.as_str() == "milk");
    let orders = Difference::Orders {
        allocated: 5,
        open: 2,
    };
    assert!(kept[0].differences.contains(&orders), "{kept:?}");

    let reports = fixture.operations.messages();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].data.first.len(), 2);
    let texts = &reports[0].data.first[0].differences;
    assert!(
        texts.contains(&"allocated is 5, but open orders hold 2".to_owned()),
        "{texts:?}"
    );
    let schema = include_str!("../../../../events/schemas/stock.audit.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let message = serde_json::to_value(&reports[0]).unwrap();
    let errors: Vec<String> = schema
        .iter_errors(&message)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[tokio::test]
async fn run_after_a_repair_deletes_the_earlier_finding() {
    let fixture = fixture().await;
    fixture
        .shop
        .inject("store-1", DataFault::LevelAttribute("on_hand", 11))
        .await;
    fixture.run(json!({})).await.unwrap();
    let (day, location) = (date(2026, 3, 2), "store-1".parse().unwrap());
    assert_eq!(
        fixture
            .records
            .found_on(&location, day)
            .await
            .unwrap()
            .len(),
        1
    );

    let audit = &fixture.function.audit;
    let open = audit.open_quantities(&location).await.unwrap();
    let skus = vec!["milk".parse().unwrap()];
    for finding in audit.audit_skus(&location, skus, &open).await.unwrap() {
        for write in repair(&finding.data, audit.clock.now()) {
            fixture.shop.repair(&write, deadline()).await.unwrap();
        }
    }
    audit.clock.advance(jiff::SignedDuration::from_mins(30));
    let summary = fixture
        .run(json!({"locations": ["store-1"]}))
        .await
        .unwrap();
    assert_eq!((summary.levels, summary.confirmed), (5, 0));
    assert_eq!(fixture.records.found_on(&location, day).await.unwrap(), []);
    assert_eq!(fixture.operations.messages().len(), 1);
}

#[tokio::test]
async fn run_out_of_time_reports_unfinished_locations() {
    let fixture = fixture().await;
    let mut context = Context::default();
    let now = fixture.function.audit.clock.now();
    context.deadline = now.as_millisecond().unsigned_abs() + 1_000;
    let summary = handle(&fixture.function, json!({}), &context)
        .await
        .unwrap();
    assert_eq!((summary.locations, summary.unfinished.len()), (0, 2));
    assert_eq!(fixture.operations.messages()[0].data.unfinished.len(), 2);
}

#[tokio::test]
async fn invalid_event_is_rejected() {
    let fixture = fixture().await;
    for event in [
        json!({"location": "store-1"}),
        json!({"locations": "store-1"}),
    ] {
        let refused = fixture.run(event).await.unwrap_err();
        assert!(matches!(refused, AuditError::Malformed(_)), "{refused}");
    }
    let refused = fixture.run(json!({"locations": []})).await.unwrap_err();
    assert!(matches!(refused, AuditError::Invalid(_)), "{refused}");
}

/// A shop that sells during the audit: reads place orders, and every second read of the ledger misses its last movement.
#[derive(Clone)]
struct SellingShop {
    shop: MemoryShop,
    reads: Arc<AtomicUsize>,
}

impl SellingShop {
    fn count_read(&self) -> usize {
        self.reads.fetch_add(1, Ordering::SeqCst)
    }
}

impl AuditData for SellingShop {
    async fn skus(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> Result<Listing<Sku>, StoreError> {
        AuditData::skus(&self.shop, location, after).await
    }

    async fn levels(&self, key: &LevelKey) -> Result<Vec<StoredLevel>, StoreError> {
        let levels = self.shop.levels(key).await;
        // The limit keeps the orders within the stock that can be allocated.
        let number = self.count_read();
        if number.is_multiple_of(3) && number < 40 {
            let sku = key.sku.as_str();
            let lines = [(sku, 1)];
            let placed = order(
                &format!("busy-{number}"),
                key.location_id.as_str(),
                "online",
                &lines,
            );
            let request = Fingerprint::of(&"a").unwrap();
            self.shop.place(&placed, &request, deadline()).await?;
        }
        levels
    }

    async fn ledger_page(
        &self,
        level: &Level,
        after: Option<Position>,
    ) -> Result<Listing<Movement>, StoreError> {
        let mut page = self.shop.ledger_page(level, after).await?;
        if page.next.is_none() && self.count_read().is_multiple_of(2) {
            page.items.pop();
        }
        Ok(page)
    }
}

#[tokio::test]
async fn sales_during_the_audit_cause_no_false_finding() {
    let shop = fixture().await.shop;
    let selling = SellingShop {
        shop: shop.clone(),
        reads: Arc::default(),
    };
    let fixture = fixture_reading(shop, selling.clone(), "2026-03-01T12:00:30Z");
    let summary = fixture.run(json!({})).await.unwrap();
    assert!(
        selling.reads.load(Ordering::SeqCst) > 40,
        "no order was placed during the audit"
    );
    assert_eq!(summary.confirmed, 0, "{:?}", fixture.operations.messages());
    assert_eq!(summary.levels, 10);
}
