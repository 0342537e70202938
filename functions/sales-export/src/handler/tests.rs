//! The export, told as stories over stores in memory.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType};
use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use serde_json::{Value, json};
use stockline_domain::catalog::Product;
use stockline_domain::export::Manifest;
use stockline_domain::export::late::LateDay;
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::order::{Order, OrderStatus};
use stockline_domain::place_order::PlaceOrder;
use stockline_platform::cursor::{Listing, Position};
use stockline_platform::fingerprint::Fingerprint;
use stockline_platform::ports::export::Put;
use stockline_platform::store_error::StoreError;
use stockline_testkit::clock::FakeClock;
use stockline_testkit::memory::catalog::{MemoryCatalog, store};
use stockline_testkit::memory::export::MemoryBucket;
use stockline_testkit::memory::shop::MemoryShop;

use jiff::civil::Date;

use super::*;

const BERLIN: &str = "sales_lines/business_date=2026-03-01/Europe-Berlin.parquet";
const BERLIN_MANIFEST: &str = "export_manifest/business_date=2026-03-01/Europe-Berlin.json";

/// A retailer with two stores in Berlin and one in New York, on the morning after 1 March 2026.
struct Retailer {
    shop: MemoryShop,
    bucket: MemoryBucket,
    function: SalesExport<MemoryShop, MemoryCatalog, MemoryBucket, FakeClock>,
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
    catalog.open().products.insert(product.sku.clone(), product);
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
    fn sold(&self, order: &Order) {
        let entry = (order.clone(), Fingerprint::of(&"a").unwrap());
        self.shop.open().orders.insert(order.order_id, entry);
    }

    async fn export(&self, event: Value) -> Vec<Exported> {
        self.function.handle(event).await.unwrap().exports
    }

    async fn refusal(&self, event: Value) -> String {
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

/// An order of one line, sold at `sold_at` and taken in a minute later.
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

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    order_id: String,
    line: i32,
    location_id: String,
    status: String,
    quantity: i64,
    currency: String,
    unit_price: i128,
    gross: i128,
    discount: i128,
    tax: i128,
    net: i128,
    sold_at: i64,
    sold_at_local: i64,
}

fn rows(bytes: Vec<u8>) -> Vec<Row> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).unwrap();
    let mut rows = Vec::new();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        let text = |name: &str, row: usize| {
            let column = batch.column_by_name(name).unwrap().as_string::<i32>();
            column.value(row).to_owned()
        };
        let amount = |name: &str, row: usize| {
            let column = batch.column_by_name(name).unwrap();
            column.as_primitive::<Decimal128Type>().value(row)
        };
        let time = |name: &str, row: usize| {
            let column = batch.column_by_name(name).unwrap();
            column.as_primitive::<TimestampMicrosecondType>().value(row)
        };
        for row in 0..batch.num_rows() {
            let line = batch
                .column_by_name("line")
                .unwrap()
                .as_primitive::<Int32Type>();
            let quantity = batch
                .column_by_name("quantity")
                .unwrap()
                .as_primitive::<Int64Type>();
            rows.push(Row {
                order_id: text("order_id", row),
                line: line.value(row),
                location_id: text("location_id", row),
                status: text("status", row),
                quantity: quantity.value(row),
                currency: text("currency", row),
                unit_price: amount("unit_price", row),
                gross: amount("gross", row),
                discount: amount("discount", row),
                tax: amount("tax", row),
                net: amount("net", row),
                sold_at: time("sold_at", row),
                sold_at_local: time("sold_at_local", row),
            });
        }
    }
    rows
}

#[tokio::test]
async fn a_night_exports_each_groups_own_yesterday_with_the_manifests_last() {
    let retailer = retailer();
    retailer.sold(&sale("1", "store-a", "2026-03-01T10:00:00Z", 119, "EUR"));
    let exports = retailer.export(json!({})).await;
    let days: Vec<(&str, String, u64, u64)> = exports
        .iter()
        .map(|day| {
            (
                day.group.as_str(),
                day.business_date.to_string(),
                day.rows,
                day.revision,
            )
        })
        .collect();
    assert_eq!(
        days,
        [
            ("America-New_York", "2026-03-01".to_owned(), 0, 1),
            ("Europe-Berlin", "2026-03-01".to_owned(), 1, 1),
        ]
    );
    assert_eq!(exports[1].key, BERLIN);
    assert_eq!(
        retailer.bucket.written(),
        [
            "dim_products/dim_products.parquet",
            "dim_locations/dim_locations.parquet",
            "sales_lines/business_date=2026-03-01/America-New_York.parquet",
            "export_manifest/business_date=2026-03-01/America-New_York.json",
            BERLIN,
            BERLIN_MANIFEST,
        ]
    );
    let manifest = retailer.manifest(BERLIN_MANIFEST);
    assert!(manifest.closed);
    assert_eq!(manifest.files[0].rows, 1);
    assert_eq!(manifest.files[0].sha256.len(), 64);
    assert_eq!(manifest.totals[0].net, 237);
}

#[tokio::test]
async fn a_day_without_sales_is_a_file_without_rows() {
    let retailer = retailer();
    retailer.export(json!({})).await;
    assert_eq!(retailer.rows(BERLIN), []);
    assert_eq!(retailer.manifest(BERLIN_MANIFEST).totals, []);
}

#[tokio::test]
async fn the_same_day_again_writes_nothing_and_elsewhere_the_same_bytes() {
    let (here, there) = (retailer(), retailer());
    let orders: Vec<Order> = (10..30)
        .map(|minute| {
            let sold_at = format!("2026-03-01T10:{minute}:00Z");
            sale(&minute.to_string(), "store-a", &sold_at, minute, "EUR")
        })
        .collect();
    for (first, last) in orders.iter().zip(orders.iter().rev()) {
        here.sold(first);
        there.sold(last);
    }
    here.export(json!({})).await;
    there.export(json!({})).await;
    for key in here.bucket.written() {
        assert_eq!(here.bucket.bytes(&key), there.bucket.bytes(&key), "{key}");
    }
    let again = here.export(json!({})).await;
    assert_eq!(again[1].revision, 1);
    assert_eq!(here.bucket.written(), [""; 0]);
}

#[tokio::test]
async fn a_late_correction_makes_the_second_revision_of_its_day_alone() {
    let retailer = retailer();
    let order = sale("1", "store-a", "2026-03-01T10:00:00Z", 119, "EUR");
    retailer.sold(&order);
    retailer.export(json!({})).await;
    retailer.bucket.written();
    retailer.sold(&order.cancel(order.placed_at).unwrap());
    let exports = retailer.export(json!({"days": 3})).await;
    let of_berlin: Vec<(String, u64)> = exports[3..]
        .iter()
        .map(|day| (day.business_date.to_string(), day.revision))
        .collect();
    assert_eq!(
        of_berlin,
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
            .written()
            .contains(&"sales_lines/business_date=2026-03-01/America-New_York.parquet".to_owned())
    );
}

#[tokio::test]
async fn an_order_corrected_months_later_makes_the_next_revision_of_its_day() {
    let retailer = retailer();
    let order = sale("1", "store-a", "2026-03-01T10:00:00Z", 119, "EUR");
    retailer.sold(&order);
    retailer.export(json!({})).await;
    retailer.bucket.written();
    let canceled_at = "2026-07-01T12:00:00Z".parse().unwrap();
    let canceled = order.cancel(canceled_at).unwrap();
    retailer
        .shop
        .open()
        .write_order(canceled, Fingerprint::of(&"a").unwrap(), canceled_at);
    let in_july = SalesExport {
        clock: FakeClock::at("2026-07-02T03:00:00Z"),
        ..retailer.function
    };
    let exports = in_july.handle(json!({"days": 8})).await.unwrap().exports;
    let late: Vec<&Exported> = exports.iter().filter(|day| day.key == BERLIN).collect();
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].revision, 2);
    assert_eq!(
        exports.len(),
        17,
        "eight days of two groups, and the late one"
    );
    assert_eq!(rows(retailer.bucket.bytes(BERLIN))[0].status, "canceled");
    retailer.bucket.written();
    in_july.handle(json!({"days": 8})).await.unwrap();
    assert_eq!(retailer.bucket.written(), [""; 0], "nothing changed since");
}

/// A till's shop in which, once the first page of a day is read, an order of it is canceled and another run exports it.
struct Overtaking {
    shop: MemoryShop,
    other: SalesExport<MemoryShop, MemoryCatalog, MemoryBucket, FakeClock>,
    order: std::sync::Mutex<Option<Order>>,
}

impl SalesReader for Overtaking {
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
                .open()
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
async fn of_two_exports_of_one_day_at_once_the_newer_orders_stay() {
    let retailer = retailer();
    let order = sale("1", "store-a", "2026-03-01T10:00:00Z", 119, "EUR");
    retailer.sold(&order);
    let overtaken = SalesExport {
        export: Export {
            catalog: retailer.function.export.catalog.clone(),
            bucket: retailer.bucket.clone(),
            sales: Overtaking {
                shop: retailer.shop.clone(),
                order: Some(order).into(),
                other: retailer.function,
            },
        },
        clock: FakeClock::at("2026-03-02T08:00:00Z"),
    };
    overtaken.handle(json!({})).await.unwrap();
    assert_eq!(rows(retailer.bucket.bytes(BERLIN))[0].status, "canceled");
    let manifest: Manifest =
        serde_json::from_slice(&retailer.bucket.bytes(BERLIN_MANIFEST)).unwrap();
    assert_eq!((manifest.revision, manifest.totals[0].orders), (1, 0));
    let file = retailer.bucket.sha256(BERLIN).await.unwrap().unwrap();
    assert_eq!(manifest.files[0].sha256, file.content);
}

#[tokio::test]
async fn a_day_that_could_not_be_written_has_no_manifest_and_keeps_no_other_day_back() {
    let retailer = retailer();
    retailer.sold(&sale("1", "store-a", "2026-03-01T10:00:00Z", 119, "EUR"));
    retailer
        .bucket
        .refuse(Some("sales_lines/business_date=2026-03-01/America"));
    let refusal = retailer.refusal(json!({})).await;
    assert_eq!(
        refusal,
        "1 of 2 days failed, export_manifest/business_date=2026-03-01/America-New_York.json: \
         the store is busy"
    );
    let written = retailer.bucket.written();
    assert!(written.contains(&BERLIN_MANIFEST.to_owned()), "{written:?}");
    assert!(
        !written.iter().any(|key| key.contains("America")),
        "{written:?}"
    );
    retailer.bucket.refuse(None);
    assert_eq!(retailer.export(json!({})).await.len(), 2);
    assert_eq!(retailer.bucket.written().len(), 2);
}

#[tokio::test]
async fn rows_sort_by_location_time_order_and_line() {
    let retailer = retailer();
    for (key, location, sold_at) in [
        ("late", "store-a", "2026-03-01T12:00:00Z"),
        ("other", "store-b", "2026-03-01T09:00:00Z"),
        ("twin-1", "store-a", "2026-03-01T11:00:00.0001Z"),
        ("twin-2", "store-a", "2026-03-01T11:00:00Z"),
    ] {
        retailer.sold(&sale(key, location, sold_at, 119, "EUR"));
    }
    // Sold offline in the morning, taken in at night.
    let mut offline = sale("offline", "store-a", "2026-03-01T08:00:00Z", 119, "EUR");
    offline.placed_at = "2026-03-01T22:00:00Z".parse().unwrap();
    retailer.sold(&offline);
    retailer.export(json!({})).await;
    let rows = retailer.rows(BERLIN);
    let keys: Vec<_> = rows
        .iter()
        .map(|row| (&row.location_id, row.sold_at, &row.order_id, row.line))
        .collect();
    assert_eq!(keys.len(), 5);
    assert!(keys.is_sorted(), "{keys:?}");
    assert_eq!(rows[0].order_id, offline.order_id.to_string());
    assert_eq!(rows[1].sold_at, rows[2].sold_at);
}

#[tokio::test]
async fn the_hour_that_happens_twice_is_told_apart_in_utc_and_reads_alike_on_the_wall() {
    let retailer = retailer();
    for sold_at in ["2026-10-25T00:30:00.250Z", "2026-10-25T01:30:00.250Z"] {
        retailer.sold(&sale(sold_at, "store-a", sold_at, 119, "EUR"));
    }
    let function = SalesExport {
        clock: FakeClock::at("2026-10-26T08:00:00Z"),
        ..retailer.function
    };
    function
        .handle(json!({"business_dates": ["2026-10-25"]}))
        .await
        .unwrap();
    let key = "sales_lines/business_date=2026-10-25/Europe-Berlin.parquet";
    let rows = rows(retailer.bucket.bytes(key));
    let micros = |at: &str| at.parse::<Timestamp>().unwrap().as_microsecond();
    assert_eq!(rows[1].sold_at - rows[0].sold_at, 3_600_000_000);
    for row in rows {
        assert_eq!(row.sold_at_local, micros("2026-10-25T02:30:00.250Z"));
    }
}

#[tokio::test]
async fn amounts_are_in_the_major_unit_and_exact_in_every_currency() {
    let retailer = retailer();
    for (minute, currency) in [(1, "JPY"), (2, "EUR"), (3, "KWD"), (4, "CLF")] {
        let sold_at = format!("2026-03-01T10:0{minute}:00Z");
        retailer.sold(&sale(currency, "store-a", &sold_at, 1999, currency));
    }
    retailer.export(json!({})).await;
    let amounts: Vec<(String, i128, i128, i128, i128)> = retailer
        .rows(BERLIN)
        .into_iter()
        .map(|row| {
            (
                row.currency,
                row.unit_price,
                row.gross,
                row.discount,
                row.net,
            )
        })
        .collect();
    assert_eq!(
        amounts,
        [
            ("JPY".to_owned(), 19_990_000, 39_980_000, 10_000, 39_970_000),
            ("EUR".to_owned(), 199_900, 399_800, 100, 399_700),
            ("KWD".to_owned(), 19_990, 39_980, 10, 39_970),
            ("CLF".to_owned(), 1999, 3998, 1, 3997),
        ]
    );
}

#[tokio::test]
async fn of_an_order_that_was_canceled_in_part_what_was_sold_is_exported() {
    let retailer = retailer();
    let order = sale("1", "store-a", "2026-03-01T10:00:00Z", 119, "EUR");
    let part = order.fulfil(1, 1).unwrap().cancel(order.placed_at).unwrap();
    retailer.sold(&part);
    retailer.export(json!({})).await;
    let row = &retailer.rows(BERLIN)[0];
    // One of two at 1.19 with 0.01 off both: half of 2.37, rounded down.
    assert_eq!((row.status.as_str(), row.quantity), ("fulfilled", 1));
    assert_eq!((row.gross, row.discount, row.net), (11_900, 100, 11_800));
    let totals = &retailer.manifest(BERLIN_MANIFEST).totals[0];
    assert_eq!((totals.orders, totals.gross, totals.net), (1, 119, 118));
}

#[tokio::test]
async fn an_open_day_is_exported_on_demand_and_its_manifest_says_so() {
    let retailer = retailer();
    let exports = retailer
        .export(json!({"business_dates": ["2026-03-02"]}))
        .await;
    assert_eq!(exports.len(), 2);
    let key = "export_manifest/business_date=2026-03-02/Europe-Berlin.json";
    assert!(!retailer.manifest(key).closed);
}

#[tokio::test]
async fn a_request_that_breaks_a_rule_is_refused_in_words() {
    let retailer = retailer();
    for (event, reason) in [
        (
            json!({"business_dates": ["2026-03-04"]}),
            "/business_dates/0 must not be in the future",
        ),
        (
            json!({"business_dates": []}),
            "/business_dates must hold 1 to 31 dates",
        ),
        (json!({"days": 32}), "/days must be 1 to 31"),
        (
            json!({"business_dates": ["1 March"]}),
            "the event must be {}",
        ),
        (json!({"dates": []}), "unknown field `dates`"),
        (json!("2026-03-01"), "the event must be {}"),
    ] {
        let refusal = retailer.refusal(event).await;
        assert!(refusal.contains(reason), "{refusal}");
    }
    assert_eq!(retailer.bucket.written(), [""; 0]);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_is_named_and_left_alone() {
    let retailer = retailer();
    let broken = stockline_platform::ports::export::ExportFile::new(
        BERLIN_MANIFEST.to_owned(),
        "application/json",
        b"{".to_vec(),
    );
    let put = retailer.bucket.put(broken, None).await.unwrap();
    assert_eq!(put, Put::Written);
    let refusal = retailer.refusal(json!({})).await;
    assert!(
        refusal.contains(&format!(
            "the manifest {BERLIN_MANIFEST} cannot be read: EOF"
        )),
        "{refusal}"
    );
}

#[tokio::test]
async fn the_sample_events_are_answered() {
    let samples = [
        include_str!("../../../../events/sales-export.nightly.json"),
        include_str!("../../../../events/sales-export.dates.json"),
    ];
    for (sample, days) in samples.into_iter().zip([16, 4]) {
        let event = serde_json::from_str(sample).unwrap();
        assert_eq!(retailer().export(event).await.len(), days);
    }
}

#[derive(Debug, Clone)]
struct Sold {
    store: usize,
    minute: u32,
    currency: usize,
    lines: Vec<(i64, i64, i64, i64)>,
    canceled: bool,
}

fn any_sale() -> impl Strategy<Value = Sold> {
    let line = (1..50_i64, 0..2_000_000_i64, 0..100_i64, 0..100_i64);
    (
        0..2_usize,
        0..60_u32,
        0..3_usize,
        prop::collection::vec(line, 1..5),
        any::<bool>(),
    )
        .prop_map(|(store, minute, currency, lines, canceled)| Sold {
            store,
            minute,
            currency,
            lines,
            canceled,
        })
}

impl Sold {
    fn order(&self, number: usize) -> Order {
        let location = ["store-a", "store-b"][self.store];
        let currency = ["EUR", "JPY", "KWD"][self.currency];
        let money = |amount: i64| json!({"amount": amount, "currency": currency});
        let (mut total, mut lines) = (0, Vec::new());
        for (quantity, price, discount, tax) in &self.lines {
            let gross = quantity * price;
            let discount = gross * discount / 100;
            let net = gross - discount;
            total += net;
            lines.push(json!({
                "sku": format!("sku-{price}"), "quantity": quantity, "unit_price": money(*price),
                "discount": money(discount), "tax": money(net * tax / 100),
            }));
        }
        let body: PlaceOrder = serde_json::from_value(json!({
            "location_id": location, "channel": "online",
            "currency": currency, "lines": lines, "total": money(total),
        }))
        .unwrap();
        let now = format!("2026-03-01T10:{:02}:00Z", self.minute)
            .parse()
            .unwrap();
        let id = OrderId::derive("till", &number.to_string());
        let order = body.order(id, now, &TimeZone::UTC, 0).unwrap();
        if self.canceled {
            order.cancel(now).unwrap()
        } else {
            order
        }
    }
}

/// Sums per store and currency.
type Sums = BTreeMap<(String, String), (i128, i128)>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn exported_totals_equal_the_orders_they_came_from(
        sales in prop::collection::vec(any_sale(), 0..40),
    ) {
        let retailer = retailer();
        let mut expected = Sums::new();
        for (number, sold) in sales.iter().enumerate() {
            let order = sold.order(number);
            retailer.sold(&order);
            let sums = expected
                .entry((order.location_id.to_string(), order.currency.to_string()))
                .or_default();
            if order.status != OrderStatus::Canceled {
                sums.0 += i128::from(order.total.amount);
                sums.1 += order.lines.iter().map(|line| i128::from(line.tax.amount)).sum::<i128>();
            }
        }
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(retailer.export(json!({})));
        let mut in_rows = Sums::new();
        for row in retailer.rows(BERLIN) {
            let factor = match row.currency.as_str() { "JPY" => 10_000, "EUR" => 100, _ => 10 };
            prop_assert_eq!(row.net % factor, 0);
            prop_assert_eq!(row.gross, row.unit_price * i128::from(row.quantity));
            prop_assert_eq!(row.net, row.gross - row.discount);
            let sums = in_rows.entry((row.location_id, row.currency)).or_default();
            if row.status != "canceled" {
                sums.0 += row.net / factor;
                sums.1 += row.tax / factor;
            }
        }
        let in_manifest: Sums = retailer
            .manifest(BERLIN_MANIFEST)
            .totals
            .into_iter()
            .map(|store| {
                let key = (store.location_id.to_string(), store.currency.to_string());
                (key, (i128::from(store.net), i128::from(store.tax)))
            })
            .collect();
        prop_assert_eq!(&in_rows, &expected);
        prop_assert_eq!(&in_manifest, &expected);
    }
}
