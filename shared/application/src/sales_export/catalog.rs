//! Exports the current catalog, and keeps the labels of its products for the rows of the day.

use std::collections::HashMap;

use stockline_domain::catalog::Location;
use stockline_domain::export::ProductLabel;
use stockline_domain::ids::Sku;

use super::files::PARQUET;
use super::{ExportError, SalesExport};
use crate::paging::Page;
use crate::ports::catalog::{CatalogStore, PRODUCT_SHARDS};
use crate::ports::export::{
    CatalogEncoder, DatasetEncoder, ExportBucket, ExportFile, PutOutcome, SalesReader,
};

/// The labels of all products by SKU: some 100 bytes per product.
pub(super) type ProductLabels = HashMap<Sku, ProductLabel>;

impl<Sales: SalesReader, Catalog: CatalogStore, Bucket: ExportBucket, Encoder: DatasetEncoder>
    SalesExport<Sales, Catalog, Bucket, Encoder>
{
    /// Exports `dim_products` and `dim_locations`, one file each, which the next export replaces.
    ///
    /// Returns the labels also if a file fails: the days need the labels, and not the files.
    ///
    /// # Errors
    /// [`ExportError::Store`] if the products cannot be read. The second part of the result is the error of the files.
    pub(super) async fn export_catalog(
        &self,
        locations: &[Location],
    ) -> Result<(ProductLabels, Result<(), ExportError>), ExportError> {
        let mut files = self.encoder.catalog().and_then(|mut files| {
            files.add_locations(locations)?;
            Ok(files)
        });
        let mut labels = ProductLabels::new();
        for shard in 0..PRODUCT_SHARDS {
            let mut after = None;
            loop {
                let page = Page { limit: 100, after };
                let page = self.catalog.list_products(shard, page).await?;
                files = files.and_then(|mut files| {
                    files.add_products(&page.items)?;
                    Ok(files)
                });
                labels.extend(page.items.into_iter().map(|product| {
                    let label = ProductLabel {
                        name: product.name,
                        category: product.category,
                    };
                    (product.sku, label)
                }));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        let stored = match files {
            Ok(files) => self.store_catalog(files).await,
            Err(error) => Err(error.into()),
        };
        Ok((labels, stored))
    }

    async fn store_catalog(&self, files: impl CatalogEncoder) -> Result<(), ExportError> {
        let (products, locations) = files.finish()?;
        for (dataset, file) in [("dim_products", products), ("dim_locations", locations)] {
            let key = format!("{dataset}/{dataset}.parquet");
            self.replace(ExportFile::new(key, PARQUET, file.bytes))
                .await?;
        }
        Ok(())
    }

    /// Replaces the file at its key, unless it has the same bytes.
    async fn replace(&self, file: ExportFile) -> Result<(), ExportError> {
        let current = self.bucket.sha256(&file.key).await?;
        if current
            .as_ref()
            .is_some_and(|current| current.content == file.sha256)
        {
            return Ok(());
        }
        let expected = current.map(|current| current.version);
        // A conflict needs no retry: the other run wrote the same catalog, read at almost the same time.
        let (PutOutcome::Written | PutOutcome::Conflict) =
            self.bucket.put(file, expected.as_ref()).await?;
        Ok(())
    }
}
