//! Movements: one item for each version of a level that a movement made.

use std::collections::VecDeque;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure as OnFailure;
use jiff::Timestamp;
use stockline_domain::level::{Level, LevelKey, Movement};
use stockline_domain::split_level::SplitLevel;
use stockline_domain::stock_change::{Sightings, may_have_happened_after, moved_after};

use super::{DynamoStock, READ};
use crate::dynamodb::attributes::{item, string, value};
use crate::dynamodb::transaction::sort;
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Page};
use stockline_application::ports::stock::RecordMovementOutcome;
use stockline_application::store_error::StoreError;

impl DynamoStock {
    pub(super) async fn record_movement(
        &self,
        movement: &Movement,
    ) -> Result<RecordMovementOutcome, StoreError> {
        let key = LevelKey {
            location_id: movement.location_id.clone(),
            sku: movement.sku.clone(),
        };
        let sent = self
            .client
            .put_item()
            .table_name(self.levels.table())
            .set_item(Some(item(
                &keys::movement(&key, movement.bucket, movement.version),
                movement,
            )?))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(RecordMovementOutcome::Written);
        };
        let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error()
        else {
            return Err(sort("record a movement")(error));
        };
        let existing = failed.item.clone().map(value::<Movement>).transpose()?;
        Ok(match existing {
            Some(other) if other.change.movement_id != movement.change.movement_id => {
                RecordMovementOutcome::Conflict
            }
            _ => RecordMovementOutcome::AlreadyRecorded,
        })
    }

    /// By how much `on_hand` of `level` moved after `time`, as the ledger and what was `seen` of the level tell; none
    /// while movements are missing, which the stream brings a moment after the level.
    pub(super) async fn moved_after(
        &self,
        level: &SplitLevel,
        time: Timestamp,
        seen: &Sightings,
    ) -> Result<Option<i64>, StoreError> {
        let mut moved = 0;
        for bucket in level.buckets() {
            let recorded = self.movements_back_to(bucket, time).await?;
            let movements = seen.complete(bucket.bucket, recorded);
            match moved_after(bucket, &movements, time) {
                Some(of_this) => moved += of_this,
                None => return Ok(None),
            }
        }
        Ok(Some(moved))
    }

    /// The movements of `bucket` that may have happened after `time`, newest first, and the one before them.
    async fn movements_back_to(
        &self,
        bucket: &Level,
        time: Timestamp,
    ) -> Result<Vec<Movement>, StoreError> {
        let (mut movements, mut before) = (Vec::new(), None);
        loop {
            let found = self
                .movements_of(&bucket.key(), bucket.bucket, before, 100)
                .await?;
            let is_last_page = found.len() < 100;
            movements.extend(found);
            let oldest: Option<&Movement> = movements.last();
            if is_last_page
                || oldest.is_none_or(|oldest| !may_have_happened_after(&oldest.change, time))
            {
                return Ok(movements);
            }
            before = oldest.map(|oldest| oldest.version);
        }
    }

    /// The movements of a level, newest first: those of its buckets, merged by when they were recorded.
    ///
    /// The position holds, per bucket, the version down to which its movements were shown, or above all there were when the
    /// first page was: what is recorded since belongs before that page.
    pub(super) async fn list_movements(
        &self,
        key: &LevelKey,
        page: Page,
    ) -> Result<Listing<Movement>, StoreError> {
        let mut shown = page.after.unwrap_or_default();
        if shown.is_empty() {
            let read = self.levels.read(key, Deadline::within(READ)).await?;
            let buckets = read.map_or(1, |read| read.level.buckets().len());
            shown = (0..buckets)
                .map(|bucket| (bucket.to_string(), String::new()))
                .collect();
        }
        let mut buckets = Vec::with_capacity(shown.len());
        for (bucket, version) in &shown {
            let bucket = bucket
                .parse()
                .map_err(StoreError::failed("read a position"))?;
            let before = version.parse().ok();
            let found = self
                .movements_of(key, bucket, before, i32::from(page.limit) + 1)
                .await?;
            buckets.push(VecDeque::from(found));
        }
        let newest_there = buckets.iter().map(|found| {
            let newest: Option<&Movement> = found.front();
            newest.map_or(0, |movement| movement.version + 1)
        });
        for (start, newest) in shown.values_mut().zip(newest_there) {
            if start.is_empty() {
                *start = newest.to_string();
            }
        }
        let mut items = Vec::new();
        while items.len() < usize::from(page.limit)
            && let Some(movement) = newest(&mut buckets)
        {
            shown.insert(movement.bucket.to_string(), movement.version.to_string());
            items.push(movement);
        }
        let is_more = buckets.iter().any(|bucket| !bucket.is_empty());
        Ok(Listing {
            items,
            next: is_more.then_some(shown),
        })
    }

    /// The newest `limit` movements of one bucket, of those before version `before`.
    pub(super) async fn movements_of(
        &self,
        key: &LevelKey,
        bucket: u8,
        before: Option<u64>,
        limit: i32,
    ) -> Result<Vec<Movement>, StoreError> {
        let mut query = self
            .client
            .query()
            .table_name(self.levels.table())
            .expression_attribute_values(":level", string(keys::movements(key, bucket)))
            .key_condition_expression("pk = :level")
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(limit);
        if let Some(before) = before {
            query = query
                .key_condition_expression("pk = :level AND sk < :before")
                .expression_attribute_values(
                    ":before",
                    string(keys::movement(key, bucket, before).sk),
                );
        }
        let found = query.send().await.map_err(sort("list movements"))?;
        found
            .items
            .unwrap_or_default()
            .into_iter()
            .map(value)
            .collect()
    }
}

/// Takes the movement that was recorded last from those of several buckets, each newest first.
fn newest(buckets: &mut [VecDeque<Movement>]) -> Option<Movement> {
    buckets
        .iter_mut()
        .max_by_key(|bucket| bucket.front().map(|movement| movement.change.recorded_at))?
        .pop_front()
}
