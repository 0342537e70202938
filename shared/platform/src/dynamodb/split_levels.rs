//! Levels that are split over several items: read whole, and remembered, so that a writer knows where to try.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use stockline_domain::level::{Level, LevelKey};
use stockline_domain::split_level::SplitLevel;
use tokio::time::Instant;

use super::attributes::{Item, key_of, value};
use super::get_all::get_all;
use super::get_together::get_together;
use super::transaction::sort;
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::store_error::StoreError;

/// How long the number of buckets of a level is believed: an older number costs a try, never a sale.
const BELIEVED: Duration = Duration::from_mins(1);

/// How many levels are remembered.
const REMEMBERED: usize = 10_000;

/// How often a level that is split is read in one moment, before it is read one item beside the other: a level that many
/// write at once may have no moment at which nobody does.
const TRIES: u32 = 6;

/// Reads levels whole.
#[derive(Debug, Clone)]
pub struct SplitLevels {
    client: Client,
    table: String,
    known: Arc<Mutex<HashMap<LevelKey, Known>>>,
}

/// A level as it was read.
#[derive(Debug)]
pub struct Read {
    /// All its items.
    pub level: SplitLevel,
    /// Whether they are of one moment. Where they are not, goods that moved between them meanwhile may count twice or not at
    /// all: what is tried on it is safe, but nothing is refused on it.
    pub in_one_moment: bool,
}

/// What is remembered of a level.
#[derive(Debug, Clone, Copy)]
struct Known {
    in_use: u8,
    split_over: u8,
    learnt: Instant,
}

impl SplitLevels {
    /// Of `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self {
            client,
            table,
            known: Arc::default(),
        }
    }

    /// The table they are in.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The level, all its items; none where there is no such level.
    ///
    /// One that is not split is one strong read. One that is, is read as it was in one moment, and where writes keep
    /// that from being seen, one item beside the other.
    pub async fn read(
        &self,
        key: &LevelKey,
        deadline: Deadline,
    ) -> Result<Option<Read>, StoreError> {
        let mut over = self
            .remembered_of(key)
            .map_or(1, |known| known.split_over.max(1));
        loop {
            let (items, in_one_moment) = self.items(key, over, deadline).await?;
            let mut items = items.into_iter().map(value::<Level>);
            let Some(first) = items.next().transpose()?.filter(|level| level.bucket == 0) else {
                return Ok(None);
            };
            if first.split_over <= over {
                let others: Vec<Level> = items.collect::<Result<_, _>>()?;
                let level = SplitLevel::new(first, &others);
                self.remember(&level);
                return Ok(Some(Read {
                    level,
                    in_one_moment,
                }));
            }
            over = first.split_over;
        }
    }

    /// Learns how many buckets of the level are in use: its first item says so.
    pub async fn learn(&self, key: &LevelKey) -> Result<(), StoreError> {
        if let Some(first) = self.first_item(key).await? {
            self.remember(&SplitLevel::new(value(first)?, &[]));
        }
        Ok(())
    }

    /// The level whose first item is `first`, read just now.
    pub async fn read_on(&self, first: Level, deadline: Deadline) -> Result<Read, StoreError> {
        let key = first.key();
        let level = SplitLevel::new(first, &[]);
        self.remember(&level);
        let of_one = Read {
            level,
            in_one_moment: true,
        };
        if of_one.level.buckets().len() == 1 {
            return Ok(of_one);
        }
        Ok(self.read(&key, deadline).await?.unwrap_or(of_one))
    }

    /// The items of the first `over` buckets that are there, in their order, and whether they are of one moment.
    async fn items(
        &self,
        key: &LevelKey,
        over: u8,
        deadline: Deadline,
    ) -> Result<(Vec<Item>, bool), StoreError> {
        if over <= 1 {
            let first = self.first_item(key).await?;
            return Ok((first.into_iter().collect(), true));
        }
        let keys: Vec<Item> = (0..over)
            .map(|bucket| key_of(&keys::level_bucket(key, bucket)))
            .collect();
        let (client, table) = (&self.client, &self.table);
        if let Some(items) = get_together(client, table, keys.clone(), TRIES, deadline).await? {
            return Ok((items, true));
        }
        let mut items = get_all(client, table, keys, deadline).await?;
        items.sort_by_key(|item| {
            item.get("bucket")
                .and_then(|bucket| bucket.as_n().ok()?.parse().ok())
                .unwrap_or(0_u8)
        });
        Ok((items, false))
    }

    async fn first_item(&self, key: &LevelKey) -> Result<Option<Item>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key_of(&keys::level(key))))
            .consistent_read(true)
            .send()
            .await
            .map_err(sort("read a level"))?;
        Ok(found.item)
    }

    /// How many buckets of the level are in use, where that was learnt lately.
    pub fn in_use(&self, key: &LevelKey) -> Option<u8> {
        self.remembered_of(key).map(|known| known.in_use)
    }

    fn remembered_of(&self, key: &LevelKey) -> Option<Known> {
        let remembered = self.remembered();
        let known = remembered.get(key)?;
        (known.learnt.elapsed() < BELIEVED).then_some(*known)
    }

    fn remember(&self, level: &SplitLevel) {
        let mut remembered = self.remembered();
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        let known = Known {
            in_use: level.in_use(),
            split_over: level.buckets()[0].split_over,
            learnt: Instant::now(),
        };
        remembered.insert(level.key(), known);
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<LevelKey, Known>> {
        // What it holds is a hint: one that a panic left half-made is as good.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stockline_testkit::conformance::stock::key;
    use stockline_testkit::simulated_dynamodb::SimulatedDynamoDb;
    use tokio::time::advance;

    use super::*;

    fn levels() -> SplitLevels {
        let client = SimulatedDynamoDb::new(1).aws().dynamodb();
        SplitLevels::new(client, "stock".to_owned())
    }

    fn split_over(buckets: u8, sku: &str) -> SplitLevel {
        let policy = json!({"reorder_point": 1, "target_level": 9, "buckets": buckets});
        let first = Level {
            split_over: buckets,
            policy: Some(serde_json::from_value(policy).unwrap()),
            ..Level::empty(&key("store-1", sku))
        };
        SplitLevel::new(first, &[])
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_learnt_of_a_level_is_believed_for_a_minute() {
        let levels = levels();
        let milk = key("store-1", "milk");
        assert_eq!(levels.in_use(&milk), None);
        levels.remember(&split_over(4, "milk"));
        advance(BELIEVED.checked_sub(Duration::from_millis(1)).unwrap()).await;
        assert_eq!(levels.in_use(&milk), Some(4));
        advance(Duration::from_millis(1)).await;
        assert_eq!(levels.in_use(&milk), None);
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_levels_are_remembered_as_there_is_room_for() {
        let levels = levels();
        let known = |number: usize| levels.in_use(&key("store-1", &format!("sku-{number}")));
        for number in 0..REMEMBERED {
            levels.remember(&split_over(4, &format!("sku-{number}")));
        }
        assert_eq!((known(0), known(REMEMBERED - 1)), (Some(4), Some(4)));
        levels.remember(&split_over(2, "milk"));
        assert_eq!(
            (known(0), levels.in_use(&key("store-1", "milk"))),
            (None, Some(2))
        );
    }
}
