//! The night's audit finds what does not add up, keeps it, and tells of it once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::civil::date;
use serde_json::json;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::paging::{Listing, Position};
use stockline_application::ports::audit_data::StockRepairer;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_domain::audit::{Difference, StoredLevel, mend};
use stockline_domain::ids::Sku;
use stockline_domain::level::{Level, LevelKey, Movement};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::conformance::books::{Fault, Spoilt, audit};
use stockline_testkit::conformance::stock::{apply, change, deadline};
use stockline_testkit::memory::books::MemoryAuditRecords;
use stockline_testkit::memory::catalog::{MemoryCatalog, store};
use stockline_testkit::memory::operations::MemoryOperations;
use stockline_testkit::memory::shop::MemoryShop;
use stockline_testkit::orders::order;

use super::*;

type Function<B> =
    StockAuditor<B, MemoryShop, FakeClock, MemoryAuditRecords, MemoryCatalog, MemoryOperations>;

struct Night<B> {
    function: Function<B>,
    shop: MemoryShop,
    records: MemoryAuditRecords,
    operations: MemoryOperations,
}

/// The night after a day at `store-1` and `store-2`, each of which received ten of each of five SKUs and promised two.
async fn night() -> Night<MemoryShop> {
    let shop = MemoryShop::default();
    for location in ["store-1", "store-2"] {
        for (index, sku) in ["bread", "eggs", "figs", "milk", "tea"].iter().enumerate() {
            let received = change(
                json!({"kind": "receipt", "location_id": location, "sku": sku, "quantity": 10}),
            );
            apply(&shop, location, index, &received).await;
            promise(&shop, &format!("{location}-{sku}"), location, sku).await;
        }
    }
    let books = shop.clone();
    with_books(shop, books, "2026-03-02T03:00:00Z")
}

fn with_books<B: AuditData>(shop: MemoryShop, books: B, now: &str) -> Night<B> {
    let (records, operations) = (MemoryAuditRecords::default(), MemoryOperations::default());
    let audit = audit(&shop, FakeClock::at(now));
    let stores = ["store-1", "store-2"].map(|id| store(id, "Europe/Berlin", 0));
    Night {
        function: StockAuditor {
            audit: StockAudit {
                books,
                orders: audit.orders,
                clock: audit.clock,
                patience: audit.patience,
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

async fn promise(shop: &MemoryShop, key: &str, location: &str, sku: &str) {
    let placed = order(key, location, "online", &[(sku, 2)]);
    let request = Fingerprint::of(&"a").unwrap();
    let placement = shop.place(&placed, &request, deadline()).await.unwrap();
    assert_eq!(placement, PlaceOutcome::Placed);
}

impl<B: AuditData> Night<B> {
    async fn run(&self, event: Value) -> Result<Summary, AuditError> {
        let mut context = Context::default();
        context.request_id = "run-1".to_owned();
        let now = self.function.audit.clock.now();
        context.deadline = now.as_millisecond().unsigned_abs() + 900_000;
        self.function.handle(event, &context).await
    }
}

#[tokio::test]
async fn books_that_add_up_are_nobodys_news() {
    let night = night().await;
    let summary = night.run(json!({})).await.unwrap();
    assert_eq!((summary.locations, summary.levels), (2, 10));
    assert_eq!((summary.confirmed, summary.undecided), (0, 0));
    assert_eq!(night.operations.told(), []);
}

#[tokio::test]
async fn what_does_not_add_up_is_kept_and_told_in_one_message() {
    let night = night().await;
    for location in ["store-1", "store-2"] {
        night
            .shop
            .plant(location, Fault::Level("allocated", 5))
            .await;
    }
    let summary = night.run(json!({})).await.unwrap();
    assert_eq!((summary.confirmed, summary.undecided), (2, 0));

    let day = date(2026, 3, 2);
    let location = "store-1".parse().unwrap();
    let kept = night.records.found_on(&location, day).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].confirmed && kept[0].sku.as_str() == "milk");
    let orders = Difference::Orders {
        allocated: 5,
        open: 2,
    };
    assert!(kept[0].differences.contains(&orders), "{kept:?}");

    let told = night.operations.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].data.first.len(), 2);
    let said = &told[0].data.first[0].differences;
    assert!(
        said.contains(&"5 are allocated, and open orders hold 2".to_owned()),
        "{said:?}"
    );
    let schema = include_str!("../../../../events/schemas/stock.audit.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let message = serde_json::to_value(&told[0]).unwrap();
    let errors: Vec<String> = schema
        .iter_errors(&message)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[tokio::test]
async fn a_run_after_the_repair_takes_back_what_the_one_before_it_found() {
    let night = night().await;
    night
        .shop
        .plant("store-1", Fault::Level("on_hand", 11))
        .await;
    night.run(json!({})).await.unwrap();
    let (day, location) = (date(2026, 3, 2), "store-1".parse().unwrap());
    assert_eq!(
        night.records.found_on(&location, day).await.unwrap().len(),
        1
    );

    let audit = &night.function.audit;
    let held = audit.held_at(&location).await.unwrap();
    let skus = vec!["milk".parse().unwrap()];
    for finding in audit.skus(&location, skus, &held).await.unwrap() {
        for write in mend(&finding.books, audit.clock.now()) {
            night.shop.repair(&write, deadline()).await.unwrap();
        }
    }
    audit.clock.advance(jiff::SignedDuration::from_mins(30));
    let summary = night.run(json!({"locations": ["store-1"]})).await.unwrap();
    assert_eq!((summary.levels, summary.confirmed), (5, 0));
    assert_eq!(night.records.found_on(&location, day).await.unwrap(), []);
    assert_eq!(night.operations.told().len(), 1);
}

#[tokio::test]
async fn a_run_that_is_out_of_time_says_how_far_it_came() {
    let night = night().await;
    let mut context = Context::default();
    let now = night.function.audit.clock.now();
    context.deadline = now.as_millisecond().unsigned_abs() + 1_000;
    let summary = night.function.handle(json!({}), &context).await.unwrap();
    assert_eq!((summary.locations, summary.unfinished.len()), (0, 2));
    assert_eq!(night.operations.told()[0].data.unfinished.len(), 2);
}

#[tokio::test]
async fn an_event_of_another_shape_is_refused() {
    let night = night().await;
    for event in [
        json!({"location": "store-1"}),
        json!({"locations": "store-1"}),
    ] {
        let refused = night.run(event).await.unwrap_err();
        assert!(matches!(refused, AuditError::Malformed(_)), "{refused}");
    }
    let refused = night.run(json!({"locations": []})).await.unwrap_err();
    assert!(matches!(refused, AuditError::Invalid(_)), "{refused}");
}

/// The books of a busy shop: every read lets trade go on, and the ledger is a movement behind at every second one.
#[derive(Clone)]
struct Busy {
    shop: MemoryShop,
    reads: Arc<AtomicUsize>,
}

impl Busy {
    fn read(&self) -> usize {
        self.reads.fetch_add(1, Ordering::SeqCst)
    }
}

impl AuditData for Busy {
    async fn skus(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> Result<Listing<Sku>, StoreError> {
        AuditData::skus(&self.shop, location, after).await
    }

    async fn levels(&self, key: &LevelKey) -> Result<Vec<StoredLevel>, StoreError> {
        let levels = self.shop.levels(key).await;
        // At most as often as there is something to promise.
        let number = self.read();
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
        if page.next.is_none() && self.read().is_multiple_of(2) {
            page.items.pop();
        }
        Ok(page)
    }
}

#[tokio::test]
async fn nothing_is_found_in_a_busy_shop() {
    let shop = night().await.shop;
    let busy = Busy {
        shop: shop.clone(),
        reads: Arc::default(),
    };
    let night = with_books(shop, busy.clone(), "2026-03-01T12:00:30Z");
    let summary = night.run(json!({})).await.unwrap();
    assert!(busy.reads.load(Ordering::SeqCst) > 40, "nobody traded");
    assert_eq!(summary.confirmed, 0, "{:?}", night.operations.told());
    assert_eq!(summary.levels, 10);
}
