//! One level with its product and its newest movements.

use std::sync::Arc;

use stockline_domain::catalog::Product;
use stockline_domain::level::{Level, LevelKey, Movement};

use crate::deadline::Deadline;
use crate::paging::Page;
use crate::ports::catalog::ProductReader;
use crate::ports::clock::Clock;
use crate::ports::stock::StockStore;
use crate::product_names::ProductNames;
use crate::store_error::StoreError;

/// How many movements are shown.
const NEWEST_MOVEMENTS: u8 = 20;

/// A level with what explains it at a glance.
#[derive(Debug, Clone)]
pub struct ItemOverview {
    /// The level.
    pub level: Level,
    /// The product; `None` if it is not in the catalog.
    pub product: Option<Arc<Product>>,
    /// The newest movements first. A movement is recorded shortly after its level changes.
    pub movements: Vec<Movement>,
}

impl ItemOverview {
    /// The name of the product, or the SKU.
    pub fn name(&self) -> &str {
        let name = self.product.as_ref().map(|product| product.name.as_str());
        name.unwrap_or(self.level.sku.as_str())
    }
}

/// Reads the level `key`, strongly consistent. Returns `None` if it does not exist.
pub async fn read_item<Stock, Catalog, Time>(
    stock: &Stock,
    products: &ProductNames<Catalog, Time>,
    key: &LevelKey,
    deadline: Deadline,
) -> Result<Option<ItemOverview>, StoreError>
where
    Stock: StockStore,
    Catalog: ProductReader,
    Time: Clock,
{
    let Some(level) = stock.find(key).await? else {
        return Ok(None);
    };
    let page = Page {
        limit: NEWEST_MOVEMENTS,
        after: None,
    };
    let movements = stock.movements(key, page).await?.items;
    let mut product = products.find_all([&key.sku], deadline).await?;
    Ok(Some(ItemOverview {
        product: product.remove(&key.sku),
        level,
        movements,
    }))
}
