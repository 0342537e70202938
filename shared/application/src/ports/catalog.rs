//! The store of products and locations.

use std::future::Future;

use stockline_domain::catalog::{Location, Product};
use stockline_domain::ids::{LocationId, Sku};

use crate::deadline::Deadline;
use crate::paging::{Listing, Page};
use crate::store_error::StoreError;

/// Reads products by SKU.
pub trait ProductReader: Send + Sync {
    /// Reads the products with these SKUs, strongly consistent. The result is in no order and omits those that do not exist.
    fn find_products(
        &self,
        skus: &[Sku],
        deadline: Deadline,
    ) -> impl Future<Output = Result<Vec<Product>, StoreError>> + Send;
}

/// The number of shards that the list of products is spread over, so that it is not one hot partition.
pub const PRODUCT_SHARDS: u8 = 8;

/// Writes and reads products and locations.
pub trait CatalogStore: Send + Sync {
    /// Creates or replaces the product.
    fn put_product(
        &self,
        product: &Product,
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads the product, strongly consistent.
    fn find_product(
        &self,
        sku: &Sku,
    ) -> impl Future<Output = Result<Option<Product>, StoreError>> + Send;

    /// Creates or replaces the location.
    fn put_location(
        &self,
        location: &Location,
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads the location, strongly consistent.
    fn find_location(
        &self,
        id: &LocationId,
    ) -> impl Future<Output = Result<Option<Location>, StoreError>> + Send;

    /// Lists all locations by id; a retailer has hundreds. Eventually consistent.
    fn list_locations(&self) -> impl Future<Output = Result<Vec<Location>, StoreError>> + Send;

    /// Lists one shard of the products by SKU. The shards from 0 to [`PRODUCT_SHARDS`] - 1 hold every product once. Eventually
    /// consistent.
    fn list_products(
        &self,
        shard: u8,
        page: Page,
    ) -> impl Future<Output = Result<Listing<Product>, StoreError>> + Send;
}
