//! The catalog in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Page, Position};
use stockline_application::ports::catalog::{CatalogStore, ProductReader};
use stockline_application::ports::stock::StockableCatalog;
use stockline_application::store_error::StoreError;
use stockline_domain::catalog::{Location, LocationKind, Product};
use stockline_domain::ids::{LocationId, Sku};
use stockline_platform::keys;

/// A catalog in memory. A clone is the same catalog.
#[derive(Debug, Clone, Default)]
pub struct MemoryCatalog(Arc<Mutex<CatalogData>>);

/// The data of a catalog.
#[derive(Debug, Default)]
pub struct CatalogData {
    /// The products.
    pub products: BTreeMap<Sku, Product>,
    /// The locations.
    pub locations: BTreeMap<LocationId, Location>,
    /// The number of reads of a single location.
    pub location_reads: u32,
    /// The number of reads of several products.
    pub product_reads: u32,
    /// Whether every call fails with `Busy`.
    pub busy: bool,
}

impl MemoryCatalog {
    /// A catalog of `locations`.
    pub fn with_locations(locations: impl IntoIterator<Item = Location>) -> Self {
        let catalog = Self::default();
        catalog.lock().locations.extend(
            locations
                .into_iter()
                .map(|location| (location.location_id.clone(), location)),
        );
        catalog
    }

    /// Locks the data for one reader or writer.
    pub fn lock(&self) -> MutexGuard<'_, CatalogData> {
        self.0.lock().unwrap()
    }

    /// Locks the data, or fails while the catalog is busy.
    fn lock_unless_busy(&self) -> Result<MutexGuard<'_, CatalogData>, StoreError> {
        let data = self.lock();
        if data.busy {
            Err(StoreError::Busy)
        } else {
            Ok(data)
        }
    }
}

/// A location of kind `store` in `time_zone`, whose business day ends at `close_out_hour`.
pub fn store(location_id: &str, time_zone: &str, close_out_hour: i8) -> Location {
    Location {
        location_id: location_id.parse().unwrap(),
        name: format!("Store {location_id}"),
        kind: LocationKind::Store,
        time_zone: time_zone.to_owned(),
        close_out_hour,
        zones: Vec::new(),
    }
}

/// A catalog that has every product and location.
#[derive(Debug, Clone, Copy)]
pub struct EveryLevelStockable;

impl StockableCatalog for EveryLevelStockable {
    async fn has_product(&self, _sku: &Sku) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn has_location(&self, _location: &LocationId) -> Result<bool, StoreError> {
        Ok(true)
    }
}

impl CatalogStore for MemoryCatalog {
    async fn put_product(&self, product: &Product, _deadline: Deadline) -> Result<(), StoreError> {
        self.lock_unless_busy()?
            .products
            .insert(product.sku.clone(), product.clone());
        Ok(())
    }

    async fn find_product(&self, sku: &Sku) -> Result<Option<Product>, StoreError> {
        Ok(self.lock_unless_busy()?.products.get(sku).cloned())
    }

    async fn put_location(
        &self,
        location: &Location,
        _deadline: Deadline,
    ) -> Result<(), StoreError> {
        self.lock_unless_busy()?
            .locations
            .insert(location.location_id.clone(), location.clone());
        Ok(())
    }

    async fn find_location(&self, id: &LocationId) -> Result<Option<Location>, StoreError> {
        let mut data = self.lock_unless_busy()?;
        data.location_reads += 1;
        Ok(data.locations.get(id).cloned())
    }

    async fn list_locations(&self) -> Result<Vec<Location>, StoreError> {
        Ok(self
            .lock_unless_busy()?
            .locations
            .values()
            .cloned()
            .collect())
    }

    async fn list_products(&self, shard: u8, page: Page) -> Result<Listing<Product>, StoreError> {
        let after = page
            .after
            .and_then(|position| position.get("id_key").cloned());
        let limit = usize::from(page.limit);
        let data = self.lock_unless_busy()?;
        let mut items: Vec<Product> = data
            .products
            .values()
            .filter(|product| {
                keys::product_partition(&product.sku) == keys::product_shard_partition(shard)
            })
            .filter(|product| {
                after
                    .as_ref()
                    .is_none_or(|after| product.sku.as_str() > after.as_str())
            })
            .take(limit + 1)
            .cloned()
            .collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items
            .last()
            .filter(|_| more)
            .map(|last| Position::from([("id_key".to_owned(), last.sku.to_string())]));
        Ok(Listing { items, next })
    }
}

impl ProductReader for MemoryCatalog {
    async fn find_products(
        &self,
        skus: &[Sku],
        _deadline: Deadline,
    ) -> Result<Vec<Product>, StoreError> {
        let mut data = self.lock_unless_busy()?;
        data.product_reads += 1;
        let found = skus.iter().filter_map(|sku| data.products.get(sku));
        Ok(found.cloned().collect())
    }
}
