//! How one change is to be written.

use aws_sdk_dynamodb::types::TransactWriteItem;
use stockline_domain::level::Level;
use stockline_domain::order::LevelChange;
use stockline_domain::split_level::{Gathering, Part, Plan, SplitLevel};

use crate::dynamodb::change_level::change_level;
use crate::dynamodb::stock::replace_level;
use crate::store_error::StoreError;

/// What is written for one change.
pub enum Write {
    /// These parts of it, and what would make them one where they are more.
    Parts(Vec<Part>, Option<Gathering>),
    /// Every bucket of its level.
    Anew(Vec<(Level, Level)>),
}

impl Write {
    /// All of `change`, in `bucket`.
    pub fn whole(change: &LevelChange, bucket: u8) -> Self {
        Self::Parts(vec![Part::whole(&change.change, bucket)], None)
    }

    /// What `plan`, which is of `change` at `level`, writes.
    pub fn planned(plan: Plan, level: &SplitLevel, change: &LevelChange) -> Self {
        match plan {
            Plan::Parts(parts) => {
                let change = &change.change;
                Self::Parts(parts, level.gathering(change, change.recorded_at))
            }
            Plan::Anew(levels) => Self::Anew(levels),
        }
    }

    /// How many items it writes.
    pub fn len(&self) -> usize {
        match self {
            Self::Parts(parts, _) => parts.len(),
            Self::Anew(levels) => levels.len(),
        }
    }

    /// Whether several buckets take a part of the change each.
    pub fn is_apart(&self) -> bool {
        matches!(self, Self::Parts(parts, _) if parts.len() > 1)
    }

    /// The items it writes of `change` in `table`.
    pub fn items(
        &self,
        table: &str,
        change: &LevelChange,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        match self {
            Self::Parts(parts, _) => parts
                .iter()
                .map(|part| change_level(table, &change.key, part))
                .collect(),
            Self::Anew(levels) => levels
                .iter()
                .map(|(before, after)| {
                    let before = (before.version > 0).then_some(before);
                    replace_level(table, before, after)
                })
                .collect(),
        }
    }
}
