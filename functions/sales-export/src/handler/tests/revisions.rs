//! Repeated exports of a day: unchanged, revised, concurrent.

use std::collections::BTreeSet;

use jiff::civil::Date;
use stockline_application::paging::{Listing, Position};
use stockline_application::store_error::StoreError;
use stockline_domain::export::late::LateDay;
use stockline_domain::ids::LocationId;

use super::*;

#[tokio::test]
async fn same_orders_give_same_bytes_and_no_rewrite() {
    let (first, second) = (retailer(), retailer());
    let orders: Vec<Order> = (10..30)
        .map(|minute| {
            let sold_at = format!("2026-03-01T10:{minute}:00Z");
            sale(&minute.to_string(), "store-a", &sold_at, minute, "EUR")
        })
        .collect();
    for (forward, backward) in orders.iter().zip(orders.iter().rev()) {
        first.add_order(forward);
        second.add_order(backward);
    }
    first.export(json!({})).await;
    second.export(json!({})).await;
    for key in first.bucket.take_written() {
        assert_eq!(first.bucket.bytes(&key), second.bucket.bytes(&key), "{key}");
    }
    let again = first.export(json!({})).await;
    assert_eq!(again[1].revision, 1);
    assert_eq!(first.bucket.take_written(), [""; 0]);
}

#[tokio::test]
async fn late_correction_revises_only_its_day() {
    let retailer = retailer();
    let order = one_sale();
    retailer.add_order(&order);
    retailer.export(json!({})).await;
    retailer.bucket.take_written();
    retailer.add_order(&order.cancel(order.placed_at).unwrap());
    let exports = retailer.export(json!({"days": 3})).await;
    let berlin_days: Vec<(String, u64)> = exports[3..]
        .iter()
        .map(|day| (day.business_date.to_string(), day.revision))
        .collect();
    assert_eq!(
        berlin_days,
        [
            ("2026-02-27".to_owned(), 1),
            ("2026-02-28".to_owned(), 1),
            ("2026-03-01".to_owned(), 2)
        ]
    );
    let row = &retailer.rows(BERLIN)[0];
    assert_eq!(row.status, "canceled");
    let totals = &retailer.manifest(BERLIN_MANIFEST).totals[0];
    assert_eq!(
        (totals.orders, totals.canceled_orders, totals.net),
        (0, 1, 0)
    );
    assert!(
        !retailer
            .bucket
            .take_written()
            .contains(&"sales_lines/business_date=2026-03-01/America-New_York.parquet".to_owned())
    );
}

#[tokio::test]
async fn correction_months_later_revises_its_day() {
    let retailer = retailer();
    let order = one_sale();
    retailer.add_order(&order);
    retailer.export(json!({})).await;
    retailer.bucket.take_written();
    let canceled_at = "2026-07-01T12:00:00Z".parse().unwrap();
    let canceled = order.cancel(canceled_at).unwrap();
    retailer
        .shop
        .lock()
        .write_order(canceled, Fingerprint::of(&"a").unwrap(), canceled_at);
    let in_july = SalesExport {
        clock: FakeClock::at("2026-07-02T03:00:00Z"),
        ..retailer.function
    };
    let exports = in_july.handle(json!({"days": 8})).await.unwrap().exports;
    let late: Vec<&ExportedDay> = exports.iter().filter(|day| day.key == BERLIN).collect();
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].revision, 2);
    assert_eq!(
        exports.len(),
        17,
        "eight days of two groups and one late day"
    );
    assert_eq!(rows(retailer.bucket.bytes(BERLIN))[0].status, "canceled");
    retailer.bucket.take_written();
    in_july.handle(json!({"days": 8})).await.unwrap();
    assert_eq!(
        retailer.bucket.take_written(),
        [""; 0],
        "nothing changed since"
    );
}

/// After the first page of a day is read, cancels one of its orders and lets another run export the day.
struct ConcurrentExport {
    shop: MemoryShop,
    other: Function,
    order: std::sync::Mutex<Option<Order>>,
}

impl SalesReader for ConcurrentExport {
    async fn page(
        &self,
        location: &LocationId,
        business_date: Date,
        after: Option<Position>,
    ) -> Result<Listing<Order>, StoreError> {
        let page = self.shop.page(location, business_date, after).await;
        let order = self
            .order
            .lock()
            .unwrap()
            .take_if(|order| order.location_id == *location);
        if let Some(order) = order {
            let canceled = order.cancel(order.placed_at).unwrap();
            self.shop
                .lock()
                .write_order(canceled, Fingerprint::of(&"a").unwrap(), order.placed_at);
            let dates = json!({"business_dates": [business_date.to_string()]});
            Box::pin(self.other.handle(dates)).await.unwrap();
        }
        page
    }

    async fn written_late(&self, day: Date) -> Result<BTreeSet<LateDay>, StoreError> {
        self.shop.written_late(day).await
    }
}

#[tokio::test]
async fn concurrent_exports_keep_the_newer_orders() {
    let retailer = retailer();
    let order = one_sale();
    retailer.add_order(&order);
    let first_run = SalesExport {
        export: Export {
            catalog: retailer.function.export.catalog.clone(),
            bucket: retailer.bucket.clone(),
            sales: ConcurrentExport {
                shop: retailer.shop.clone(),
                order: Some(order).into(),
                other: retailer.function,
            },
        },
        clock: FakeClock::at("2026-03-02T08:00:00Z"),
    };
    first_run.handle(json!({})).await.unwrap();
    assert_eq!(rows(retailer.bucket.bytes(BERLIN))[0].status, "canceled");
    let manifest: Manifest =
        serde_json::from_slice(&retailer.bucket.bytes(BERLIN_MANIFEST)).unwrap();
    assert_eq!((manifest.revision, manifest.totals[0].orders), (1, 0));
    let file = retailer.bucket.sha256(BERLIN).await.unwrap().unwrap();
    assert_eq!(manifest.files[0].sha256, file.content);
}
