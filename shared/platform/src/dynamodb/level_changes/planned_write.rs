//! The planned write of one level change.

use aws_sdk_dynamodb::types::TransactWriteItem;
use stockline_domain::level::{Level, LevelError};
use stockline_domain::order::KeyedDelta;
use stockline_domain::split_level::{BucketDelta, Consolidation, SplitLevel, WritePlan};

use crate::dynamodb::change_level::plan_items;
use stockline_application::store_error::StoreError;

/// How one level change is written.
pub struct PlannedWrite {
    plan: WritePlan,
    /// How to reduce the plan to one item. None if it has one item, or cannot be reduced.
    consolidation: Option<Consolidation>,
    is_consolidated: bool,
}

impl PlannedWrite {
    /// Plans to write all of `change` to `bucket`, without knowing the level.
    pub fn to_one_bucket(change: &KeyedDelta, bucket: u8) -> Self {
        Self {
            plan: WritePlan::Deltas(vec![BucketDelta::whole(&change.change, bucket)]),
            consolidation: None,
            is_consolidated: false,
        }
    }

    /// Wraps `plan`, which applies `change` to `level`.
    pub fn from_plan(plan: WritePlan, level: &SplitLevel, change: &KeyedDelta) -> Self {
        let change = &change.change;
        Self {
            plan,
            consolidation: level.consolidation(change, change.recorded_at),
            is_consolidated: false,
        }
    }

    /// Plans to create the level with `change` as its first change.
    ///
    /// # Errors
    /// [`LevelError`] if an empty level refuses the change.
    pub fn creating_level(change: &KeyedDelta) -> Result<Self, LevelError> {
        let empty = SplitLevel::new(Level::empty(&change.key), &[]);
        let after = empty.total().after(change.change.clone())?;
        let plan = WritePlan::Rewrite(empty.rewrite(&after, &change.change));
        Ok(Self::from_plan(plan, &empty, change))
    }

    /// Plans the write of a change whose stock `consolidation` has moved to one bucket.
    pub fn after_consolidation(consolidation: &Consolidation) -> Self {
        Self {
            plan: consolidation.write.clone(),
            consolidation: None,
            is_consolidated: true,
        }
    }

    /// Returns the number of transaction items.
    pub fn len(&self) -> usize {
        match &self.plan {
            WritePlan::Deltas(parts) => parts.len(),
            WritePlan::Rewrite(levels) => levels.len(),
        }
    }

    /// Returns how to reduce the plan to one item. None if it has one item, or cannot be reduced.
    pub fn consolidation(&self) -> Option<&Consolidation> {
        self.consolidation.as_ref()
    }

    /// Returns whether another bucket would do as well: the change goes to one bucket, and no stock was moved there for it.
    pub fn can_switch_bucket(&self) -> bool {
        matches!(&self.plan, WritePlan::Deltas(parts) if parts.len() == 1) && !self.is_consolidated
    }

    /// Returns whether the level needs rebalancing after this write.
    pub fn leaves_uneven(&self) -> bool {
        match &self.plan {
            WritePlan::Deltas(parts) => parts.len() > 1,
            WritePlan::Rewrite(_) => self.is_consolidated,
        }
    }

    /// Returns whether the first item is a delta to bucket 0, which exists if the level does.
    pub fn starts_in_first_bucket(&self) -> bool {
        matches!(&self.plan, WritePlan::Deltas(parts) if parts[0].bucket == 0)
    }

    /// Returns the transaction items that write `change` to `table`.
    pub fn transact_items(
        &self,
        table: &str,
        change: &KeyedDelta,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        plan_items(table, &change.key, &self.plan)
    }
}
