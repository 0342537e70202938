//! Products and locations in DynamoDB: each one item, and `by_type` lists them.

use aws_sdk_dynamodb::Client;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use stockline_domain::catalog::{Location, LocationKind, Product, UnitOfMeasure, Zone};
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::money::Money;

use super::attributes::{Item, item, key_of, position, start_key, string, value};
use super::single_write::unless_busy;
use super::transaction::sort;
use crate::keys::{self, Key};
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Page};
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::store_error::StoreError;

/// The catalog table.
#[derive(Debug, Clone)]
pub struct DynamoCatalog {
    client: Client,
    table: String,
}

/// A product as it is stored. Apart from [`Product`], which refuses unknown fields: an older version of a function must
/// be able to read what a newer one wrote.
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
}

impl From<Product> for ProductRecord {
    fn from(product: Product) -> Self {
        Self {
            type_key: keys::product_type(&product.sku),
            id_key: product.sku,
            name: product.name,
            department: product.department,
            category: product.category,
            brand: product.brand,
            unit_of_measure: product.unit_of_measure,
            list_price: product.list_price,
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
        }
    }
}

/// A location as it is stored.
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
            type_key: keys::LOCATION_TYPE.to_owned(),
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
    /// In `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Opens the connection, so that the first request finds it open.
    pub async fn warm_up(&self) {
        let nothing = Key {
            pk: "NOTHING".to_owned(),
            sk: "NOTHING".to_owned(),
        };
        if let Err(error) = self.get(&nothing).await {
            tracing::warn!(%error, "the connection could not be opened ahead");
        }
    }

    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key_of(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(sort("read the catalog"))?;
        Ok(found.item)
    }

    /// Writes one item whatever was there: writing it twice is writing it once, so a lost response is simply sent again.
    async fn put(&self, item: Item, deadline: Deadline) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table);
        let put = put.set_item(Some(item));
        unless_busy(deadline, || put.clone().send())
            .await
            .map_err(sort("write the catalog"))?;
        Ok(())
    }

    async fn page<T: DeserializeOwned>(
        &self,
        type_key: &str,
        limit: Option<u8>,
        after: Option<Item>,
    ) -> Result<(Vec<T>, Option<Item>), StoreError> {
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_type")
            .key_condition_expression("type_key = :type")
            .expression_attribute_values(":type", string(type_key))
            .set_limit(limit.map(i32::from))
            .set_exclusive_start_key(after)
            .send()
            .await
            .map_err(sort("list the catalog"))?;
        let items = found.items.unwrap_or_default().into_iter().map(value);
        Ok((items.collect::<Result<_, _>>()?, found.last_evaluated_key))
    }
}

impl CatalogStore for DynamoCatalog {
    async fn put_product(&self, product: &Product, deadline: Deadline) -> Result<(), StoreError> {
        let record = ProductRecord::from(product.clone());
        self.put(item(&keys::product(&product.sku), &record)?, deadline)
            .await
    }

    async fn find_product(&self, sku: &Sku) -> Result<Option<Product>, StoreError> {
        let found = self.get(&keys::product(sku)).await?;
        Ok(found
            .map(value::<ProductRecord>)
            .transpose()?
            .map(Product::from))
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
        let found = self.get(&keys::location(id)).await?;
        Ok(found
            .map(value::<LocationRecord>)
            .transpose()?
            .map(Location::from))
    }

    async fn list_locations(&self) -> Result<Vec<Location>, StoreError> {
        let (mut locations, mut after) = (Vec::new(), None);
        loop {
            let (records, next) = self
                .page::<LocationRecord>(keys::LOCATION_TYPE, None, after)
                .await?;
            locations.extend(records.into_iter().map(Location::from));
            if next.is_none() {
                return Ok(locations);
            }
            after = next;
        }
    }

    async fn list_products(&self, shard: u8, page: Page) -> Result<Listing<Product>, StoreError> {
        let (records, next) = self
            .page::<ProductRecord>(
                &keys::product_shard(shard),
                Some(page.limit),
                start_key(page.after),
            )
            .await?;
        Ok(Listing {
            items: records.into_iter().map(Product::from).collect(),
            next: position(next),
        })
    }
}
