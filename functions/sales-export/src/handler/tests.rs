//! The export against in-memory stores.

mod days;
mod refusals;
mod revisions;
mod rows;
mod totals;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use stockline_application::fingerprint::Fingerprint;
use stockline_domain::catalog::Product;
use stockline_domain::export::Manifest;
use stockline_domain::ids::OrderId;
use stockline_domain::order::Order;
use stockline_domain::place_order::PlaceOrder;
use stockline_testkit::clock::FakeClock;
use stockline_testkit::memory::catalog::{MemoryCatalog, store};
use stockline_testkit::memory::export::MemoryBucket;
use stockline_testkit::memory::shop::MemoryShop;

use rows::{Row, rows};

use super::*;

type Function = SalesExport<MemoryShop, MemoryCatalog, MemoryBucket, FakeClock>;

const BERLIN: &str = "sales_lines/business_date=2026-03-01/Europe-Berlin.parquet";
const BERLIN_MANIFEST: &str = "export_manifest/business_date=2026-03-01/Europe-Berlin.json";

/// Two stores in Berlin and one in New York, on the morning of 2 March 2026.
struct Retailer {
    shop: MemoryShop,
    bucket: MemoryBucket,
    function: Function,
}

fn retailer() -> Retailer {
    let (shop, bucket) = (MemoryShop::default(), MemoryBucket::default());
    let catalog = MemoryCatalog::with_locations([
        store("store-b", "Europe/Berlin", 3),
        store("store-a", "Europe/Berlin", 0),
        store("store-n", "America/New_York", 0),
    ]);
    let product: Product = serde_json::from_value(json!({
        "sku": "milk", "name": "Milk", "brand": "Alm", "unit_of_measure": "each",
        "list_price": {"amount": 119, "currency": "EUR"},
    }))
    .unwrap();
    catalog.lock().products.insert(product.sku.clone(), product);
    Retailer {
        shop: shop.clone(),
        bucket: bucket.clone(),
        function: SalesExport {
            export: Export {
                sales: shop,
                catalog,
                bucket,
            },
            clock: FakeClock::at("2026-03-02T08:00:00Z"),
        },
    }
}

impl Retailer {
    fn add_order(&self, order: &Order) {
        let entry = (order.clone(), Fingerprint::of(&"a").unwrap());
        self.shop.lock().orders.insert(order.order_id, entry);
    }

    async fn export(&self, event: Value) -> Vec<ExportedDay> {
        self.function.handle(event).await.unwrap().exports
    }

    async fn error_message(&self, event: Value) -> String {
        let refused = self.function.handle(event).await.unwrap_err();
        lambda_runtime::Diagnostic::from(refused).error_message
    }

    fn manifest(&self, key: &str) -> Manifest {
        serde_json::from_slice(&self.bucket.bytes(key)).unwrap()
    }

    fn rows(&self, key: &str) -> Vec<Row> {
        rows(self.bucket.bytes(key))
    }
}

/// An order of a Berlin store on 1 March.
fn one_sale() -> Order {
    sale("1", "store-a", "2026-03-01T10:00:00Z", 119, "EUR")
}

/// An order of one line, sold at `sold_at` and received a minute later.
fn sale(key: &str, location: &str, sold_at: &str, unit_price: i64, currency: &str) -> Order {
    let money = |amount: i64| json!({"amount": amount, "currency": currency});
    let body: PlaceOrder = serde_json::from_value(json!({
        "location_id": location, "channel": "online", "currency": currency, "sold_at": sold_at,
        "lines": [{"sku": "milk", "quantity": 2, "unit_price": money(unit_price), "discount": money(1)}],
        "total": money(2 * unit_price - 1),
    }))
    .unwrap();
    let sold_at: Timestamp = sold_at.parse().unwrap();
    let now = sold_at
        .checked_add(jiff::SignedDuration::from_mins(1))
        .unwrap();
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    body.order(OrderId::derive("till", key), now, &zone, 0)
        .unwrap()
}

#[tokio::test]
async fn sample_events_are_answered() {
    let samples = [
        include_str!("../../../../events/sales-export.nightly.json"),
        include_str!("../../../../events/sales-export.dates.json"),
    ];
    for (sample, days) in samples.into_iter().zip([16, 4]) {
        let event = serde_json::from_str(sample).unwrap();
        assert_eq!(retailer().export(event).await.len(), days);
    }
}
