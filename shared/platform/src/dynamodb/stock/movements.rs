//! Stores movements: one item for each version of a bucket that a movement produced.

use std::collections::VecDeque;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure as OnFailure;
use jiff::Timestamp;
use stockline_domain::level::{Level, LevelKey, Movement};
use stockline_domain::stock_change::may_have_occurred_since;

use super::{DynamoStock, READ_TIMEOUT};
use crate::dynamodb::attributes::{item, string, value};
use crate::dynamodb::paging::query_page;
use crate::dynamodb::transaction::classify_error;
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Page};
use stockline_application::ports::stock::RecordMovementOutcome;
use stockline_application::store_error::StoreError;

/// The page size of [`DynamoStock::read_movements_back_to`].
const PAGE_SIZE: u16 = 100;

impl DynamoStock {
    pub(super) async fn record_movement(
        &self,
        movement: &Movement,
    ) -> Result<RecordMovementOutcome, StoreError> {
        let key = LevelKey {
            location_id: movement.location_id.clone(),
            sku: movement.sku.clone(),
        };
        let result = self
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
        let Err(error) = result else {
            return Ok(RecordMovementOutcome::Written);
        };
        let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error()
        else {
            return Err(classify_error("record a movement")(error));
        };
        let existing = failed.item.clone().map(value::<Movement>).transpose()?;
        Ok(match existing {
            Some(existing) if existing.change.movement_id != movement.change.movement_id => {
                RecordMovementOutcome::Conflict
            }
            _ => RecordMovementOutcome::AlreadyRecorded,
        })
    }

    /// Reads the movements of `bucket`, newest first, at least back to the newest that cannot have happened at or after `time`.
    pub(super) async fn read_movements_back_to(
        &self,
        bucket: &Level,
        time: Timestamp,
    ) -> Result<Vec<Movement>, StoreError> {
        let (mut movements, mut before) = (Vec::new(), None);
        loop {
            let page = self
                .newest_movements(&bucket.key(), bucket.bucket, before, PAGE_SIZE)
                .await?;
            let is_last_page = page.len() < usize::from(PAGE_SIZE);
            movements.extend(page);
            let oldest: Option<&Movement> = movements.last();
            if is_last_page
                || oldest.is_none_or(|oldest| !may_have_occurred_since(&oldest.change, time))
            {
                return Ok(movements);
            }
            before = oldest.map(|oldest| oldest.version);
        }
    }

    /// Lists the movements of a level, newest first: those of each bucket in the order of its versions, and the buckets merged
    /// by [`Queued::committed_after`].
    ///
    /// The position maps each bucket to a version; the next page starts below it. For a bucket without a movement on any page
    /// so far, that is the version above its newest movement at the time of the first page. Movements recorded since belong
    /// before the first page.
    pub(super) async fn list_movements(
        &self,
        key: &LevelKey,
        page: Page,
    ) -> Result<Listing<Movement>, StoreError> {
        let mut positions = page.after.unwrap_or_default();
        if positions.is_empty() {
            let snapshot = self
                .levels
                .read(key, Deadline::within(READ_TIMEOUT))
                .await?;
            let bucket_count = snapshot.map_or(1, |snapshot| snapshot.level.buckets().len());
            positions = (0..bucket_count)
                .map(|bucket| (bucket.to_string(), String::new()))
                .collect();
        }
        let mut buckets = Vec::with_capacity(positions.len());
        for (bucket, version) in &positions {
            let bucket = bucket
                .parse()
                .map_err(StoreError::failed("read a position"))?;
            let before = version.parse().ok();
            let movements = self
                .newest_movements(key, bucket, before, u16::from(page.limit) + 1)
                .await?;
            buckets.push(queue(movements));
        }
        let start_versions = buckets.iter().map(|movements| {
            let newest = movements.front();
            newest.map_or(0, |newest| newest.movement.version + 1)
        });
        for (position, start_version) in positions.values_mut().zip(start_versions) {
            if position.is_empty() {
                *position = start_version.to_string();
            }
        }
        let mut items = Vec::new();
        while items.len() < usize::from(page.limit)
            && let Some(movement) = pop_newest(&mut buckets)
        {
            positions.insert(movement.bucket.to_string(), movement.version.to_string());
            items.push(movement);
        }
        let has_more = buckets.iter().any(|bucket| !bucket.is_empty());
        Ok(Listing {
            items,
            next: has_more.then_some(positions),
        })
    }

    /// Reads the newest `limit` movements of one bucket whose version is below `before`.
    pub(super) async fn newest_movements(
        &self,
        key: &LevelKey,
        bucket: u8,
        before: Option<u64>,
        limit: u16,
    ) -> Result<Vec<Movement>, StoreError> {
        let mut query = self
            .client
            .query()
            .table_name(self.levels.table())
            .expression_attribute_values(":level", string(keys::movements_partition(key, bucket)))
            .key_condition_expression("pk = :level")
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(i32::from(limit));
        if let Some(before) = before {
            query = query
                .key_condition_expression("pk = :level AND sk < :before")
                .expression_attribute_values(
                    ":before",
                    string(keys::movement(key, bucket, before).sk),
                );
        }
        Ok(query_page(query, None, "list movements", value)
            .await?
            .items)
    }
}

/// A movement of one bucket that is waiting to be listed.
struct Queued {
    movement: Movement,
    /// The latest `recorded_at` of the movement and the older ones of its bucket. The movement was committed after those, even if
    /// its own request was received earlier and took long.
    committed_after: Timestamp,
}

/// Queues the movements of one bucket, newest version first.
fn queue(movements: Vec<Movement>) -> VecDeque<Queued> {
    let mut queue = VecDeque::with_capacity(movements.len());
    let mut latest = Timestamp::MIN;
    for movement in movements.into_iter().rev() {
        latest = latest.max(movement.change.recorded_at);
        queue.push_front(Queued {
            movement,
            committed_after: latest,
        });
    }
    queue
}

/// Removes and returns the movement that was committed last.
fn pop_newest(buckets: &mut [VecDeque<Queued>]) -> Option<Movement> {
    let newest = buckets
        .iter_mut()
        .max_by_key(|bucket| bucket.front().map(|queued| queued.committed_after))?;
    newest.pop_front().map(|queued| queued.movement)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn movement(bucket: u8, version: u64, second: u8) -> Movement {
        let at = format!("2026-03-01T12:00:{second:02}Z");
        serde_json::from_value(json!({
            "movement_id": "00000000-0000-0000-0000-000000000000", "location_id": "store-1", "sku": "milk",
            "bucket": bucket, "version": version, "kind": "sale", "on_hand_delta": -1, "allocated_delta": 0,
            "on_hand": 9, "allocated": 0, "occurred_at": at, "recorded_at": at,
        }))
        .unwrap()
    }

    fn merged(buckets: &[&[Movement]]) -> Vec<(u8, u64)> {
        let mut queues: Vec<_> = buckets
            .iter()
            .map(|bucket| queue(bucket.to_vec()))
            .collect();
        std::iter::from_fn(|| pop_newest(&mut queues))
            .map(|movement| (movement.bucket, movement.version))
            .collect()
    }

    #[test]
    fn slow_request_does_not_hold_back_newer_movements() {
        // Version 3 of bucket 0 comes from a request that was received at second 10 and committed after second 40.
        let first = [movement(0, 3, 10), movement(0, 2, 40), movement(0, 1, 5)];
        let second = [movement(1, 9, 30), movement(1, 8, 20), movement(1, 7, 1)];
        assert_eq!(
            merged(&[&first, &second]),
            [(0, 3), (0, 2), (1, 9), (1, 8), (0, 1), (1, 7)]
        );
        assert!(merged(&[&[], &[]]).is_empty());
    }
}
