//! Writes stock changes. Each writes its levels and a record of itself in one transaction, or a record of its refusal; a replay
//! reads that record.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    Put, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stockline_domain::ids::ReplenishmentOrderId;
use stockline_domain::level::{Level, LevelKey, Movement};
use stockline_domain::replenishment::ReplenishmentOrder;
use stockline_domain::split_level::WritePlan;
use stockline_domain::stock_change::ChangeRefused;

use super::DynamoStock;
use crate::dynamodb::attributes::{item, value};
use crate::dynamodb::change_level::plan_items;
use crate::dynamodb::single_write::retry_while_busy;
use crate::dynamodb::transaction::{
    AttemptResult, ConditionCheck, TransactionResult, attempt_transaction, classify_error,
    new_client_token,
};
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::level_creation::NotStockable;
use stockline_application::ports::replenishment::ReplenishmentStore;
use stockline_application::ports::stock_changes::{
    ChangeResult, ChangeWriteOutcome, LevelSnapshot, PendingChange, PlannedChange, PlannedWrite,
    StockChangeStore,
};
use stockline_application::store_error::StoreError;

const RECORD_REFUSAL: &str = "record a refused change";

/// The item of a settled change: the levels after it, or why it is refused.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ChangeRecord {
    pub index: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    levels: Vec<Level>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<ChangeRefused>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_stockable: Option<NotStockable>,
}

impl ChangeRecord {
    fn new(index: usize, result: ChangeResult) -> Self {
        let (mut levels, mut refused, mut not_stockable) = (Vec::new(), None, None);
        match result {
            ChangeResult::Applied(after) => levels = after,
            ChangeResult::Refused(reason) => refused = Some(reason),
            ChangeResult::NotStockable(reason) => not_stockable = Some(reason),
        }
        Self {
            index,
            levels,
            refused,
            not_stockable,
        }
    }

    pub fn into_result(self) -> ChangeResult {
        match (self.refused, self.not_stockable) {
            (Some(refused), _) => ChangeResult::Refused(refused),
            (None, Some(reason)) => ChangeResult::NotStockable(reason),
            (None, None) => ChangeResult::Applied(self.levels),
        }
    }
}

impl StockChangeStore for DynamoStock {
    async fn read_snapshot(
        &self,
        key: &LevelKey,
        deadline: Deadline,
    ) -> Result<Option<LevelSnapshot>, StoreError> {
        self.levels.read(key, deadline).await
    }

    async fn movements_back_to(
        &self,
        bucket: &Level,
        time: Timestamp,
    ) -> Result<Vec<Movement>, StoreError> {
        self.read_movements_back_to(bucket, time).await
    }

    async fn read_replenishment_order(
        &self,
        id: ReplenishmentOrderId,
    ) -> Result<Option<ReplenishmentOrder>, StoreError> {
        self.find_order(id).await
    }

    /// After a write of deltas the split levels are rebalanced, as far as `deadline` allows.
    async fn write_change(
        &self,
        pending: PendingChange<'_>,
        planned: &PlannedChange,
        deadline: Deadline,
    ) -> Result<ChangeWriteOutcome, StoreError> {
        let items = self.transact_items(pending, planned)?;
        match attempt_transaction(&self.client, items, &new_client_token()).await? {
            AttemptResult::Decided(TransactionResult::Committed) => {
                let is_uneven = |write: &&PlannedWrite| matches!(write.plan, WritePlan::Deltas(_));
                let uneven = planned.writes.iter().filter(is_uneven);
                let uneven = uneven.map(|write| &write.key);
                self.rebalancer
                    .rebalance_after_write(uneven.collect(), pending.at, deadline)
                    .await;
                Ok(ChangeWriteOutcome::Written)
            }
            AttemptResult::Decided(TransactionResult::ConditionFailed(checks)) => {
                // The first item is the record of the change.
                match checks.into_iter().next() {
                    Some(ConditionCheck::Failed(Some(item))) => {
                        let record: ChangeRecord = value(item)?;
                        Ok(ChangeWriteOutcome::AlreadySettled(record.into_result()))
                    }
                    _ => Ok(ChangeWriteOutcome::Conflict),
                }
            }
            AttemptResult::Busy(_) => Ok(ChangeWriteOutcome::Conflict),
        }
    }

    /// A write conflicts with a transaction in progress on the same item, so it waits for a duplicate that is applying the
    /// change.
    async fn record_refusal(
        &self,
        pending: PendingChange<'_>,
        refusal: &ChangeResult,
        deadline: Deadline,
    ) -> Result<Option<ChangeResult>, StoreError> {
        let key = keys::settled_change(pending.request, pending.index);
        let record = item(&key, &ChangeRecord::new(pending.index, refusal.clone()))?;
        let result = retry_while_busy(deadline, || {
            self.client
                .put_item()
                .table_name(self.levels.table())
                .set_item(Some(record.clone()))
                .condition_expression("attribute_not_exists(pk)")
                .return_values_on_condition_check_failure(OnFailure::AllOld)
                .send()
        })
        .await;
        let Err(error) = result else {
            return Ok(None);
        };
        let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error()
        else {
            return Err(classify_error(RECORD_REFUSAL)(error));
        };
        let Some(existing) = failed.item.clone() else {
            return Err(StoreError::failed(RECORD_REFUSAL)(
                "the failed condition returned no existing record",
            ));
        };
        Ok(Some(value::<ChangeRecord>(existing)?.into_result()))
    }
}

impl DynamoStock {
    /// Returns the record of the change, the writes of its levels and that of its replenishment order as transaction items.
    fn transact_items(
        &self,
        pending: PendingChange<'_>,
        planned: &PlannedChange,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let result = ChangeResult::Applied(planned.totals_after());
        let record = ChangeRecord::new(pending.index, result);
        let put = Put::builder()
            .table_name(self.levels.table())
            .set_item(Some(item(
                &keys::settled_change(pending.request, pending.index),
                &record,
            )?))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .map_err(StoreError::failed("write a change"))?;
        let mut items = vec![TransactWriteItem::builder().put(put).build()];
        for PlannedWrite { key, plan, .. } in &planned.writes {
            items.extend(plan_items(self.levels.table(), key, plan)?);
        }
        if let Some((before, after)) = &planned.order {
            items.extend(self.order_items(before, after)?);
        }
        Ok(items)
    }
}
