//! Where products and locations are kept.

use std::future::Future;

use stockline_domain::catalog::{Location, Product};
use stockline_domain::ids::{LocationId, Sku};

use crate::deadline::Deadline;
use crate::paging::{Listing, Page};
use crate::store_error::StoreError;

/// Writes and reads products and locations.
pub trait CatalogStore: Send + Sync {
    /// Writes the product, over what was there under its SKU.
    fn put_product(
        &self,
        product: &Product,
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The product, as it is now.
    fn find_product(
        &self,
        sku: &Sku,
    ) -> impl Future<Output = Result<Option<Product>, StoreError>> + Send;

    /// Writes the location, over what was there under its id.
    fn put_location(
        &self,
        location: &Location,
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The location, as it is now.
    fn find_location(
        &self,
        id: &LocationId,
    ) -> impl Future<Output = Result<Option<Location>, StoreError>> + Send;

    /// Every location by id: a retailer has hundreds. One that was just written may be missing for a moment.
    fn list_locations(&self) -> impl Future<Output = Result<Vec<Location>, StoreError>> + Send;

    /// One page of one shard of the products, by SKU; the shards (0 to [`crate::keys::PRODUCT_SHARDS`] - 1) together
    /// hold every product once. One that was just written may be missing for a moment.
    fn list_products(
        &self,
        shard: u8,
        page: Page,
    ) -> impl Future<Output = Result<Listing<Product>, StoreError>> + Send;
}
