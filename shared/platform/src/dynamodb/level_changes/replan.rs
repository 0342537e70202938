//! Plans level writes again after a level refused its change, conflicted with another write, or needs too many items.

use std::cmp::Reverse;

use futures::stream::{self, StreamExt, TryStreamExt};
use stockline_domain::level::Level;
use stockline_domain::order::KeyedDelta;

use super::planned_write::PlannedWrite;
use super::{LevelChanges, LevelRefusal, MAX_ITEMS};
use crate::dynamodb::attributes::value;
use crate::dynamodb::transaction::ConditionCheck;
use stockline_application::deadline::Deadline;
use stockline_application::ports::stock_changes::LevelSnapshot;
use stockline_application::store_error::StoreError;

/// The maximum number of levels that are read or consolidated concurrently.
const MAX_CONCURRENT_LEVELS: usize = 16;

/// The levels that refuse their changes.
pub struct Refusals {
    /// The index of each refused change and the reason, by index. Not empty.
    pub levels: Vec<(usize, LevelRefusal)>,
    /// Whether the failed transaction itself returned one of the refusing levels. A level that was read after the transaction
    /// may be the result of a duplicate of this request; in that case a guard fails at the next attempt.
    pub is_certain: bool,
}

/// The result of planning the write of one level again.
enum ReplanResult {
    Planned(PlannedWrite),
    Refused {
        reason: LevelRefusal,
        /// Whether the failed transaction itself returned the level.
        is_certain: bool,
    },
    /// The buckets were not read as one snapshot, and what was read refuses the change. Another attempt decides.
    Inconclusive,
}

impl LevelChanges {
    /// Reads the levels whose conditions failed and plans their writes again. Returns the levels that refuse.
    ///
    /// `level_checks` are the condition checks of the items of all `writes`, in their order.
    pub(super) async fn replan(
        &self,
        changes: &[KeyedDelta],
        writes: &mut [PlannedWrite],
        level_checks: Vec<ConditionCheck>,
        deadline: Deadline,
    ) -> Result<Option<Refusals>, StoreError> {
        let mut level_checks = level_checks.into_iter();
        let mut replanning = Vec::new();
        for (index, (change, write)) in changes.iter().zip(&*writes).enumerate() {
            let checks: Vec<ConditionCheck> = level_checks.by_ref().take(write.len()).collect();
            if checks.iter().any(ConditionCheck::is_failed) {
                let starts_in_first_bucket = write.starts_in_first_bucket();
                replanning.push(async move {
                    let result = self
                        .replan_level(change, checks, starts_in_first_bucket, deadline)
                        .await?;
                    Ok::<_, StoreError>((index, result))
                });
            }
        }
        let results = stream::iter(replanning)
            .buffered(MAX_CONCURRENT_LEVELS)
            .try_collect()
            .await?;
        Ok(apply_results(results, writes))
    }

    /// Plans the write of a level again. `checks` are the condition checks of its items.
    async fn replan_level(
        &self,
        change: &KeyedDelta,
        checks: Vec<ConditionCheck>,
        starts_in_first_bucket: bool,
        deadline: Deadline,
    ) -> Result<ReplanResult, StoreError> {
        if starts_in_first_bucket && matches!(checks[..], [ConditionCheck::Failed(None)]) {
            return Ok(plan_missing_level(change, true));
        }
        let returned = checks.into_iter().find_map(|check| match check {
            ConditionCheck::Failed(Some(item)) => Some(value::<Level>(item)),
            _ => None,
        });
        let first = returned.transpose()?.filter(|level| level.bucket == 0);
        // The failed transaction returned all of a level that is not split, as it was at the refusal.
        let is_certain = first.as_ref().is_some_and(|level| level.split_over <= 1);
        let snapshot = match first {
            Some(first) => Some(self.levels.read_with_first(first, deadline).await?),
            None => self.levels.read(&change.key, deadline).await?,
        };
        Ok(plan_on_snapshot(change, snapshot, is_certain))
    }

    /// Consolidates levels, those with the most items first, until the writes and `guard_count` guards fit one transaction.
    /// Returns the levels that refuse their change.
    ///
    /// The writes may still not fit afterwards; the caller then calls this again.
    pub(super) async fn consolidate_to_fit(
        &self,
        guard_count: usize,
        changes: &[KeyedDelta],
        writes: &mut [PlannedWrite],
        deadline: Deadline,
    ) -> Result<Option<Refusals>, StoreError> {
        let mut item_count = guard_count + writes.iter().map(PlannedWrite::len).sum::<usize>();
        let mut reducible: Vec<(usize, &KeyedDelta, &PlannedWrite)> = changes
            .iter()
            .zip(&*writes)
            .enumerate()
            .map(|(index, (change, write))| (index, change, write))
            .filter(|(_, _, write)| write.consolidation().is_some())
            .collect();
        if reducible.is_empty() {
            return Err(StoreError::failed("change levels together")(format!(
                "the change needs {item_count} items, at most {MAX_ITEMS} fit one transaction"
            )));
        }
        reducible.sort_by_key(|(_, _, write)| Reverse(write.len()));
        let mut consolidations = Vec::new();
        for (index, change, write) in reducible {
            if item_count <= MAX_ITEMS {
                break;
            }
            item_count -= write.len() - 1;
            consolidations.push(async move {
                let result = self.consolidate_level(change, write, deadline).await?;
                Ok::<_, StoreError>((index, result))
            });
        }
        let results = stream::iter(consolidations)
            .buffered(MAX_CONCURRENT_LEVELS)
            .try_collect()
            .await?;
        Ok(apply_results(results, writes))
    }

    /// Consolidates one level. If that fails because of a concurrent write, reads the level and plans its write again.
    async fn consolidate_level(
        &self,
        change: &KeyedDelta,
        write: &PlannedWrite,
        deadline: Deadline,
    ) -> Result<ReplanResult, StoreError> {
        if let Some(consolidation) = write.consolidation()
            && self
                .rebalancer
                .consolidate(&change.key, consolidation)
                .await?
        {
            let write = PlannedWrite::after_consolidation(consolidation);
            return Ok(ReplanResult::Planned(write));
        }
        let snapshot = self.levels.read(&change.key, deadline).await?;
        Ok(plan_on_snapshot(change, snapshot, false))
    }

    /// Plans another random bucket for each split level that conflicted with another write. Returns whether a plan changed.
    ///
    /// `is_busy_item` has one entry per item of all `writes`, in their order, or none.
    pub(super) async fn switch_buckets(
        &self,
        changes: &[KeyedDelta],
        writes: &mut [PlannedWrite],
        is_busy_item: &[bool],
    ) -> Result<bool, StoreError> {
        let mut is_busy_item = is_busy_item.iter();
        let mut is_changed = false;
        for (change, write) in changes.iter().zip(writes) {
            let is_busy = is_busy_item.by_ref().take(write.len()).any(|busy| *busy);
            if !is_busy || !write.can_switch_bucket() {
                continue;
            }
            if self.levels.cached_buckets_in_use(&change.key).is_none() {
                self.levels.refresh_counts(&change.key).await?;
            }
            if matches!(self.levels.cached_buckets_in_use(&change.key), Some(2..)) {
                *write = self.initial_write(change);
                is_changed = true;
            }
        }
        Ok(is_changed)
    }
}

/// Plans the write of `change` to the level that was read. `is_certain` tells whether the failed transaction returned it.
fn plan_on_snapshot(
    change: &KeyedDelta,
    snapshot: Option<LevelSnapshot>,
    is_certain: bool,
) -> ReplanResult {
    let Some(LevelSnapshot {
        level,
        is_consistent,
    }) = snapshot
    else {
        return plan_missing_level(change, is_certain);
    };
    match level.plan(&change.change) {
        Ok(plan) => ReplanResult::Planned(PlannedWrite::from_plan(plan, &level, change)),
        Err(_) if !is_consistent => ReplanResult::Inconclusive,
        Err(_) => ReplanResult::Refused {
            reason: LevelRefusal::NotApplicable(Box::new(level.total())),
            is_certain,
        },
    }
}

/// Plans the write of `change` where no level exists: a change that adds stock creates the level.
fn plan_missing_level(change: &KeyedDelta, is_certain: bool) -> ReplanResult {
    match PlannedWrite::creating_level(change) {
        Ok(write) => ReplanResult::Planned(write),
        Err(_) => ReplanResult::Refused {
            reason: LevelRefusal::Missing,
            is_certain,
        },
    }
}

/// Puts the new plans into `writes`. Returns the levels that refuse.
fn apply_results(
    results: Vec<(usize, ReplanResult)>,
    writes: &mut [PlannedWrite],
) -> Option<Refusals> {
    let (mut levels, mut is_any_certain) = (Vec::new(), false);
    for (index, result) in results {
        match result {
            ReplanResult::Planned(write) => writes[index] = write,
            ReplanResult::Inconclusive => {}
            ReplanResult::Refused { reason, is_certain } => {
                levels.push((index, reason));
                is_any_certain |= is_certain;
            }
        }
    }
    levels.sort_by_key(|(index, _)| *index);
    (!levels.is_empty()).then_some(Refusals {
        levels,
        is_certain: is_any_certain,
    })
}
