//! Reads the bucket as a query does: all files of a partition, joined with the manifests on time zone and revision.

use std::collections::BTreeMap;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow_schema::DataType;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value, json};
use stockline_domain::export::Manifest;
use stockline_testkit::memory::export::MemoryBucket;

/// The rows of `dataset` on `date` that are in force. Decimals are unscaled, times are in microseconds, dates in days.
pub fn rows(bucket: &MemoryBucket, dataset: &str, date: &str) -> Vec<Value> {
    let in_force: BTreeMap<String, u64> = manifests(bucket, date)
        .into_iter()
        .map(|manifest| (manifest.time_zone, manifest.revision))
        .collect();
    files(bucket, dataset, date)
        .into_iter()
        .flat_map(|key| records(bucket.bytes(&key)))
        .filter(|row| {
            let zone = row["time_zone"].as_str().unwrap();
            in_force.get(zone).copied() == row["revision"].as_u64()
        })
        .collect()
}

/// What a query sees of a day: the rows in force of each dataset, without their revision.
///
/// Panics if the rows of a time zone are not those that its manifest counts and sums.
pub fn view(bucket: &MemoryBucket, date: &str) -> BTreeMap<&'static str, Vec<Value>> {
    let datasets = ["sales_lines", "refund_lines"];
    let mut view = datasets.map(|dataset| (dataset, rows(bucket, dataset, date)));
    for manifest in manifests(bucket, date) {
        for ((dataset, rows), counted) in view
            .iter()
            .zip([manifest.sales_lines_rows, manifest.refund_lines_rows])
        {
            let rows = rows
                .iter()
                .filter(|row| row["time_zone"] == manifest.time_zone.as_str());
            assert_eq!(rows.count() as u64, counted, "{dataset} on {date}");
        }
        // All amounts of these tests are euros: 100 unscaled units are one cent.
        let sum = |rows: &[Value]| -> i64 {
            rows.iter()
                .filter(|row| row["time_zone"] == manifest.time_zone.as_str())
                .filter(|row| row["status"] != "canceled")
                .map(|row| row["total"].as_i64().unwrap() / 100)
                .sum()
        };
        let sold: i64 = manifest.totals.iter().map(|store| store.total).sum();
        let refunded: i64 = manifest.refund_totals.iter().map(|store| store.total).sum();
        assert_eq!(
            (sum(&view[0].1), sum(&view[1].1)),
            (sold, refunded),
            "totals on {date}"
        );
    }
    for row in view.iter_mut().flat_map(|(_, rows)| rows) {
        row.as_object_mut().unwrap().remove("revision");
    }
    view.into()
}

fn manifests(bucket: &MemoryBucket, date: &str) -> Vec<Manifest> {
    files(bucket, "export_manifest", date)
        .into_iter()
        .map(|key| serde_json::from_slice(&bucket.bytes(&key)).unwrap())
        .collect()
}

fn files(bucket: &MemoryBucket, dataset: &str, date: &str) -> Vec<String> {
    let partition = format!("{dataset}/business_date={date}/");
    let keys = bucket.keys().into_iter();
    keys.filter(|key| key.starts_with(&partition)).collect()
}

/// The rows of a Parquet file.
pub fn records(bytes: Vec<u8>) -> Vec<Value> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).unwrap();
    let mut records = Vec::new();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        let schema = batch.schema();
        for row in 0..batch.num_rows() {
            let cells = schema.fields().iter().zip(batch.columns());
            let record: Map<String, Value> = cells
                .map(|(field, column)| (field.name().clone(), cell(column, row)))
                .collect();
            records.push(Value::Object(record));
        }
    }
    records
}

fn cell(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Utf8 => json!(column.as_string::<i32>().value(row)),
        DataType::Boolean => json!(column.as_boolean().value(row)),
        DataType::Int32 => json!(column.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => json!(column.as_primitive::<Int64Type>().value(row)),
        DataType::Date32 => json!(column.as_primitive::<Date32Type>().value(row)),
        DataType::Decimal128(18, 4) => {
            let value = column.as_primitive::<Decimal128Type>().value(row);
            json!(i64::try_from(value).unwrap())
        }
        DataType::Timestamp(..) => {
            json!(column.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        other => panic!("no dataset has the type {other}"),
    }
}
