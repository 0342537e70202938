//! The export against in-memory stores.

mod analyst;
mod days;
mod interruptions;
mod logs;
mod refunds;
mod refusals;
mod revisions;
mod rows;
mod stepped;
mod totals;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use stockline_application::fingerprint::Fingerprint;
use stockline_domain::catalog::Product;
use stockline_domain::export::Manifest;
use stockline_domain::ids::OrderId;
use stockline_domain::order::{Order, Refund, RefundContext, RefundLine, RefundOrder};
use stockline_domain::place_order::PlaceOrder;
use stockline_testkit::clock::FakeClock;
use stockline_testkit::memory::catalog::{MemoryCatalog, store};
use stockline_testkit::memory::export::MemoryBucket;
use stockline_testkit::memory::shop::MemoryShop;
use stockline_testkit::orders::refund_id;

use super::*;
use crate::encoding::ParquetEncoder;

type Function = ExportFunction<MemoryShop, MemoryCatalog, MemoryBucket, ParquetEncoder, FakeClock>;

const DAY: &str = "2026-03-01";
const BERLIN_MANIFEST: &str = "export_manifest/business_date=2026-03-01/Europe-Berlin.json";

/// The key of Berlin's file of 1 March.
fn berlin(dataset: &str, revision: u64) -> String {
    format!("{dataset}/business_date=2026-03-01/Europe-Berlin.r{revision}.parquet")
}

/// Two stores in Berlin and one in New York, on the morning of 2 March 2026.
struct Retailer {
    shop: MemoryShop,
    catalog: MemoryCatalog,
    bucket: MemoryBucket,
}

fn retailer() -> Retailer {
    let catalog = MemoryCatalog::with_locations([
        store("store-b", "Europe/Berlin", 3),
        store("store-a", "Europe/Berlin", 0),
        store("store-n", "America/New_York", 0),
    ]);
    let retailer = Retailer {
        shop: MemoryShop::default(),
        catalog,
        bucket: MemoryBucket::default(),
    };
    retailer.name_product("Milk");
    retailer
}

impl Retailer {
    fn function_at(&self, now: &str) -> Function {
        ExportFunction {
            export: SalesExport {
                sales: self.shop.clone(),
                catalog: self.catalog.clone(),
                bucket: self.bucket.clone(),
                encoder: ParquetEncoder,
            },
            clock: FakeClock::at(now),
        }
    }

    fn function(&self) -> Function {
        self.function_at("2026-03-02T08:00:00Z")
    }

    fn name_product(&self, name: &str) {
        let product: Product = serde_json::from_value(json!({
            "sku": "milk", "name": name, "brand": "Alm", "category": "Dairy", "unit_of_measure": "each",
            "list_price": {"amount": 119, "currency": "EUR"},
        }))
        .unwrap();
        let sku = product.sku.clone();
        self.catalog.lock().products.insert(sku, product);
    }

    fn add_order(&self, order: &Order) {
        let entry = (order.clone(), Fingerprint::of(&"a").unwrap());
        self.shop.lock().orders.insert(order.order_id, entry);
    }

    fn add_refund(&self, refund: &Refund) {
        let entry = (refund.clone(), Fingerprint::of(&"r").unwrap());
        self.shop.lock().refunds.push(entry);
    }

    async fn export(&self, event: Value) -> Vec<ExportedDay> {
        self.function().handle(event).await.unwrap().exports
    }

    async fn error_message(&self, event: Value) -> String {
        let refused = self.function().handle(event).await.unwrap_err();
        Diagnostic::from(refused).error_message
    }

    fn manifest(&self, key: &str) -> Manifest {
        serde_json::from_slice(&self.bucket.bytes(key)).unwrap()
    }

    /// The rows of `sales_lines` in force on 1 March.
    fn sales(&self) -> Vec<Value> {
        analyst::rows(&self.bucket, "sales_lines", DAY)
    }

    /// The rows of `refund_lines` in force on 1 March.
    fn refunds(&self) -> Vec<Value> {
        analyst::rows(&self.bucket, "refund_lines", DAY)
    }
}

/// An order of a Berlin store on 1 March.
fn one_sale() -> Order {
    sale("1", "store-a", "2026-03-01T10:00:00Z", 119, "EUR")
}

/// An order of one line of two units, sold at `sold_at` and received a minute later, with a discount of one minor unit.
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

/// A refund of one unit of each of `lines` at `location` at noon UTC of `date`, and the order after it.
fn refund(
    order: &Order,
    key: &str,
    location: &str,
    date: Date,
    lines: &[(u16, bool)],
) -> (Refund, Order) {
    let body = RefundOrder {
        reason: "sour".to_owned(),
        location_id: None,
        occurred_at: None,
        lines: lines
            .iter()
            .map(|(line, restock)| RefundLine {
                line: *line,
                quantity: 1,
                restock: *restock,
            })
            .collect(),
    };
    let context = RefundContext {
        refund_id: refund_id(order, key),
        location_id: location.parse().unwrap(),
        business_date: date,
        at: format!("{date}T12:00:00Z").parse().unwrap(),
    };
    body.refund(context, order).unwrap()
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
