//! Where a SKU is, and what moved it since its last count.

use stockline_domain::caller::Locations;
use stockline_domain::explanation::History;
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::level::{Level, LevelKey, MovementKind};

use super::DynamoStock;
use crate::dynamodb::attributes::{Item, key_of, position, start_key, string, value};
use crate::dynamodb::get_all::get_all;
use crate::dynamodb::transaction::sort;
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Page, Position};
use stockline_application::ports::stock_lookup::{MAX_MOVEMENTS, StockLookup};
use stockline_application::store_error::StoreError;

/// How many movements one query of a history reads.
const HISTORY_PAGE: i32 = 100;

impl StockLookup for DynamoStock {
    /// The index holds keys alone: one query reads those of thousands of locations, more than any SKU is at.
    async fn list_by_sku(
        &self,
        sku: &Sku,
        locations: &Locations,
        page: Page,
        deadline: Deadline,
    ) -> Result<Listing<Level>, StoreError> {
        let limit = usize::from(page.limit);
        let (mut wanted, mut after): (Vec<Entry>, _) = (Vec::new(), page.after);
        loop {
            let found = self.entries_of(sku, after).await?;
            after = found.next;
            let visible = |entry: &Entry| match locations {
                Locations::All => true,
                Locations::Only(own) => own.contains(&entry.location_id),
            };
            wanted.extend(found.items.into_iter().filter(visible));
            if wanted.len() > limit || after.is_none() {
                break;
            }
        }
        let more = wanted.len() > limit;
        wanted.truncate(limit);
        let next = wanted
            .last()
            .filter(|_| more)
            .map(|entry| entry.position.clone());
        let keys = wanted.iter().map(|entry| entry.key(sku)).collect();
        let mut items = Vec::with_capacity(wanted.len());
        for item in get_all(&self.client, self.levels.table(), keys, deadline).await? {
            items.push(
                self.levels
                    .read_on(value(item)?, deadline)
                    .await?
                    .level
                    .total(),
            );
        }
        items.sort_by(|one, other| one.location_id.cmp(&other.location_id));
        Ok(Listing { items, next })
    }

    async fn history(
        &self,
        key: &LevelKey,
        deadline: Deadline,
    ) -> Result<Vec<History>, StoreError> {
        let Some(read) = self.levels.read(key, deadline).await? else {
            return Ok(Vec::new());
        };
        let mut histories = Vec::new();
        for bucket in read.level.buckets() {
            histories.push(self.history_of(bucket.clone()).await?);
        }
        Ok(histories)
    }
}

/// A level as the index has it.
struct Entry {
    location_id: LocationId,
    position: Position,
}

impl Entry {
    fn key(&self, sku: &Sku) -> Item {
        key_of(&keys::level(&LevelKey {
            location_id: self.location_id.clone(),
            sku: sku.clone(),
        }))
    }
}

impl DynamoStock {
    async fn entries_of(
        &self,
        sku: &Sku,
        after: Option<Position>,
    ) -> Result<Listing<Entry>, StoreError> {
        const DOING: &str = "list the locations of a SKU";
        let found = self
            .client
            .query()
            .table_name(self.levels.table())
            .index_name("by_sku")
            .key_condition_expression("index_sku = :sku")
            .expression_attribute_values(":sku", string(sku.as_str()))
            .set_exclusive_start_key(start_key(after))
            .send()
            .await
            .map_err(sort(DOING))?;
        let mut items = Vec::new();
        for item in found.items.unwrap_or_default() {
            let position = position(Some(item)).unwrap_or_default();
            let location_id = position
                .get("index_location")
                .and_then(|location| location.parse().ok())
                .ok_or_else(|| StoreError::failed(DOING)("an entry has no location"))?;
            items.push(Entry {
                location_id,
                position,
            });
        }
        Ok(Listing {
            items,
            next: position(found.last_evaluated_key),
        })
    }

    async fn history_of(&self, level: Level) -> Result<History, StoreError> {
        // The ledger may be ahead of the level by now.
        let (mut movements, mut before) = (Vec::new(), Some(level.version + 1));
        loop {
            let found = self
                .movements_of(&level.key(), level.bucket, before, HISTORY_PAGE)
                .await?;
            let is_last = found.len() < usize::try_from(HISTORY_PAGE).unwrap_or_default();
            let has_count = found
                .iter()
                .any(|movement| movement.change.kind == MovementKind::Count);
            movements.extend(found);
            before = movements.last().map(|movement| movement.version);
            if is_last || has_count || movements.len() >= MAX_MOVEMENTS {
                return Ok(History {
                    level,
                    movements,
                    reaches_the_beginning: is_last,
                });
            }
        }
    }
}
