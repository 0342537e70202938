//! Writes Parquet files with types that every engine supports. The same rows give the same bytes.

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use stockline_domain::export::{DECIMAL_PRECISION, DECIMAL_SCALE};

use crate::error::ExportError;

/// Rows per row group. At most one group is held in memory unencoded.
pub const ROW_GROUP: usize = 50_000;

/// An encoded file.
pub struct EncodedFile {
    /// The content of the file.
    pub bytes: Vec<u8>,
    /// The number of rows.
    pub rows: u64,
}

/// Encodes a file in memory. The upload is a single `PutObject`, so the whole file is needed.
pub struct ParquetFile {
    writer: ArrowWriter<Vec<u8>>,
    rows: u64,
}

impl ParquetFile {
    /// Starts an empty file of `schema`.
    pub fn new(schema: SchemaRef) -> Result<Self, ExportError> {
        // The default `created_by` contains the library version, so an upgrade would change the bytes of every file.
        let properties = WriterProperties::builder()
            .set_created_by("stockline sales-export".to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .build();
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_schema_root("schema".to_owned())
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), schema, options)?;
        Ok(Self { writer, rows: 0 })
    }

    /// Appends the rows of `batch`.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), ExportError> {
        self.rows += batch.num_rows() as u64;
        Ok(self.writer.write(batch)?)
    }

    /// Encodes the remaining rows and returns the file.
    pub fn finish(self) -> Result<EncodedFile, ExportError> {
        Ok(EncodedFile {
            bytes: self.writer.into_inner()?,
            rows: self.rows,
        })
    }
}

/// A text column.
pub fn text(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable)
}

/// A column of amounts in the major unit: DECIMAL(18,4), stored as INT64 because it has at most 18 digits.
pub fn amount(name: &str, nullable: bool) -> Field {
    Field::new(name, decimal(), nullable)
}

/// The Arrow type of [`amount`] columns.
pub fn decimal() -> DataType {
    DataType::Decimal64(DECIMAL_PRECISION, DECIMAL_SCALE.cast_signed())
}

/// A timestamp column: instants in `zone`, or local time if `zone` is none.
pub fn time(name: &str, zone: Option<&str>) -> Field {
    let zone = zone.map(Into::into);
    Field::new(
        name,
        DataType::Timestamp(TimeUnit::Microsecond, zone),
        false,
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int32Array};
    use arrow_schema::Schema;
    use bytes::Bytes;
    use parquet::basic::Encoding;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::schema::printer::print_schema;

    use super::*;
    use crate::dimensions::{location_schema, product_schema};
    use crate::sales_lines;

    fn read(finished: EncodedFile) -> SerializedFileReader<Bytes> {
        SerializedFileReader::new(Bytes::from(finished.bytes)).unwrap()
    }

    fn printed(schema: SchemaRef) -> String {
        let reader = read(ParquetFile::new(schema).unwrap().finish().unwrap());
        let file = reader.metadata().file_metadata();
        assert_eq!(
            file.key_value_metadata(),
            None,
            "an Arrow schema is embedded"
        );
        assert_eq!(file.created_by(), Some("stockline sales-export"));
        let mut printed = Vec::new();
        print_schema(&mut printed, file.schema());
        String::from_utf8(printed).unwrap()
    }

    #[test]
    fn sales_lines_use_portable_types() {
        assert_eq!(
            printed(sales_lines::schema()),
            "message schema {
  REQUIRED BYTE_ARRAY order_id (STRING);
  REQUIRED INT32 line;
  REQUIRED BYTE_ARRAY location_id (STRING);
  REQUIRED BYTE_ARRAY channel (STRING);
  REQUIRED BYTE_ARRAY status (STRING);
  REQUIRED BYTE_ARRAY sku (STRING);
  REQUIRED INT64 quantity;
  REQUIRED BYTE_ARRAY currency (STRING);
  REQUIRED INT64 unit_price (DECIMAL(18,4));
  REQUIRED INT64 gross (DECIMAL(18,4));
  REQUIRED INT64 discount (DECIMAL(18,4));
  REQUIRED INT64 tax (DECIMAL(18,4));
  REQUIRED INT64 net (DECIMAL(18,4));
  REQUIRED INT64 sold_at (TIMESTAMP(MICROS,true));
  REQUIRED INT64 sold_at_local (TIMESTAMP(MICROS,false));
  REQUIRED BYTE_ARRAY time_zone (STRING);
}
"
        );
    }

    #[test]
    fn dimensions_use_portable_types() {
        assert_eq!(
            printed(product_schema()) + &printed(location_schema()),
            "message schema {
  REQUIRED BYTE_ARRAY sku (STRING);
  REQUIRED BYTE_ARRAY name (STRING);
  OPTIONAL BYTE_ARRAY category (STRING);
  OPTIONAL BYTE_ARRAY department (STRING);
  OPTIONAL BYTE_ARRAY brand (STRING);
  REQUIRED BYTE_ARRAY unit_of_measure (STRING);
  OPTIONAL INT64 list_price (DECIMAL(18,4));
  OPTIONAL BYTE_ARRAY list_price_currency (STRING);
}
message schema {
  REQUIRED BYTE_ARRAY location_id (STRING);
  REQUIRED BYTE_ARRAY name (STRING);
  REQUIRED BYTE_ARRAY kind (STRING);
  REQUIRED BYTE_ARRAY time_zone (STRING);
  REQUIRED INT32 close_out_hour;
}
"
        );
    }

    #[test]
    fn large_file_has_bounded_compressed_row_groups() {
        let schema = Arc::new(Schema::new(vec![
            Field::new("number", DataType::Int32, false),
            text("name", false),
        ]));
        let mut file = ParquetFile::new(schema.clone()).unwrap();
        for _ in 0..11 {
            let columns: Vec<ArrayRef> = vec![
                Arc::new(Int32Array::from_iter_values(0..10_000)),
                Arc::new(arrow_array::StringArray::from(vec!["milk"; 10_000])),
            ];
            file.write(&RecordBatch::try_new(schema.clone(), columns).unwrap())
                .unwrap();
        }
        let finished = file.finish().unwrap();
        assert_eq!(finished.rows, 110_000);
        let reader = read(finished);
        let rows: Vec<i64> = reader
            .metadata()
            .row_groups()
            .iter()
            .map(parquet::file::metadata::RowGroupMetaData::num_rows)
            .collect();
        assert_eq!(rows, [50_000, 50_000, 10_000]);
        let name = reader.metadata().row_group(0).column(1);
        assert!(matches!(name.compression(), Compression::ZSTD(_)));
        assert!(
            name.encodings()
                .any(|encoding| encoding == Encoding::RLE_DICTIONARY)
        );
    }
}
