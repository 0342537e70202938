//! The datasets `dim_products` and `dim_locations`: the current catalog, one file each.

use std::sync::Arc;

use arrow_array::builder::{Decimal64Builder, StringBuilder};
use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use stockline_domain::catalog::{Location, LocationKind, Product, UnitOfMeasure};
use stockline_domain::export::unscaled;

use crate::error::ExportError;
use crate::parquet_file::{EncodedFile, ParquetFile, amount, decimal, text};

/// The columns of `dim_products`.
pub fn product_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text("sku", false),
        text("name", false),
        text("category", true),
        text("department", true),
        text("brand", true),
        text("unit_of_measure", false),
        amount("list_price", true),
        text("list_price_currency", true),
    ]))
}

/// The columns of `dim_locations`.
pub fn location_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text("location_id", false),
        text("name", false),
        text("kind", false),
        text("time_zone", false),
        Field::new("close_out_hour", DataType::Int32, false),
    ]))
}

/// Builds the file of `dim_products`, page by page.
pub struct ProductsFile(ParquetFile);

impl ProductsFile {
    /// Starts an empty file.
    pub fn new() -> Result<Self, ExportError> {
        Ok(Self(ParquetFile::new(product_schema())?))
    }

    /// Appends one page of products.
    pub fn add(&mut self, products: &[Product]) -> Result<(), ExportError> {
        let mut list_price = Decimal64Builder::new().with_data_type(decimal());
        let mut currency = StringBuilder::new();
        for product in products {
            list_price.append_option(product.list_price.map(unscaled).transpose()?);
            currency.append_option(
                product
                    .list_price
                    .as_ref()
                    .map(|price| price.currency.as_str()),
            );
        }
        let columns: Vec<ArrayRef> = vec![
            text_column(products, |product| product.sku.as_str()),
            text_column(products, |product| product.name.as_str()),
            optional_text_column(products, |product| product.category.as_deref()),
            optional_text_column(products, |product| product.department.as_deref()),
            optional_text_column(products, |product| product.brand.as_deref()),
            text_column(products, |product| unit(product.unit_of_measure)),
            Arc::new(list_price.finish()),
            Arc::new(currency.finish()),
        ];
        self.0
            .write(&RecordBatch::try_new(product_schema(), columns)?)
    }

    /// Encodes the remaining rows and returns the file.
    pub fn finish(self) -> Result<EncodedFile, ExportError> {
        self.0.finish()
    }
}

/// Encodes the file of `dim_locations`.
pub fn locations_file(locations: &[Location]) -> Result<EncodedFile, ExportError> {
    let hours = Int32Array::from_iter_values(
        locations
            .iter()
            .map(|location| i32::from(location.close_out_hour)),
    );
    let columns: Vec<ArrayRef> = vec![
        text_column(locations, |location| location.location_id.as_str()),
        text_column(locations, |location| location.name.as_str()),
        text_column(locations, |location| match location.kind {
            LocationKind::Store => "store",
            LocationKind::Warehouse => "warehouse",
        }),
        text_column(locations, |location| location.time_zone.as_str()),
        Arc::new(hours),
    ];
    let mut file = ParquetFile::new(location_schema())?;
    file.write(&RecordBatch::try_new(location_schema(), columns)?)?;
    file.finish()
}

fn text_column<T>(rows: &[T], text: impl Fn(&T) -> &str) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rows.iter().map(text)))
}

fn optional_text_column<T>(rows: &[T], text: impl Fn(&T) -> Option<&str>) -> ArrayRef {
    Arc::new(rows.iter().map(text).collect::<StringArray>())
}

fn unit(unit: UnitOfMeasure) -> &'static str {
    match unit {
        UnitOfMeasure::Each => "each",
        UnitOfMeasure::Gram => "gram",
        UnitOfMeasure::Millilitre => "millilitre",
    }
}
