//! Reads all buckets of split levels, and caches bucket counts so that a writer can choose a bucket without a read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use stockline_domain::level::{Level, LevelKey};
use stockline_domain::split_level::SplitLevel;
use tokio::time::Instant;

use super::attributes::{Item, key_of, value};
use super::batch_get::batch_get;
use super::transact_get::transact_get;
use super::transaction::classify_error;
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::ports::stock_changes::LevelSnapshot;
use stockline_application::store_error::StoreError;

/// For how long a cached bucket count is used. A stale count costs an attempt, but never loses a sale.
const BUCKET_COUNT_TTL: Duration = Duration::from_mins(1);

/// The maximum number of cached levels.
const MAX_CACHED_LEVELS: usize = 10_000;

/// The attempts to read a split level as one snapshot before it is read without one. A level with many concurrent writers
/// may conflict at every attempt.
const MAX_SNAPSHOT_ATTEMPTS: u32 = 6;

/// Reads levels with all their buckets.
#[derive(Debug, Clone)]
pub struct SplitLevels {
    client: Client,
    table: String,
    cache: Arc<Mutex<HashMap<LevelKey, BucketCounts>>>,
}

/// The cached bucket counts of a level.
#[derive(Debug, Clone, Copy)]
struct BucketCounts {
    /// As many as the policy asks for.
    in_use: u8,
    /// As many as exist.
    split_over: u8,
    read_at: Instant,
}

impl SplitLevels {
    /// Creates a reader of the levels in `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self {
            client,
            table,
            cache: Arc::default(),
        }
    }

    /// Returns the name of the stock table.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Reads all buckets of a level, strongly consistent. Returns None if the level does not exist.
    ///
    /// A level that is not split is one `GetItem`. A split level is read as one snapshot, or without one if concurrent writes
    /// conflict with each attempt.
    pub async fn read(
        &self,
        key: &LevelKey,
        deadline: Deadline,
    ) -> Result<Option<LevelSnapshot>, StoreError> {
        let mut bucket_count = self
            .cached_counts(key)
            .map_or(1, |counts| counts.split_over.max(1));
        loop {
            let (items, is_consistent) = self.read_buckets(key, bucket_count, deadline).await?;
            let mut buckets = items.into_iter().map(value::<Level>);
            let first = buckets.next().transpose()?;
            let Some(first) = first.filter(|bucket| bucket.bucket == 0) else {
                return Ok(None);
            };
            if first.split_over <= bucket_count {
                let others: Vec<Level> = buckets.collect::<Result<_, _>>()?;
                let level = SplitLevel::new(first, &others);
                self.cache_counts(&level);
                return Ok(Some(LevelSnapshot {
                    level,
                    is_consistent,
                }));
            }
            // The level has more buckets than were read.
            bucket_count = first.split_over;
        }
    }

    /// Caches the bucket counts of the level, read from its bucket 0.
    pub async fn refresh_counts(&self, key: &LevelKey) -> Result<(), StoreError> {
        if let Some(first) = self.read_first_bucket(key).await? {
            self.cache_counts(&SplitLevel::new(value(first)?, &[]));
        }
        Ok(())
    }

    /// Reads the level with bucket 0 `first`. A level that is not split needs no further read.
    pub async fn read_with_first(
        &self,
        first: Level,
        deadline: Deadline,
    ) -> Result<LevelSnapshot, StoreError> {
        let key = first.key();
        let level = SplitLevel::new(first, &[]);
        self.cache_counts(&level);
        let snapshot = LevelSnapshot {
            level,
            is_consistent: true,
        };
        if snapshot.level.buckets().len() == 1 {
            return Ok(snapshot);
        }
        Ok(self.read(&key, deadline).await?.unwrap_or(snapshot))
    }

    /// Reads the first `bucket_count` buckets. Returns the existing ones by bucket number, and whether they are one snapshot.
    async fn read_buckets(
        &self,
        key: &LevelKey,
        bucket_count: u8,
        deadline: Deadline,
    ) -> Result<(Vec<Item>, bool), StoreError> {
        if bucket_count <= 1 {
            let first = self.read_first_bucket(key).await?;
            return Ok((first.into_iter().collect(), true));
        }
        let keys: Vec<Item> = (0..bucket_count)
            .map(|bucket| key_of(&keys::level_bucket(key, bucket)))
            .collect();
        let (client, table) = (&self.client, &self.table);
        let snapshot = transact_get(client, table, keys.clone(), MAX_SNAPSHOT_ATTEMPTS, deadline);
        if let Some(items) = snapshot.await? {
            return Ok((items, true));
        }
        let mut items = batch_get(client, table, keys, deadline).await?;
        items.sort_by_key(|item| {
            item.get("bucket")
                .and_then(|bucket| bucket.as_n().ok()?.parse().ok())
                .unwrap_or(0_u8)
        });
        Ok((items, false))
    }

    async fn read_first_bucket(&self, key: &LevelKey) -> Result<Option<Item>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key_of(&keys::level(key))))
            .consistent_read(true)
            .send()
            .await
            .map_err(classify_error("read a level"))?;
        Ok(output.item)
    }

    /// Returns how many buckets of the level are in use. None if that is not cached.
    pub fn cached_buckets_in_use(&self, key: &LevelKey) -> Option<u8> {
        self.cached_counts(key).map(|counts| counts.in_use)
    }

    fn cached_counts(&self, key: &LevelKey) -> Option<BucketCounts> {
        let cache = self.lock_cache();
        let counts = cache.get(key)?;
        (counts.read_at.elapsed() < BUCKET_COUNT_TTL).then_some(*counts)
    }

    fn cache_counts(&self, level: &SplitLevel) {
        let mut cache = self.lock_cache();
        if cache.len() >= MAX_CACHED_LEVELS {
            cache.clear();
        }
        let counts = BucketCounts {
            in_use: level.buckets_in_use(),
            split_over: level.buckets()[0].split_over,
            read_at: Instant::now(),
        };
        cache.insert(level.key(), counts);
    }

    fn lock_cache(&self) -> MutexGuard<'_, HashMap<LevelKey, BucketCounts>> {
        // The counts are hints, so the cache stays usable after a panic.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn split_level(buckets: u8, sku: &str) -> SplitLevel {
        let policy = json!({"reorder_point": 1, "target_level": 9, "buckets": buckets});
        let first = Level {
            split_over: buckets,
            policy: Some(serde_json::from_value(policy).unwrap()),
            ..Level::empty(&key("store-1", sku))
        };
        SplitLevel::new(first, &[])
    }

    #[tokio::test(start_paused = true)]
    async fn bucket_count_is_cached_for_one_minute() {
        let levels = levels();
        let milk = key("store-1", "milk");
        assert_eq!(levels.cached_buckets_in_use(&milk), None);
        levels.cache_counts(&split_level(4, "milk"));
        advance(
            BUCKET_COUNT_TTL
                .checked_sub(Duration::from_millis(1))
                .unwrap(),
        )
        .await;
        assert_eq!(levels.cached_buckets_in_use(&milk), Some(4));
        advance(Duration::from_millis(1)).await;
        assert_eq!(levels.cached_buckets_in_use(&milk), None);
    }

    #[tokio::test(start_paused = true)]
    async fn full_cache_is_cleared() {
        let levels = levels();
        let cached =
            |number: usize| levels.cached_buckets_in_use(&key("store-1", &format!("sku-{number}")));
        for number in 0..MAX_CACHED_LEVELS {
            levels.cache_counts(&split_level(4, &format!("sku-{number}")));
        }
        assert_eq!(
            (cached(0), cached(MAX_CACHED_LEVELS - 1)),
            (Some(4), Some(4))
        );
        levels.cache_counts(&split_level(2, "milk"));
        assert_eq!(
            (
                cached(0),
                levels.cached_buckets_in_use(&key("store-1", "milk"))
            ),
            (None, Some(2))
        );
    }
}
