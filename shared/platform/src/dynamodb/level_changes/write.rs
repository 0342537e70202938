//! How one change is to be written.

use aws_sdk_dynamodb::types::TransactWriteItem;
use stockline_domain::level::{Level, LevelError};
use stockline_domain::order::LevelChange;
use stockline_domain::split_level::{Gathering, Part, Plan, SplitLevel};

use crate::dynamodb::change_level::planned_items;
use stockline_application::store_error::StoreError;

/// What is written for one change.
pub struct Write {
    plan: Plan,
    /// What would make it one item, where it is more.
    gathering: Option<Gathering>,
    is_gathered: bool,
}

impl Write {
    /// All of `change`, in `bucket`.
    pub fn whole(change: &LevelChange, bucket: u8) -> Self {
        Self {
            plan: Plan::Parts(vec![Part::whole(&change.change, bucket)]),
            gathering: None,
            is_gathered: false,
        }
    }

    /// What `plan`, which is of `change` at `level`, writes.
    pub fn planned(plan: Plan, level: &SplitLevel, change: &LevelChange) -> Self {
        let change = &change.change;
        Self {
            plan,
            gathering: level.gathering(change, change.recorded_at),
            is_gathered: false,
        }
    }

    /// All of `change`, which makes the level.
    ///
    /// # Errors
    /// [`LevelError`] when it needs what is not there yet.
    pub fn making_the_level(change: &LevelChange) -> Result<Self, LevelError> {
        let nothing = SplitLevel::new(Level::empty(&change.key), &[]);
        let after = nothing.total().after(change.change.clone())?;
        let plan = Plan::Anew(nothing.anew(&after, &change.change));
        Ok(Self::planned(plan, &nothing, change))
    }

    /// What is written once `gathering` has come about.
    pub fn gathered(gathering: &Gathering) -> Self {
        Self {
            plan: gathering.then.clone(),
            gathering: None,
            is_gathered: true,
        }
    }

    /// How many items it writes.
    pub fn len(&self) -> usize {
        match &self.plan {
            Plan::Parts(parts) => parts.len(),
            Plan::Anew(levels) => levels.len(),
        }
    }

    /// What would make it one item, where it is more.
    pub fn gathering(&self) -> Option<&Gathering> {
        self.gathering.as_ref()
    }

    /// Whether it is all of the change, in one bucket that was taken on trust: any other would do as well.
    pub fn may_step_aside(&self) -> bool {
        matches!(&self.plan, Plan::Parts(parts) if parts.len() == 1) && !self.is_gathered
    }

    /// Whether it leaves buckets that want evening out.
    pub fn leaves_uneven(&self) -> bool {
        match &self.plan {
            Plan::Parts(parts) => parts.len() > 1,
            Plan::Anew(_) => self.is_gathered,
        }
    }

    /// Whether it begins with a part for the first bucket, which is there if the level is.
    pub fn begins_in_first(&self) -> bool {
        matches!(&self.plan, Plan::Parts(parts) if parts[0].bucket == 0)
    }

    /// The items it writes of `change` in `table`.
    pub fn items(
        &self,
        table: &str,
        change: &LevelChange,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        planned_items(table, &change.key, &self.plan)
    }
}
