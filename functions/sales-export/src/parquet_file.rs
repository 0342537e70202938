//! Parquet that every engine reads alike, and whose bytes depend on its rows alone.

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use stockline_domain::export::{DECIMAL_PRECISION, DECIMAL_SCALE};

use crate::error::ExportError;

/// Rows are encoded and compressed in groups of so many; only one group is held unencoded.
pub const ROW_GROUP: usize = 50_000;

/// A finished file.
pub struct Finished {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How many rows it has.
    pub rows: u64,
}

/// A file that is being written, in memory: it is sent in one piece.
pub struct ParquetFile {
    writer: ArrowWriter<Vec<u8>>,
    rows: u64,
}

impl ParquetFile {
    /// A file of `schema` without rows.
    pub fn new(schema: SchemaRef) -> Result<Self, ExportError> {
        // The library's own version would change the bytes with every upgrade of it.
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

    /// Adds rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), ExportError> {
        self.rows += batch.num_rows() as u64;
        Ok(self.writer.write(batch)?)
    }

    /// The file.
    pub fn finish(self) -> Result<Finished, ExportError> {
        Ok(Finished {
            bytes: self.writer.into_inner()?,
            rows: self.rows,
        })
    }
}

/// A text column.
pub fn text(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable)
}

/// A column of amounts in the major unit: DECIMAL(18,4), which 18 digits make an INT64.
pub fn amount(name: &str, nullable: bool) -> Field {
    Field::new(name, decimal(), nullable)
}

/// The type of [`amount`].
pub fn decimal() -> DataType {
    DataType::Decimal64(DECIMAL_PRECISION, DECIMAL_SCALE.cast_signed())
}

/// A column of instants, or of what the clock on the wall shows where `zone` is none.
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

    fn read(finished: Finished) -> SerializedFileReader<Bytes> {
        SerializedFileReader::new(Bytes::from(finished.bytes)).unwrap()
    }

    fn printed(schema: SchemaRef) -> String {
        let reader = read(ParquetFile::new(schema).unwrap().finish().unwrap());
        let file = reader.metadata().file_metadata();
        assert_eq!(
            file.key_value_metadata(),
            None,
            "no Arrow schema is embedded"
        );
        assert_eq!(file.created_by(), Some("stockline sales-export"));
        let mut printed = Vec::new();
        print_schema(&mut printed, file.schema());
        String::from_utf8(printed).unwrap()
    }

    #[test]
    fn sales_lines_have_the_types_that_every_engine_reads() {
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
    fn the_dimensions_have_the_types_that_every_engine_reads() {
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
    fn a_large_file_is_of_bounded_row_groups_compressed_and_its_texts_in_a_dictionary() {
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
