//! Requests to change stock: each applied change leaves a record in the transaction that changes its levels.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    Put, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem,
};
use serde::{Deserialize, Serialize};
use stockline_domain::ids::RequestId;
use stockline_domain::level::Level;
use stockline_domain::split_level::SplitLevel;

use super::DynamoStock;
use super::levels::replace_level;
use crate::deadline::Deadline;
use crate::dynamodb::attributes::{item, key_of, string, value};
use crate::dynamodb::transaction::{Part, Written, sort, write};
use crate::fingerprint::Fingerprint;
use crate::keys;
use crate::ports::stock::{Applied, MissingLevel, Opened, PendingChange};
use crate::store_error::StoreError;

/// A request as it is stored: whether it is the same is all that is asked of it.
#[derive(Debug, Serialize, Deserialize)]
struct RequestRecord {
    fingerprint: String,
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
    ) -> Result<Opened, StoreError> {
        let record = RequestRecord {
            fingerprint: request.as_str().to_owned(),
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
            return Ok(Opened::New);
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
    ) -> Result<Option<Opened>, StoreError> {
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
    ) -> Result<Opened, StoreError> {
        if existing.fingerprint != request.as_str() {
            return Ok(Opened::KeyReused);
        }
        Ok(Opened::Before(self.applied_changes(id).await?))
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
    ) -> Result<Applied, StoreError> {
        let wanted = pending.change.keys();
        let mut tries = deadline.tries();
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
                return Ok(Applied::Missing(missing));
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
                Some(time) => self.moved_after(&before[0], time, deadline).await?,
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
                    if tries.another().await {
                        continue;
                    }
                    return Err(StoreError::Busy);
                }
                // The same request may have applied it meanwhile, and it is that which now stands in its way.
                Err(refused) => {
                    return Ok(
                        match self.applied_change(pending.request, pending.index).await? {
                            Some(levels) => Applied::Before(levels),
                            None => Applied::Refused(refused),
                        },
                    );
                }
            };
            let writes: Vec<Vec<(Level, Level)>> = before
                .iter()
                .zip(&after)
                .filter_map(|(before, after)| Some((before, after, after.last_change.as_ref()?)))
                .map(|(before, after, change)| before.anew(after, change))
                .collect();
            let after: Vec<Level> = writes
                .iter()
                .filter_map(|buckets| {
                    let mut after = buckets.iter().map(|(_, after)| after.clone());
                    let first = after.next()?;
                    Some(SplitLevel::new(first, &after.collect::<Vec<_>>()).total())
                })
                .collect();
            let parts = self.parts(pending, &writes, &after)?;
            match write(&self.client, parts, deadline).await? {
                Written::All => return Ok(Applied::Now(after)),
                Written::Refused(reasons) => {
                    if let Some(Part::Failed(Some(item))) = reasons.into_iter().next() {
                        return Ok(Applied::Before(value::<ChangeRecord>(item)?.levels));
                    }
                }
            }
            // Someone else wrote a level first: read it again and decide anew.
            if !tries.another().await {
                return Err(StoreError::Busy);
            }
        }
    }

    pub(super) async fn applied_change(
        &self,
        request: RequestId,
        index: usize,
    ) -> Result<Option<Vec<Level>>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(self.levels.table())
            .set_key(Some(key_of(&keys::applied_change(request, index))))
            .consistent_read(true)
            .send()
            .await
            .map_err(sort("read a change"))?;
        Ok(found
            .item
            .map(value::<ChangeRecord>)
            .transpose()?
            .map(|record| record.levels))
    }

    fn parts(
        &self,
        pending: PendingChange<'_>,
        writes: &[Vec<(Level, Level)>],
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
        for (before, after) in writes.iter().flatten() {
            parts.push(replace_level(self.levels.table(), before, after)?);
        }
        Ok(parts)
    }
}
