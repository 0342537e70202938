//! Requests to change stock: each applied change leaves a record in the transaction that changes its levels.

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
use stockline_domain::split_level::{Plan, SplitLevel};
use stockline_domain::stock_change::{Sightings, StockChange};

use super::DynamoStock;
use crate::dynamodb::attributes::{item, key_of, string, value};
use crate::dynamodb::change_level::planned_items;
use crate::dynamodb::get_together::{WHILE_THERE_IS_TIME, get_together};
use crate::dynamodb::transaction::{Part, Tried, Written, fresh_token, sort, try_once};
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::stock::{
    ChangeOutcome, EarlierRequest, MissingLevel, PendingChange, RequestStatus,
};
use stockline_application::store_error::StoreError;

/// How long a count waits before it looks again whether the ledger has come as far as the level: short, so that it sees
/// every movement of a level that keeps selling, of which the ledger then only has to bring what was before.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// How often it looks so, before it looks more and more rarely.
const QUICK_LOOKS: u32 = 400;

/// How often a change of a level that is split is tried by the versions that were read.
const TRIES_BY_VERSION: u32 = 3;

/// A request as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct RequestRecord {
    fingerprint: String,
    came_at: Timestamp,
}

/// A change once it is applied, and what it led to: this is what its replay answers.
#[derive(Debug, Serialize, Deserialize)]
struct ChangeRecord {
    index: usize,
    levels: Vec<Level>,
}

impl DynamoStock {
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
        let sent = self
            .client
            .put_item()
            .table_name(self.levels.table())
            .set_item(Some(item(&keys::stock_request(id), &record)?))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(RequestStatus::New);
        };
        let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error()
        else {
            return Err(sort("open a request")(error));
        };
        let Some(existing) = failed.item.clone() else {
            return Err(StoreError::failed("open a request")(
                "the request that is there was not shown",
            ));
        };
        self.opened_before(id, value(existing)?, request).await
    }

    pub(super) async fn recall_request(
        &self,
        id: RequestId,
        request: &Fingerprint,
    ) -> Result<Option<RequestStatus>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(self.levels.table())
            .set_key(Some(key_of(&keys::stock_request(id))))
            .consistent_read(true)
            .send()
            .await
            .map_err(sort("read a request"))?;
        Ok(match found.item {
            Some(existing) => Some(self.opened_before(id, value(existing)?, request).await?),
            None => None,
        })
    }

    async fn opened_before(
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
        let (mut applied, mut after) = (BTreeMap::new(), None);
        loop {
            let found = self
                .client
                .query()
                .table_name(self.levels.table())
                .key_condition_expression("pk = :request AND begins_with(sk, :change)")
                .expression_attribute_values(":request", string(keys::stock_request_partition(id)))
                .expression_attribute_values(":change", string(keys::APPLIED_CHANGES))
                .consistent_read(true)
                .set_exclusive_start_key(after)
                .send()
                .await
                .map_err(sort("read a request"))?;
            for item in found.items.unwrap_or_default() {
                let record: ChangeRecord = value(item)?;
                applied.insert(record.index, record.levels);
            }
            after = found.last_evaluated_key;
            if after.is_none() {
                return Ok(applied);
            }
        }
    }

    pub(super) async fn apply_change(
        &self,
        pending: PendingChange<'_>,
        deadline: Deadline,
    ) -> Result<ChangeOutcome, StoreError> {
        let wanted = pending.change.keys();
        let (mut attempts, mut looks, mut seen) = (deadline.attempts(), 0, Sightings::default());
        loop {
            let mut found = Vec::with_capacity(wanted.len());
            for key in &wanted {
                found.push(self.levels.read(key, deadline).await?);
            }
            let missing: Vec<_> = wanted
                .iter()
                .zip(&found)
                .filter(|(_, level)| level.is_none())
                .map(|(key, _)| key.clone())
                .collect();
            if pending.missing == MissingLevel::Report && !missing.is_empty() {
                return Ok(ChangeOutcome::MissingLevels(missing));
            }
            let in_one_moment = found.iter().flatten().all(|read| read.in_one_moment);
            let before: Vec<SplitLevel> = wanted
                .iter()
                .zip(found)
                .map(|(key, read)| match read {
                    Some(read) => read.level,
                    None => SplitLevel::new(Level::empty(key), &[]),
                })
                .collect();
            let totals: Vec<Level> = before.iter().map(SplitLevel::total).collect();
            let moved_since = match pending.change.depends_on_movements_after(&totals[0]) {
                Some(time) => {
                    seen.add(&before[0]);
                    let moved = self.moved_after(&before[0], time, &seen).await?;
                    let Some(moved) = moved else {
                        looks += 1;
                        let is_time_left = if looks < QUICK_LOOKS {
                            deadline.pause(BETWEEN_LOOKS).await
                        } else {
                            deadline.back_off(looks).await
                        };
                        if is_time_left {
                            continue;
                        }
                        return Err(StoreError::Busy);
                    };
                    moved
                }
                None => 0,
            };
            let after = match pending.change.apply(
                &totals,
                moved_since,
                pending.request,
                pending.index,
                pending.at,
            ) {
                Ok(after) => after,
                // Goods on their way between two buckets were missing or counted twice.
                Err(_) if !in_one_moment => {
                    if attempts.wait_for_next().await {
                        continue;
                    }
                    return Err(StoreError::Busy);
                }
                // The same request may have applied it meanwhile, and it is that which now stands in its way.
                Err(refused) => {
                    let applied = self
                        .applied_change(pending.request, pending.index, deadline)
                        .await?;
                    return Ok(match applied {
                        Some(levels) => ChangeOutcome::AlreadyApplied(levels),
                        None => ChangeOutcome::Refused(refused),
                    });
                }
            };
            let plans = plans(pending.change, &before, &after, attempts.failed())?;
            let after: Vec<Level> = plans.iter().map(|planned| planned.after.total()).collect();
            let parts = self.parts(pending, &plans, &after)?;
            match try_once(&self.client, parts, &fresh_token()).await? {
                Tried::Decided(Written::All) => {
                    let uneven = plans.iter().filter_map(Planned::leaves_uneven);
                    self.rebalance
                        .even_out_in_passing(uneven.collect(), pending.at, deadline)
                        .await;
                    return Ok(ChangeOutcome::Applied(after));
                }
                Tried::Decided(Written::Refused(reasons)) => {
                    if let Some(Part::Failed(Some(item))) = reasons.into_iter().next() {
                        return Ok(ChangeOutcome::AlreadyApplied(
                            value::<ChangeRecord>(item)?.levels,
                        ));
                    }
                }
                Tried::Busy(_) => {}
            }
            // Someone else wrote a level first: it is read again and decided anew.
            if !attempts.wait_for_next().await {
                return Err(StoreError::Busy);
            }
        }
    }

    /// What the change led to, if it is applied: read at a moment at which nobody is about to.
    pub(super) async fn applied_change(
        &self,
        request: RequestId,
        index: usize,
        deadline: Deadline,
    ) -> Result<Option<Vec<Level>>, StoreError> {
        let (client, table) = (&self.client, self.levels.table());
        let key = vec![key_of(&keys::applied_change(request, index))];
        let found = get_together(client, table, key, WHILE_THERE_IS_TIME, deadline).await?;
        let record = found.ok_or(StoreError::Busy)?.into_iter().next();
        let record = record.map(value::<ChangeRecord>).transpose()?;
        Ok(record.map(|record| record.levels))
    }

    fn parts(
        &self,
        pending: PendingChange<'_>,
        plans: &[Planned],
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
        let mut parts = vec![TransactWriteItem::builder().put(put).build()];
        for Planned { key, plan, .. } in plans {
            parts.extend(planned_items(self.levels.table(), key, plan)?);
        }
        Ok(parts)
    }
}

/// How one level of a change is written.
struct Planned {
    key: LevelKey,
    plan: Plan,
    /// What it leads to, if nothing else is written meanwhile.
    after: SplitLevel,
}

impl Planned {
    /// Its level, if its buckets want evening out once it is written.
    fn leaves_uneven(&self) -> Option<&LevelKey> {
        matches!(self.plan, Plan::Parts(_)).then_some(&self.key)
    }
}

/// How the levels that were `before` become what `change` made `after` of each.
///
/// By the versions that were read: so what is answered is what was there then. A level that is split and sells faster than
/// all its buckets can be read and written is never as it was read; there a change that is the same whatever else happens
/// is added to the buckets after a few tries, and what is answered is what was read, with the change.
fn plans(
    change: &StockChange,
    before: &[SplitLevel],
    after: &[Level],
    attempts: u32,
) -> Result<Vec<Planned>, StoreError> {
    let mut plans = Vec::with_capacity(before.len());
    for (before, total) in before.iter().zip(after) {
        let Some(made) = &total.last_change else {
            continue;
        };
        let is_split = before.buckets().len() > 1;
        let plan = if is_split && change.is_relative() && attempts >= TRIES_BY_VERSION {
            before.plan(made)
        } else {
            Ok(Plan::Anew(before.anew(total, made)))
        };
        let planned = plan.and_then(|plan| {
            Ok(Planned {
                key: before.key(),
                after: before.after(&plan)?,
                plan,
            })
        });
        plans.push(planned.map_err(StoreError::failed("plan a change"))?);
    }
    Ok(plans)
}
