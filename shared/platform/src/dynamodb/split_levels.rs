//! Levels that are split over several items: read whole, and remembered, so that a writer knows where to try.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use stockline_domain::level::{Level, LevelKey};
use stockline_domain::split_level::SplitLevel;
use tokio::time::Instant;

use super::attributes::{key_of, value};
use super::get_all::get_all;
use super::transaction::sort;
use crate::deadline::Deadline;
use crate::keys;
use crate::store_error::StoreError;

/// How long the number of buckets of a level is believed: an older number costs a try, never a sale.
const BELIEVED: Duration = Duration::from_mins(1);

/// How many levels are remembered.
const REMEMBERED: usize = 10_000;

/// Reads levels whole.
#[derive(Debug, Clone)]
pub struct SplitLevels {
    client: Client,
    table: String,
    in_use: Arc<Mutex<HashMap<LevelKey, (u8, Instant)>>>,
}

impl SplitLevels {
    /// Of `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self {
            client,
            table,
            in_use: Arc::default(),
        }
    }

    /// The table they are in.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The level, all its items; none where there is no such level.
    ///
    /// Each item is read strongly. The items of a level that is split are read one beside the other, not in one moment.
    pub async fn read(
        &self,
        key: &LevelKey,
        deadline: Deadline,
    ) -> Result<Option<SplitLevel>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key_of(&keys::level(key))))
            .consistent_read(true)
            .send()
            .await
            .map_err(sort("read a level"))?;
        match found.item {
            Some(item) => self.rest_of(value(item)?, deadline).await.map(Some),
            None => Ok(None),
        }
    }

    /// The level whose first item is `first`.
    pub async fn rest_of(
        &self,
        first: Level,
        deadline: Deadline,
    ) -> Result<SplitLevel, StoreError> {
        let key = first.key();
        let others = (1..first.split_over)
            .map(|bucket| key_of(&keys::level_bucket(&key, bucket)))
            .collect();
        let others = get_all(&self.client, &self.table, others, deadline)
            .await?
            .into_iter()
            .map(value)
            .collect::<Result<Vec<Level>, _>>()?;
        let level = SplitLevel::new(first, &others);
        self.remember(&level);
        Ok(level)
    }

    /// How many buckets of the level are in use, where that was learnt lately.
    pub fn in_use(&self, key: &LevelKey) -> Option<u8> {
        let remembered = self.remembered();
        let (in_use, learnt) = remembered.get(key)?;
        (learnt.elapsed() < BELIEVED).then_some(*in_use)
    }

    fn remember(&self, level: &SplitLevel) {
        let mut remembered = self.remembered();
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(level.key(), (level.in_use(), Instant::now()));
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<LevelKey, (u8, Instant)>> {
        // What it holds is a hint: one that a panic left half-made is as good.
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
