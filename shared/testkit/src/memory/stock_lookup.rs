//! The levels and the history of a SKU, in memory.

use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Page, Position};
use stockline_application::ports::stock_lookup::StockLookup;
use stockline_application::store_error::StoreError;
use stockline_domain::caller::Locations;
use stockline_domain::explanation::LevelHistory;
use stockline_domain::ids::Sku;
use stockline_domain::level::{Level, LevelKey};

use super::shop::MemoryShop;

impl StockLookup for MemoryShop {
    async fn list_by_sku(
        &self,
        sku: &Sku,
        locations: &Locations,
        page: Page,
        _deadline: Deadline,
    ) -> Result<Listing<Level>, StoreError> {
        let after = page
            .after
            .and_then(|position| position.get("index_location").cloned());
        let limit = usize::from(page.limit);
        let data = self.lock();
        let of_sku = data.levels.values().filter(|level| level.sku == *sku);
        let visible = of_sku.filter(|level| match locations {
            Locations::All => true,
            Locations::Only(own) => own.contains(&level.location_id),
        });
        let mut items: Vec<Level> = visible
            .filter(|level| {
                after
                    .as_ref()
                    .is_none_or(|after| level.location_id.as_str() > after.as_str())
            })
            .take(limit + 1)
            .cloned()
            .collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|level| {
            Position::from([("index_location".to_owned(), level.location_id.to_string())])
        });
        Ok(Listing { items, next })
    }

    async fn history(
        &self,
        key: &LevelKey,
        _deadline: Deadline,
    ) -> Result<Vec<LevelHistory>, StoreError> {
        let data = self.lock();
        let level = data.levels.get(key).cloned();
        let history = level.map(|level| LevelHistory {
            movements: data.movements_of(key),
            level,
            reaches_first_movement: true,
        });
        Ok(history.into_iter().collect())
    }
}
