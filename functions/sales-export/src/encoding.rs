//! Encodes the datasets as Parquet, with the columns of `infra/athena/datasets.json`.

mod columns;
mod datasets;
mod file;
#[cfg(test)]
mod tests;

use stockline_application::ports::export::{
    CatalogEncoder, DatasetEncoder, DayEncoder, EncodeError, EncodedFile,
};
use stockline_domain::catalog::{Location, Product};
use stockline_domain::export::{RefundLine, SalesLine};

use self::datasets::{DimLocations, DimProducts, RefundLines, SalesLines};
use self::file::DatasetFile;

/// Encodes files as Parquet in memory.
#[derive(Debug, Clone, Copy)]
pub struct ParquetEncoder;

/// The files of one business date.
pub struct ParquetDay {
    sales_lines: DatasetFile<SalesLines>,
    refund_lines: DatasetFile<RefundLines>,
}

/// The files of the catalog.
pub struct ParquetCatalog {
    products: DatasetFile<DimProducts>,
    locations: DatasetFile<DimLocations>,
}

impl DatasetEncoder for ParquetEncoder {
    type Day = ParquetDay;
    type Catalog = ParquetCatalog;

    fn day(&self) -> Result<ParquetDay, EncodeError> {
        Ok(ParquetDay {
            sales_lines: DatasetFile::new()?,
            refund_lines: DatasetFile::new()?,
        })
    }

    fn catalog(&self) -> Result<ParquetCatalog, EncodeError> {
        Ok(ParquetCatalog {
            products: DatasetFile::new()?,
            locations: DatasetFile::new()?,
        })
    }
}

impl DayEncoder for ParquetDay {
    fn add_sale(&mut self, row: &SalesLine<'_>) -> Result<(), EncodeError> {
        self.sales_lines.add(|columns| columns.push(row))
    }

    fn add_refund(&mut self, row: &RefundLine<'_>) -> Result<(), EncodeError> {
        self.refund_lines.add(|columns| columns.push(row))
    }

    fn finish(self) -> Result<(EncodedFile, EncodedFile), EncodeError> {
        Ok((self.sales_lines.finish()?, self.refund_lines.finish()?))
    }
}

impl CatalogEncoder for ParquetCatalog {
    fn add_products(&mut self, products: &[Product]) -> Result<(), EncodeError> {
        let mut rows = products.iter();
        rows.try_for_each(|row| self.products.add(|columns| columns.push(row)))
    }

    fn add_locations(&mut self, locations: &[Location]) -> Result<(), EncodeError> {
        let mut rows = locations.iter();
        rows.try_for_each(|row| self.locations.add(|columns| columns.push(row)))
    }

    fn finish(self) -> Result<(EncodedFile, EncodedFile), EncodeError> {
        Ok((self.products.finish()?, self.locations.finish()?))
    }
}
