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

/// The page size of [`DynamoStock::movements_back_to`].
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
    pub(super) async fn movements_back_to(
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

    /// Lists the movements of a level, newest first: those of its buckets, merged by `recorded_at`.
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
            buckets.push(VecDeque::from(movements));
        }
        let start_versions = buckets.iter().map(|movements| {
            let newest: Option<&Movement> = movements.front();
            newest.map_or(0, |movement| movement.version + 1)
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

/// Removes and returns the movement that was recorded last. Each bucket holds its movements newest first.
fn pop_newest(buckets: &mut [VecDeque<Movement>]) -> Option<Movement> {
    buckets
        .iter_mut()
        .max_by_key(|bucket| bucket.front().map(|movement| movement.change.recorded_at))?
        .pop_front()
}
