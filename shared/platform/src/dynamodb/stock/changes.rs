//! Writes stock changes. Each writes its levels and a record of itself in one transaction; a replay reads that record.

use aws_sdk_dynamodb::types::{
    Put, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stockline_domain::ids::{ReplenishmentOrderId, RequestId};
use stockline_domain::level::{Level, LevelKey, Movement};
use stockline_domain::replenishment::ReplenishmentOrder;
use stockline_domain::split_level::WritePlan;

use super::DynamoStock;
use crate::dynamodb::attributes::{item, key_of, value};
use crate::dynamodb::change_level::plan_items;
use crate::dynamodb::transact_get::{UNTIL_DEADLINE, transact_get};
use crate::dynamodb::transaction::{
    AttemptResult, ConditionCheck, TransactionResult, attempt_transaction, new_client_token,
};
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::ports::replenishment::ReplenishmentStore;
use stockline_application::ports::stock_changes::{
    ChangeWriteOutcome, LevelSnapshot, PendingChange, PlannedChange, PlannedWrite, StockChangeStore,
};
use stockline_application::store_error::StoreError;

/// The item of an applied change. Holds the levels after the change, which a replay returns.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ChangeRecord {
    pub index: usize,
    pub levels: Vec<Level>,
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
                        Ok(ChangeWriteOutcome::AlreadyApplied(record.levels))
                    }
                    _ => Ok(ChangeWriteOutcome::Conflict),
                }
            }
            AttemptResult::Busy(_) => Ok(ChangeWriteOutcome::Conflict),
        }
    }

    /// A transactional read conflicts with a transaction in progress, so it waits for a duplicate that is applying the change.
    async fn find_applied(
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
}

impl DynamoStock {
    /// Returns the record of the change, the writes of its levels and that of its replenishment order as transaction items.
    fn transact_items(
        &self,
        pending: PendingChange<'_>,
        planned: &PlannedChange,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let record = ChangeRecord {
            index: pending.index,
            levels: planned.totals_after(),
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
        for PlannedWrite { key, plan, .. } in &planned.writes {
            items.extend(plan_items(self.levels.table(), key, plan)?);
        }
        if let Some((before, after)) = &planned.order {
            items.extend(self.order_items(before, after)?);
        }
        Ok(items)
    }
}
