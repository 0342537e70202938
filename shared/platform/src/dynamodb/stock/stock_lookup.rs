//! Finds the locations of a SKU, and the movements of a level since its last count.

use stockline_domain::caller::Locations;
use stockline_domain::explanation::LevelHistory;
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::level::{Level, LevelKey, MovementKind};

use super::DynamoStock;
use crate::dynamodb::attributes::{Item, key_of, position, string};
use crate::dynamodb::paging::query_page;
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Page, Position};
use stockline_application::ports::stock_lookup::{MAX_MOVEMENTS, StockLookup};
use stockline_application::store_error::StoreError;

/// The maximum number of movements that one query reads.
const MOVEMENT_PAGE_SIZE: u16 = 100;

impl StockLookup for DynamoStock {
    /// The index projects only keys, so one query reads thousands of locations, more than stock any one SKU.
    async fn list_by_sku(
        &self,
        sku: &Sku,
        locations: &Locations,
        page: Page,
        deadline: Deadline,
    ) -> Result<Listing<Level>, StoreError> {
        let limit = usize::from(page.limit);
        let (mut entries, mut after): (Vec<IndexEntry>, _) = (Vec::new(), page.after);
        loop {
            let index_page = self.index_entries(sku, after).await?;
            after = index_page.next;
            let is_visible = |entry: &IndexEntry| match locations {
                Locations::All => true,
                Locations::Only(own) => own.contains(&entry.location_id),
            };
            entries.extend(index_page.items.into_iter().filter(is_visible));
            if entries.len() > limit || after.is_none() {
                break;
            }
        }
        let has_more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries
            .last()
            .filter(|_| has_more)
            .map(|entry| entry.position.clone());
        let keys = entries.iter().map(|entry| entry.key(sku)).collect();
        let mut items = self.read_totals(keys, deadline).await?;
        items.sort_by(|one, other| one.location_id.cmp(&other.location_id));
        Ok(Listing { items, next })
    }

    async fn history(
        &self,
        key: &LevelKey,
        deadline: Deadline,
    ) -> Result<Vec<LevelHistory>, StoreError> {
        let Some(snapshot) = self.levels.read(key, deadline).await? else {
            return Ok(Vec::new());
        };
        let mut histories = Vec::new();
        for bucket in snapshot.level.buckets() {
            histories.push(self.read_history(bucket.clone()).await?);
        }
        Ok(histories)
    }
}

/// The entry of a level in index `by_sku`.
struct IndexEntry {
    location_id: LocationId,
    position: Position,
}

impl IndexEntry {
    fn key(&self, sku: &Sku) -> Item {
        key_of(&keys::level(&LevelKey {
            location_id: self.location_id.clone(),
            sku: sku.clone(),
        }))
    }
}

impl DynamoStock {
    /// Reads a page of index `by_sku`.
    async fn index_entries(
        &self,
        sku: &Sku,
        after: Option<Position>,
    ) -> Result<Listing<IndexEntry>, StoreError> {
        const CONTEXT: &str = "list the locations of a SKU";
        let query = self
            .client
            .query()
            .table_name(self.levels.table())
            .index_name("by_sku")
            .key_condition_expression("index_sku = :sku")
            .expression_attribute_values(":sku", string(sku.as_str()));
        let page = query_page(query, after, CONTEXT, |item| {
            let position = position(Some(item)).unwrap_or_default();
            let location_id = position
                .get("index_location")
                .and_then(|location| location.parse().ok())
                .ok_or_else(|| {
                    StoreError::failed(CONTEXT)("an index entry has no valid location")
                })?;
            Ok(IndexEntry {
                location_id,
                position,
            })
        });
        page.await
    }

    async fn read_history(&self, level: Level) -> Result<LevelHistory, StoreError> {
        // Start at the version that was read: later movements may have been recorded since.
        let (mut movements, mut before) = (Vec::new(), Some(level.version + 1));
        loop {
            let page = self
                .newest_movements(&level.key(), level.bucket, before, MOVEMENT_PAGE_SIZE)
                .await?;
            let is_last_page = page.len() < usize::from(MOVEMENT_PAGE_SIZE);
            let has_count = page
                .iter()
                .any(|movement| movement.change.kind == MovementKind::Count);
            movements.extend(page);
            before = movements.last().map(|movement| movement.version);
            if is_last_page || has_count || movements.len() >= MAX_MOVEMENTS {
                return Ok(LevelHistory {
                    level,
                    movements,
                    reaches_first_movement: is_last_page,
                });
            }
        }
    }
}
