//! Writes Parquet files. The same rows give the same bytes.

use std::error::Error;

use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use stockline_application::ports::export::{EncodeError, EncodedFile};
use stockline_domain::export::TooLarge;

use super::columns::Columns;

/// Rows per row group. At most one group is held in memory unencoded.
pub const ROW_GROUP: usize = 50_000;

/// Rows per Arrow record batch.
const BATCH_ROWS: usize = 8192;

/// The writer named in files. The default contains the library version, so an upgrade would change the bytes of every file.
pub const CREATED_BY: &str = "stockline sales-export";

/// Encodes a file in memory. The upload is a single `PutObject`, so the whole file is needed.
pub struct DatasetFile<C> {
    writer: ArrowWriter<Vec<u8>>,
    columns: C,
    /// Rows in `columns`.
    buffered: usize,
    rows: u64,
}

impl<C: Columns> DatasetFile<C> {
    /// Starts an empty file.
    pub fn new() -> Result<Self, EncodeError> {
        Ok(Self {
            writer: writer::<C>().map_err(failed)?,
            columns: C::new(),
            buffered: 0,
            rows: 0,
        })
    }

    /// Appends the row that `push` adds to the columns.
    pub fn add(
        &mut self,
        push: impl FnOnce(&mut C) -> Result<(), TooLarge>,
    ) -> Result<(), EncodeError> {
        push(&mut self.columns)?;
        self.rows += 1;
        self.buffered += 1;
        if self.buffered == BATCH_ROWS {
            self.flush()?;
        }
        Ok(())
    }

    /// Encodes the remaining rows and returns the file.
    pub fn finish(mut self) -> Result<EncodedFile, EncodeError> {
        self.flush()?;
        Ok(EncodedFile {
            bytes: self.writer.into_inner().map_err(failed)?,
            rows: self.rows,
        })
    }

    fn flush(&mut self) -> Result<(), EncodeError> {
        self.buffered = 0;
        let batch = self.columns.take().map_err(failed)?;
        self.writer.write(&batch).map_err(failed)
    }
}

fn writer<C: Columns>() -> Result<ArrowWriter<Vec<u8>>, ParquetError> {
    let properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .build();
    let options = ArrowWriterOptions::new()
        .with_properties(properties)
        .with_schema_root("schema".to_owned())
        .with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(Vec::new(), C::schema(), options)
}

fn failed(error: impl Error + Send + Sync + 'static) -> EncodeError {
    EncodeError::Failed(Box::new(error))
}
