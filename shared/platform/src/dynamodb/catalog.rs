//! Stores products and locations in DynamoDB, one item each. Index `by_type` lists them.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use stockline_domain::catalog::{Location, LocationKind, Product, UnitOfMeasure, Zone};
use stockline_domain::gtin::Gtin;
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::measures::Dimensions;
use stockline_domain::money::Money;

use super::attributes::{Item, item, key_of, string, value};
use super::batch_get::{MAX_BATCH_KEYS, batch_get};
use super::paging::{query_all, query_page};
use super::single_write::retry_while_busy;
use super::transaction::classify_error;
use crate::keys::{self, Key};
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Page};
use stockline_application::ports::catalog::{CatalogStore, ProductReader};
use stockline_application::store_error::StoreError;

/// The context of errors of list operations.
const LIST: &str = "list the catalog";

/// The number of batches that are read at the same time.
const CONCURRENT_BATCHES: usize = 8;

/// A store of products and locations.
#[derive(Debug, Clone)]
pub struct DynamoCatalog {
    client: Client,
    table: String,
}

/// The item of a product. It is a type of its own because [`Product`] denies unknown fields, and an older version of a
/// function must read what a newer version wrote.
#[derive(Debug, Serialize, Deserialize)]
struct ProductRecord {
    type_key: String,
    id_key: Sku,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    department: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    brand: Option<String>,
    unit_of_measure: UnitOfMeasure,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    list_price: Option<Money>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gtin: Option<Gtin>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit_weight_grams: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dimensions_mm: Option<Dimensions>,
}

impl From<Product> for ProductRecord {
    fn from(product: Product) -> Self {
        Self {
            type_key: keys::product_partition(&product.sku),
            id_key: product.sku,
            name: product.name,
            department: product.department,
            category: product.category,
            brand: product.brand,
            unit_of_measure: product.unit_of_measure,
            list_price: product.list_price,
            gtin: product.gtin,
            unit_weight_grams: product.unit_weight_grams,
            dimensions_mm: product.dimensions_mm,
        }
    }
}

impl From<ProductRecord> for Product {
    fn from(record: ProductRecord) -> Self {
        Self {
            sku: record.id_key,
            name: record.name,
            department: record.department,
            category: record.category,
            brand: record.brand,
            unit_of_measure: record.unit_of_measure,
            list_price: record.list_price,
            gtin: record.gtin,
            unit_weight_grams: record.unit_weight_grams,
            dimensions_mm: record.dimensions_mm,
        }
    }
}

/// The item of a location.
#[derive(Debug, Serialize, Deserialize)]
struct LocationRecord {
    type_key: String,
    id_key: LocationId,
    name: String,
    kind: LocationKind,
    time_zone: String,
    close_out_hour: i8,
    zones: Vec<Zone>,
}

impl From<Location> for LocationRecord {
    fn from(location: Location) -> Self {
        Self {
            type_key: keys::LOCATIONS_PARTITION.to_owned(),
            id_key: location.location_id,
            name: location.name,
            kind: location.kind,
            time_zone: location.time_zone,
            close_out_hour: location.close_out_hour,
            zones: location.zones,
        }
    }
}

impl From<LocationRecord> for Location {
    fn from(record: LocationRecord) -> Self {
        Self {
            location_id: record.id_key,
            name: record.name,
            kind: record.kind,
            time_zone: record.time_zone,
            close_out_hour: record.close_out_hour,
            zones: record.zones,
        }
    }
}

impl DynamoCatalog {
    /// Creates a store over `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Opens the connection before the first request, by reading a key that no item has.
    pub async fn warm_up(&self) {
        let absent_key = Key {
            pk: "NOTHING".to_owned(),
            sk: "NOTHING".to_owned(),
        };
        if let Err(error) = self.get(&absent_key).await {
            tracing::warn!(%error, "failed to open the DynamoDB connection during init");
        }
    }

    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key_of(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(classify_error("read the catalog"))?;
        Ok(output.item)
    }

    /// Puts an item unconditionally. The put is idempotent, so a retry after a lost response is safe.
    async fn put(&self, item: Item, deadline: Deadline) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table);
        let put = put.set_item(Some(item));
        retry_while_busy(deadline, || put.clone().send())
            .await
            .map_err(classify_error("write the catalog"))?;
        Ok(())
    }

    fn query_by_type(&self, partition: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .index_name("by_type")
            .key_condition_expression("type_key = :type")
            .expression_attribute_values(":type", string(partition))
    }
}

impl CatalogStore for DynamoCatalog {
    async fn put_product(&self, product: &Product, deadline: Deadline) -> Result<(), StoreError> {
        let record = ProductRecord::from(product.clone());
        self.put(item(&keys::product(&product.sku), &record)?, deadline)
            .await
    }

    async fn find_product(&self, sku: &Sku) -> Result<Option<Product>, StoreError> {
        let item = self.get(&keys::product(sku)).await?;
        item.map(read_product).transpose()
    }

    async fn put_location(
        &self,
        location: &Location,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let record = LocationRecord::from(location.clone());
        self.put(
            item(&keys::location(&location.location_id), &record)?,
            deadline,
        )
        .await
    }

    async fn find_location(&self, id: &LocationId) -> Result<Option<Location>, StoreError> {
        let item = self.get(&keys::location(id)).await?;
        item.map(read_location).transpose()
    }

    async fn list_locations(&self) -> Result<Vec<Location>, StoreError> {
        let query = self.query_by_type(keys::LOCATIONS_PARTITION);
        query_all(query, LIST, read_location).await
    }

    async fn list_products(&self, shard: u8, page: Page) -> Result<Listing<Product>, StoreError> {
        let query = self
            .query_by_type(&keys::product_shard_partition(shard))
            .limit(i32::from(page.limit));
        query_page(query, page.after, LIST, read_product).await
    }
}

impl ProductReader for DynamoCatalog {
    async fn find_products(
        &self,
        skus: &[Sku],
        deadline: Deadline,
    ) -> Result<Vec<Product>, StoreError> {
        let keys: Vec<Item> = skus.iter().map(|sku| key_of(&keys::product(sku))).collect();
        // Owned batches, because a closure over borrowed ones is not general enough for a `Send` future.
        let batches: Vec<Vec<Item>> = keys.chunks(MAX_BATCH_KEYS).map(<[Item]>::to_vec).collect();
        let reads = batches
            .into_iter()
            .map(|keys| batch_get(&self.client, &self.table, keys, deadline));
        let items: Vec<Vec<Item>> = stream::iter(reads)
            .buffer_unordered(CONCURRENT_BATCHES)
            .try_collect()
            .await?;
        items.into_iter().flatten().map(read_product).collect()
    }
}

fn read_product(item: Item) -> Result<Product, StoreError> {
    Ok(value::<ProductRecord>(item)?.into())
}

fn read_location(item: Item) -> Result<Location, StoreError> {
    Ok(value::<LocationRecord>(item)?.into())
}
