//! Stores stock requests and applies their changes. Each change writes its levels and a record of itself in one transaction; a
//! replay reads that record.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    Put, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stockline_domain::ids::RequestId;
use stockline_domain::level::{Level, LevelKey};
use stockline_domain::split_level::{SplitLevel, WritePlan};
use stockline_domain::stock_change::{MovementObservations, RequestedChange};

use super::DynamoStock;
use crate::dynamodb::attributes::{item, key_of, string, value};
use crate::dynamodb::change_level::plan_items;
use crate::dynamodb::paging::query_all;
use crate::dynamodb::transact_get::{UNTIL_DEADLINE, transact_get};
use crate::dynamodb::transaction::{
    AttemptResult, ConditionCheck, TransactionResult, attempt_transaction, classify_error,
    new_client_token,
};
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::stock::{
    ChangeOutcome, EarlierRequest, MissingLevel, PendingChange, RequestStatus,
};
use stockline_application::store_error::StoreError;

/// The delay between the reads of a count that waits for missing movements. It is short so that the reads observe each movement
/// of a level that keeps selling; then only movements before the first read have to arrive from the stream.
const MOVEMENT_POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The number of reads at [`MOVEMENT_POLL_INTERVAL`], before the delay grows with each read.
const MAX_FIXED_INTERVAL_POLLS: u32 = 400;

/// The attempts to write a split level on the condition that its versions are unchanged, before deltas are added instead.
const MAX_VERSIONED_ATTEMPTS: u32 = 3;

const READ_REQUEST: &str = "read a request";

/// The item of a stock request.
#[derive(Debug, Serialize, Deserialize)]
struct RequestRecord {
    fingerprint: String,
    came_at: Timestamp,
}

/// The item of an applied change. Holds the levels after the change, which a replay returns.
#[derive(Debug, Serialize, Deserialize)]
struct ChangeRecord {
    index: usize,
    levels: Vec<Level>,
}

impl DynamoStock {
    /// Stores a new request, or finds the earlier request with the same id.
    pub(super) async fn open_request(
        &self,
        id: RequestId,
        request: &Fingerprint,
        at: Timestamp,
    ) -> Result<RequestStatus, StoreError> {
        let record = RequestRecord {
            fingerprint: request.as_str().to_owned(),
            came_at: at,
        };
        let result = self
            .client
            .put_item()
            .table_name(self.levels.table())
            .set_item(Some(item(&keys::stock_request(id), &record)?))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .send()
            .await;
        let Err(error) = result else {
            return Ok(RequestStatus::New);
        };
        let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error()
        else {
            return Err(classify_error("open a request")(error));
        };
        let Some(existing) = failed.item.clone() else {
            return Err(StoreError::failed("open a request")(
                "the failed condition returned no existing request",
            ));
        };
        self.earlier_request(id, value(existing)?, request).await
    }

    /// Finds the earlier request with this id, without writing anything.
    pub(super) async fn recall_request(
        &self,
        id: RequestId,
        request: &Fingerprint,
    ) -> Result<Option<RequestStatus>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(self.levels.table())
            .set_key(Some(key_of(&keys::stock_request(id))))
            .consistent_read(true)
            .send()
            .await
            .map_err(classify_error(READ_REQUEST))?;
        Ok(match output.item {
            Some(existing) => Some(self.earlier_request(id, value(existing)?, request).await?),
            None => None,
        })
    }

    async fn earlier_request(
        &self,
        id: RequestId,
        existing: RequestRecord,
        request: &Fingerprint,
    ) -> Result<RequestStatus, StoreError> {
        if existing.fingerprint != request.as_str() {
            return Ok(RequestStatus::KeyReused);
        }
        Ok(RequestStatus::Known(EarlierRequest {
            received_at: existing.came_at,
            applied: self.applied_changes(id).await?,
        }))
    }

    async fn applied_changes(
        &self,
        id: RequestId,
    ) -> Result<BTreeMap<usize, Vec<Level>>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(self.levels.table())
            .key_condition_expression("pk = :request AND begins_with(sk, :change)")
            .expression_attribute_values(":request", string(keys::stock_request_partition(id)))
            .expression_attribute_values(":change", string(keys::APPLIED_CHANGE_PREFIX))
            .consistent_read(true);
        let records: Vec<ChangeRecord> = query_all(query, READ_REQUEST, value).await?;
        Ok(records
            .into_iter()
            .map(|record| (record.index, record.levels))
            .collect())
    }

    /// Applies one change of a request. Each attempt reads the levels, decides the change on them, and writes it.
    pub(super) async fn apply_change(
        &self,
        pending: PendingChange<'_>,
        deadline: Deadline,
    ) -> Result<ChangeOutcome, StoreError> {
        let keys = pending.change.keys();
        let (mut attempts, mut polls) = (deadline.attempts(), 0);
        let mut observed = MovementObservations::default();
        loop {
            let mut snapshots = Vec::with_capacity(keys.len());
            for key in &keys {
                snapshots.push(self.levels.read(key, deadline).await?);
            }
            let missing: Vec<_> = keys
                .iter()
                .zip(&snapshots)
                .filter(|(_, snapshot)| snapshot.is_none())
                .map(|(key, _)| key.clone())
                .collect();
            if pending.missing == MissingLevel::Report && !missing.is_empty() {
                return Ok(ChangeOutcome::MissingLevels(missing));
            }
            let is_consistent = snapshots
                .iter()
                .flatten()
                .all(|snapshot| snapshot.is_consistent);
            let before: Vec<SplitLevel> = keys
                .iter()
                .zip(snapshots)
                .map(|(key, snapshot)| match snapshot {
                    Some(snapshot) => snapshot.level,
                    None => SplitLevel::new(Level::empty(key), &[]),
                })
                .collect();
            let totals: Vec<Level> = before.iter().map(SplitLevel::total).collect();
            let on_hand_delta_since = match pending.change.depends_on_movements_since(&totals[0]) {
                Some(time) => {
                    observed.add(&before[0]);
                    let delta = self
                        .on_hand_delta_since(&before[0], time, &observed)
                        .await?;
                    let Some(delta) = delta else {
                        // Movements are missing: wait for the stream and read again.
                        polls += 1;
                        let is_time_left = if polls < MAX_FIXED_INTERVAL_POLLS {
                            deadline.pause(MOVEMENT_POLL_INTERVAL).await
                        } else {
                            deadline.back_off(polls).await
                        };
                        if is_time_left {
                            continue;
                        }
                        return Err(StoreError::Busy);
                    };
                    delta
                }
                None => 0,
            };
            let settled = match self
                .decide_change(pending, &totals, on_hand_delta_since)
                .await?
            {
                Ok(settled) => settled,
                // Stock that moved between buckets during the read may be missing or counted twice.
                Err(_) if !is_consistent => {
                    if attempts.wait_for_next().await {
                        continue;
                    }
                    return Err(StoreError::Busy);
                }
                // A duplicate of the request may have applied the change since, and caused the refusal.
                Err(refused) => {
                    let applied = self
                        .find_applied_change(pending.request, pending.index, deadline)
                        .await?;
                    return Ok(match applied {
                        Some(levels) => ChangeOutcome::AlreadyApplied(levels),
                        None => ChangeOutcome::Refused(refused),
                    });
                }
            };
            let writes = plan_writes(pending.change, &before, &settled.levels, attempts.failed())?;
            let after: Vec<Level> = writes.iter().map(|write| write.after.total()).collect();
            let mut items = self.transact_items(pending, &writes, &after)?;
            items.extend(self.settled_order_items(&settled)?);
            match attempt_transaction(&self.client, items, &new_client_token()).await? {
                AttemptResult::Decided(TransactionResult::Committed) => {
                    let uneven = writes.iter().filter_map(LevelWrite::uneven_level);
                    self.rebalancer
                        .rebalance_after_write(uneven.collect(), pending.at, deadline)
                        .await;
                    return Ok(ChangeOutcome::Applied(after));
                }
                AttemptResult::Decided(TransactionResult::ConditionFailed(checks)) => {
                    // The first item is the record of the change.
                    if let Some(ConditionCheck::Failed(Some(item))) = checks.into_iter().next() {
                        return Ok(ChangeOutcome::AlreadyApplied(
                            value::<ChangeRecord>(item)?.levels,
                        ));
                    }
                }
                AttemptResult::Busy(_) => {}
            }
            // Another write changed a level first. The next attempt reads the levels again.
            if !attempts.wait_for_next().await {
                return Err(StoreError::Busy);
            }
        }
    }

    /// Returns the levels after the change, if it is applied.
    ///
    /// A transactional read conflicts with a transaction in progress, so None means that no duplicate is applying the change.
    pub(super) async fn find_applied_change(
        &self,
        request: RequestId,
        index: usize,
        deadline: Deadline,
    ) -> Result<Option<Vec<Level>>, StoreError> {
        let (client, table) = (&self.client, self.levels.table());
        let key = vec![key_of(&keys::applied_change(request, index))];
        let items = transact_get(client, table, key, UNTIL_DEADLINE, deadline).await?;
        let record = items.ok_or(StoreError::Busy)?.into_iter().next();
        let record = record.map(value::<ChangeRecord>).transpose()?;
        Ok(record.map(|record| record.levels))
    }

    /// Returns the record of the change and the writes of its levels as transaction items.
    fn transact_items(
        &self,
        pending: PendingChange<'_>,
        writes: &[LevelWrite],
        after: &[Level],
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let record = ChangeRecord {
            index: pending.index,
            levels: after.to_vec(),
        };
        let put = Put::builder()
            .table_name(self.levels.table())
            .set_item(Some(item(
                &keys::applied_change(pending.request, pending.index),
                &record,
            )?))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .map_err(StoreError::failed("write a change"))?;
        let mut items = vec![TransactWriteItem::builder().put(put).build()];
        for LevelWrite { key, plan, .. } in writes {
            items.extend(plan_items(self.levels.table(), key, plan)?);
        }
        Ok(items)
    }
}

/// The planned write of one level.
struct LevelWrite {
    key: LevelKey,
    plan: WritePlan,
    /// The level after the write, if no other write changes it since it was read.
    after: SplitLevel,
}

impl LevelWrite {
    /// Returns the level if it needs rebalancing after this write.
    fn uneven_level(&self) -> Option<&LevelKey> {
        matches!(self.plan, WritePlan::Deltas(_)).then_some(&self.key)
    }
}

/// Plans the writes that turn the levels `before` into `after`, the totals that `change` results in.
///
/// A write replaces the buckets on the condition that their versions are unchanged, so the response shows exactly what was
/// stored. On a split level that sells faster than all its buckets can be read and written, this condition never holds. There,
/// after [`MAX_VERSIONED_ATTEMPTS`] attempts, a relative change is added to the buckets instead; the response then shows the
/// level that was read, with the change.
fn plan_writes(
    change: &RequestedChange,
    before: &[SplitLevel],
    after: &[Level],
    attempts: u32,
) -> Result<Vec<LevelWrite>, StoreError> {
    let mut writes = Vec::with_capacity(before.len());
    for (before, total) in before.iter().zip(after) {
        let Some(delta) = &total.last_change else {
            continue;
        };
        let is_split = before.buckets().len() > 1;
        let plan = if is_split && change.is_relative() && attempts >= MAX_VERSIONED_ATTEMPTS {
            before.plan(delta)
        } else {
            Ok(WritePlan::Rewrite(before.rewrite(total, delta)))
        };
        let write = plan.and_then(|plan| {
            Ok(LevelWrite {
                key: before.key(),
                after: before.after(&plan)?,
                plan,
            })
        });
        writes.push(write.map_err(StoreError::failed("plan a change"))?);
    }
    Ok(writes)
}
