//! Written files have the columns of `infra/athena/datasets.json`, and so does the dictionary beside it.

use std::collections::BTreeMap;
use std::fmt::Write;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::printer::print_schema;
use serde::Deserialize;
use stockline_application::ports::export::{DatasetEncoder, EncodedFile};

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Schema, SchemaRef};
use stockline_domain::export::TooLarge;

use super::columns::{Column, Columns, Int, Text, dataset};
use super::file::CREATED_BY;
use super::*;

/// A dataset of the contract.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contract {
    meaning: String,
    format: String,
    partitioned: bool,
    columns: Vec<ContractColumn>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContractColumn {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    /// Of a timestamp: `UTC` or `local`.
    zone: Option<String>,
    nullable: bool,
    meaning: String,
}

fn contract() -> BTreeMap<String, Contract> {
    let json = include_str!("../../../../infra/athena/datasets.json");
    serde_json::from_str(json).unwrap()
}

impl Contract {
    /// The Parquet schema of this contract, as the printer of Parquet formats it.
    fn parquet_schema(&self) -> String {
        let mut schema = "message schema {\n".to_owned();
        for column in &self.columns {
            let repetition = if column.nullable {
                "OPTIONAL"
            } else {
                "REQUIRED"
            };
            let (physical, logical) = match (column.kind.as_str(), column.zone.as_deref()) {
                ("string", None) => ("BYTE_ARRAY", " (STRING)"),
                ("int", None) => ("INT32", ""),
                ("bigint", None) => ("INT64", ""),
                ("boolean", None) => ("BOOLEAN", ""),
                ("date", None) => ("INT32", " (DATE)"),
                ("decimal(18,4)", None) => ("INT64", " (DECIMAL(18,4))"),
                ("timestamp", Some("UTC")) => ("INT64", " (TIMESTAMP(MICROS,true))"),
                ("timestamp", Some("local")) => ("INT64", " (TIMESTAMP(MICROS,false))"),
                other => panic!("{}: no engine-neutral type for {other:?}", column.name),
            };
            writeln!(
                schema,
                "  {repetition} {physical} {}{logical};",
                column.name
            )
            .unwrap();
        }
        schema + "}\n"
    }

    /// The section of the data dictionary.
    fn dictionary(&self, name: &str) -> String {
        let partition = if self.partitioned {
            " Partitioned by `business_date` (string, `YYYY-MM-DD`)."
        } else {
            ""
        };
        let mut text = format!(
            "### {name}\n\n{}{partition}\n\n| column | type | null | meaning |\n| --- | --- | --- | --- |\n",
            self.meaning
        );
        for column in &self.columns {
            let zone = column.zone.iter().map(|zone| format!(" ({zone})"));
            let kind = column.kind.clone() + &zone.collect::<String>();
            let null = if column.nullable { "yes" } else { "" };
            let (name, meaning) = (&column.name, &column.meaning);
            writeln!(text, "| `{name}` | {kind} | {null} | {meaning} |").unwrap();
        }
        text
    }
}

fn read(file: EncodedFile) -> SerializedFileReader<Bytes> {
    SerializedFileReader::new(Bytes::from(file.bytes)).unwrap()
}

/// The footers of one file of each Parquet dataset.
fn footers() -> BTreeMap<String, String> {
    let (sales_lines, refund_lines) = ParquetEncoder.day().unwrap().finish().unwrap();
    let (products, locations) = ParquetEncoder.catalog().unwrap().finish().unwrap();
    [
        ("sales_lines", sales_lines),
        ("refund_lines", refund_lines),
        ("dim_products", products),
        ("dim_locations", locations),
    ]
    .map(|(name, file)| {
        let reader = read(file);
        let file = reader.metadata().file_metadata();
        assert_eq!(
            file.key_value_metadata(),
            None,
            "an Arrow schema is embedded"
        );
        assert_eq!(file.created_by(), Some(CREATED_BY));
        let mut printed = Vec::new();
        print_schema(&mut printed, file.schema());
        (name.to_owned(), String::from_utf8(printed).unwrap())
    })
    .into()
}

#[test]
fn footers_have_the_columns_of_the_contract() {
    let expected: BTreeMap<String, String> = contract()
        .into_iter()
        .filter(|(_, dataset)| dataset.format == "parquet")
        .map(|(name, dataset)| (name, dataset.parquet_schema()))
        .collect();
    assert_eq!(footers(), expected);
}

#[test]
fn dictionary_lists_the_columns_of_the_contract() {
    let page = include_str!("../../../../infra/athena/README.md");
    for (name, dataset) in contract() {
        let section = dataset.dictionary(&name);
        assert!(
            page.contains(&section),
            "infra/athena/README.md must contain:\n\n{section}"
        );
    }
}

dataset! {
    /// Columns of a test.
    Numbered of row: i32 {
        number: Int = row,
        name: Text = "milk",
    }
}

#[test]
fn large_file_has_bounded_compressed_row_groups() {
    let mut file = DatasetFile::<Numbered>::new().unwrap();
    for number in 0..110_000 {
        file.add(|columns| columns.push(number)).unwrap();
    }
    let finished = file.finish().unwrap();
    assert_eq!(finished.rows, 110_000);
    let reader = read(finished);
    let groups = reader.metadata().row_groups();
    let rows: Vec<i64> = groups.iter().map(RowGroupMetaData::num_rows).collect();
    assert_eq!(rows, [50_000, 50_000, 10_000]);
    let name = reader.metadata().row_group(0).column(1);
    assert!(matches!(name.compression(), Compression::ZSTD(_)));
    assert!(
        name.encodings()
            .any(|encoding| encoding == Encoding::RLE_DICTIONARY)
    );
}
