//! The rows of a day's file.

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

/// One row of `sales_lines`, read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub order_id: String,
    pub line: i32,
    pub location_id: String,
    pub status: String,
    pub quantity: i64,
    pub currency: String,
    pub unit_price: i128,
    pub gross: i128,
    pub discount: i128,
    pub tax: i128,
    pub net: i128,
    pub sold_at: i64,
    pub sold_at_local: i64,
}

/// Reads the rows of a Parquet file.
pub fn rows(bytes: Vec<u8>) -> Vec<Row> {
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
async fn rows_sort_by_location_time_order_and_line() {
    let retailer = retailer();
    for (key, location, sold_at) in [
        ("late", "store-a", "2026-03-01T12:00:00Z"),
        ("other", "store-b", "2026-03-01T09:00:00Z"),
        ("twin-1", "store-a", "2026-03-01T11:00:00.0001Z"),
        ("twin-2", "store-a", "2026-03-01T11:00:00Z"),
    ] {
        retailer.add_order(&sale(key, location, sold_at, 119, "EUR"));
    }
    // Sold offline in the morning, received at night.
    let mut offline = sale("offline", "store-a", "2026-03-01T08:00:00Z", 119, "EUR");
    offline.placed_at = "2026-03-01T22:00:00Z".parse().unwrap();
    retailer.add_order(&offline);
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
async fn repeated_dst_hour_differs_in_utc_and_not_locally() {
    let retailer = retailer();
    for sold_at in ["2026-10-25T00:30:00.250Z", "2026-10-25T01:30:00.250Z"] {
        retailer.add_order(&sale(sold_at, "store-a", sold_at, 119, "EUR"));
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
async fn amounts_are_exact_major_units_in_every_currency() {
    let retailer = retailer();
    for (minute, currency) in [(1, "JPY"), (2, "EUR"), (3, "KWD"), (4, "CLF")] {
        let sold_at = format!("2026-03-01T10:0{minute}:00Z");
        retailer.add_order(&sale(currency, "store-a", &sold_at, 1999, currency));
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
async fn partly_canceled_order_exports_what_was_sold() {
    let retailer = retailer();
    let order = one_sale();
    let part = order.fulfil(1, 1).unwrap().cancel(order.placed_at).unwrap();
    retailer.add_order(&part);
    retailer.export(json!({})).await;
    let row = &retailer.rows(BERLIN)[0];
    // One of two units at 1.19 with a discount of 0.01 on the line: half of 2.37, rounded down.
    assert_eq!((row.status.as_str(), row.quantity), ("fulfilled", 1));
    assert_eq!((row.gross, row.discount, row.net), (11_900, 100, 11_800));
    let totals = &retailer.manifest(BERLIN_MANIFEST).totals[0];
    assert_eq!((totals.orders, totals.gross, totals.net), (1, 119, 118));
}
