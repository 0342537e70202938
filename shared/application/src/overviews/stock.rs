//! The levels of a location, searched by name or SKU and filtered by condition.

use std::sync::Arc;

use stockline_domain::catalog::Product;
use stockline_domain::ids::LocationId;
use stockline_domain::level::Level;

use crate::deadline::Deadline;
use crate::paging::{Page, Position};
use crate::ports::catalog::ProductReader;
use crate::ports::clock::Clock;
use crate::ports::stock::StockStore;
use crate::product_names::ProductNames;
use crate::store_error::StoreError;

/// The levels of one read. A search returns at least this many matches if there are more, and fewer than twice as many.
const PAGE_SIZE: u8 = 50;

/// The most reads of one search: 1,000 levels. The next page continues the search.
const MAX_READS: usize = 20;

/// Which levels to show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StockFilter {
    /// Every level.
    #[default]
    All,
    /// Levels at or below their reorder point, and those with nothing available.
    Low,
    /// Levels with less fit for sale than is allocated.
    Short,
    /// Levels with nothing available.
    Out,
}

impl StockFilter {
    fn matches(self, level: &Level) -> bool {
        match self {
            Self::All => true,
            Self::Low => level.is_low() || level.available() <= 0,
            Self::Short => level.is_short(),
            Self::Out => level.available() <= 0,
        }
    }
}

/// A search.
#[derive(Debug, Clone)]
pub struct StockSearch<'a> {
    /// The location.
    pub location: &'a LocationId,
    /// Which levels match.
    pub filter: StockFilter,
    /// A part of the name or SKU, in any case; empty for every product.
    pub text: &'a str,
    /// Where the page starts.
    pub after: Option<Position>,
    /// When the response is due.
    pub deadline: Deadline,
}

/// A level with its product.
#[derive(Debug, Clone)]
pub struct StockRow {
    /// The level.
    pub level: Level,
    /// The product; `None` if it is not in the catalog.
    pub product: Option<Arc<Product>>,
}

impl StockRow {
    /// The name of the product, or the SKU.
    pub fn name(&self) -> &str {
        let name = self.product.as_ref().map(|product| product.name.as_str());
        name.unwrap_or(self.level.sku.as_str())
    }

    fn contains(&self, lowercase_text: &str) -> bool {
        let contains = |text: &str| text.to_lowercase().contains(lowercase_text);
        contains(self.level.sku.as_str()) || contains(self.name())
    }
}

/// One page of a search.
#[derive(Debug, Clone)]
pub struct FoundStock {
    /// The matching levels by SKU.
    pub rows: Vec<StockRow>,
    /// Where the search continues; `None` at the end of the location's levels.
    pub next: Option<Position>,
}

/// Searches the levels of a location. Each level is read strongly consistent.
///
/// Levels have no index by name or condition. A search therefore reads all levels of the location, at most 1,000 at a time.
pub async fn search_stock<Stock, Catalog, Time>(
    stock: &Stock,
    products: &ProductNames<Catalog, Time>,
    search: StockSearch<'_>,
) -> Result<FoundStock, StoreError>
where
    Stock: StockStore,
    Catalog: ProductReader,
    Time: Clock,
{
    let StockSearch {
        location,
        filter,
        text,
        mut after,
        deadline,
    } = search;
    let text = text.trim().to_lowercase();
    let mut rows = Vec::new();
    for _ in 0..MAX_READS {
        let page = Page {
            limit: PAGE_SIZE,
            after,
        };
        let read = stock.list(location, page, deadline).await?;
        after = read.next;
        let mut levels = read.items;
        levels.retain(|level| filter.matches(level));
        let skus = levels.iter().map(|level| &level.sku);
        let mut names = products.find_all(skus, deadline).await?;
        let found = levels.into_iter().map(|level| StockRow {
            product: names.remove(&level.sku),
            level,
        });
        rows.extend(found.filter(|row| row.contains(&text)));
        if after.is_none() || rows.len() >= usize::from(PAGE_SIZE) {
            break;
        }
    }
    Ok(FoundStock { rows, next: after })
}
