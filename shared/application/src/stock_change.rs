//! Applies one requested stock change exactly once: reads its levels, decides, writes, and decides again after a conflict.

use std::time::Duration;

use stockline_domain::level::{Level, LevelKey};
use stockline_domain::replenishment::ReplenishmentOrder;
use stockline_domain::split_level::{SplitLevel, WritePlan};
use stockline_domain::stock_change::{
    ChangeContext, ChangeRefused, MovementObservations, RequestedChange, on_hand_delta_since,
};

use crate::deadline::Deadline;
use crate::level_creation::{NotStockable, find_not_stockable};
use crate::ports::stock::StockableCatalog;
use crate::ports::stock_changes::{
    ChangeResult, ChangeWriteOutcome, PendingChange, PlannedChange, PlannedWrite, StockChangeStore,
};
use crate::store_error::StoreError;

/// The delay between the reads of a count that waits for missing movements. It is short so that the reads observe each movement
/// of a level that keeps selling; then only movements before the first read have to arrive from the stream.
const MOVEMENT_POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The number of reads at [`MOVEMENT_POLL_INTERVAL`], before the delay grows with each read.
const MAX_FIXED_INTERVAL_POLLS: u32 = 400;

/// The attempts to write a split level on the condition that its versions are unchanged, before deltas are added instead.
const MAX_VERSIONED_ATTEMPTS: u32 = 3;

/// The outcome of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// The change is applied. These are the resulting levels.
    Applied(Vec<Level>),
    /// The change was applied before. These are the resulting levels of that time.
    AlreadyApplied(Vec<Level>),
    /// The change was refused before, for this reason.
    AlreadyRefused(ChangeRefused),
    /// The change was refused before, because of a level that did not exist.
    AlreadyNotStockable(NotStockable),
    /// Nothing changed: a rule of the level forbids it.
    Refused(ChangeRefused),
    /// Nothing changed: a level does not exist and must not be created.
    NotStockable(NotStockable),
}

impl ChangeOutcome {
    /// The outcome of the request that settled the change with `result`.
    fn settled(result: ChangeResult) -> Self {
        match result {
            ChangeResult::Applied(levels) => Self::Applied(levels),
            ChangeResult::Refused(refused) => Self::Refused(refused),
            ChangeResult::NotStockable(reason) => Self::NotStockable(reason),
        }
    }

    /// The outcome of a request that found the recorded `result`.
    fn replayed(result: ChangeResult) -> Self {
        match result {
            ChangeResult::Applied(levels) => Self::AlreadyApplied(levels),
            ChangeResult::Refused(refused) => Self::AlreadyRefused(refused),
            ChangeResult::NotStockable(reason) => Self::AlreadyNotStockable(reason),
        }
    }

    /// Returns the result of the change, and whether it was recorded before.
    pub fn into_result(self) -> (ChangeResult, bool) {
        match self {
            Self::Applied(levels) => (ChangeResult::Applied(levels), false),
            Self::AlreadyApplied(levels) => (ChangeResult::Applied(levels), true),
            Self::Refused(refused) => (ChangeResult::Refused(refused), false),
            Self::AlreadyRefused(refused) => (ChangeResult::Refused(refused), true),
            Self::NotStockable(reason) => (ChangeResult::NotStockable(reason), false),
            Self::AlreadyNotStockable(reason) => (ChangeResult::NotStockable(reason), true),
        }
    }
}

/// Applies one change to all its levels or to none, or refuses it. Repeated calls return the recorded result. A level that does
/// not exist is created if the catalog has its product and location.
///
/// # Errors
/// [`StoreError::Busy`] if other writes kept changing the levels, or the movements that a count depends on were not recorded,
/// until `deadline`.
pub async fn apply_change<Changes: StockChangeStore, Catalog: StockableCatalog>(
    store: &Changes,
    catalog: &Catalog,
    pending: PendingChange<'_>,
    deadline: Deadline,
) -> Result<ChangeOutcome, StoreError> {
    let mut applier = ChangeApplier {
        store,
        catalog,
        pending,
        deadline,
        may_create_levels: false,
        observed: MovementObservations::default(),
    };
    let mut attempts = deadline.attempts();
    let mut polls = 0;
    loop {
        let has_time = match applier.attempt(attempts.failed()).await? {
            Attempt::Settled(outcome) => return Ok(outcome),
            Attempt::Outdated => attempts.wait_for_next().await,
            Attempt::MovementsMissing => {
                polls += 1;
                wait_for_movements(polls, deadline).await
            }
        };
        if !has_time {
            return Err(StoreError::Busy);
        }
    }
}

/// Records `refusal` as the result of the change, unless a duplicate of the request has applied or refused it since, and so
/// perhaps caused the refusal.
///
/// # Errors
/// [`StoreError::Busy`] if a duplicate kept applying the change until `deadline`.
pub async fn refuse_change<Changes: StockChangeStore>(
    store: &Changes,
    pending: PendingChange<'_>,
    refusal: ChangeResult,
    deadline: Deadline,
) -> Result<ChangeOutcome, StoreError> {
    let recorded = store.record_refusal(pending, &refusal, deadline).await?;
    Ok(match recorded {
        Some(result) => ChangeOutcome::replayed(result),
        None => ChangeOutcome::settled(refusal),
    })
}

/// Pauses after the read number `polls` that missed movements. Returns false if the deadline leaves no time for another.
async fn wait_for_movements(polls: u32, deadline: Deadline) -> bool {
    if polls < MAX_FIXED_INTERVAL_POLLS {
        deadline.pause(MOVEMENT_POLL_INTERVAL).await
    } else {
        deadline.back_off(polls).await
    }
}

/// The result of one attempt to apply a change.
enum Attempt {
    /// The change is applied or refused.
    Settled(ChangeOutcome),
    /// Nothing changed: the levels or the replenishment order were written during the attempt.
    Outdated,
    /// Nothing changed: the ledger lacks movements that the change depends on.
    MovementsMissing,
}

/// The levels of a change, in the order of [`RequestedChange::keys`].
struct Levels {
    before: Vec<SplitLevel>,
    totals: Vec<Level>,
    /// The levels that do not exist. They are empty in `before`.
    missing: Vec<LevelKey>,
    /// Whether each level was read as one snapshot.
    are_consistent: bool,
}

/// One change, and what its attempts have learned so far.
struct ChangeApplier<'a, Changes, Catalog> {
    store: &'a Changes,
    catalog: &'a Catalog,
    pending: PendingChange<'a>,
    deadline: Deadline,
    /// Whether the catalog is known to have the products and locations of the levels that do not exist.
    may_create_levels: bool,
    /// The movements seen on the levels, which the ledger may not have yet.
    observed: MovementObservations,
}

impl<Changes: StockChangeStore, Catalog: StockableCatalog> ChangeApplier<'_, Changes, Catalog> {
    /// Reads, decides and writes once. Every attempt starts from a new read.
    async fn attempt(&mut self, failed_attempts: u32) -> Result<Attempt, StoreError> {
        let PendingChange {
            request,
            index,
            change,
            at,
        } = self.pending;
        let levels = self.read_levels().await?;
        if let Some(reason) = self.find_not_stockable(&levels.missing).await? {
            let refusal = ChangeResult::NotStockable(reason);
            return self.refuse(refusal).await.map(Attempt::Settled);
        }
        let Some(moved_since) = self.on_hand_delta(&levels).await? else {
            return Ok(Attempt::MovementsMissing);
        };
        let order = self.read_named_order().await?;
        let context = ChangeContext {
            request,
            index,
            now: at,
            moved_since,
            replenishment_order: order.as_ref(),
        };
        let settled = match change.apply(&levels.totals, &context) {
            Ok(settled) => settled,
            // Stock that moved between buckets during the read may be missing or counted twice. Whether the order takes the
            // receipt depends on no level.
            Err(refused)
                if !levels.are_consistent
                    && !matches!(refused, ChangeRefused::ReplenishmentOrder(_)) =>
            {
                return Ok(Attempt::Outdated);
            }
            Err(refused) => {
                let refusal = ChangeResult::Refused(refused);
                return self.refuse(refusal).await.map(Attempt::Settled);
            }
        };
        let planned = PlannedChange {
            writes: plan_writes(change, &levels.before, &settled.levels, failed_attempts)?,
            order: settled.order,
        };
        let written = self
            .store
            .write_change(self.pending, &planned, self.deadline)
            .await?;
        Ok(match written {
            ChangeWriteOutcome::Written => {
                Attempt::Settled(ChangeOutcome::Applied(planned.totals_after()))
            }
            ChangeWriteOutcome::AlreadySettled(result) => {
                Attempt::Settled(ChangeOutcome::replayed(result))
            }
            ChangeWriteOutcome::Conflict => Attempt::Outdated,
        })
    }

    async fn read_levels(&self) -> Result<Levels, StoreError> {
        let (mut before, mut missing, mut are_consistent) = (Vec::new(), Vec::new(), true);
        for key in self.pending.change.keys() {
            if let Some(snapshot) = self.store.read_snapshot(&key, self.deadline).await? {
                are_consistent &= snapshot.is_consistent;
                before.push(snapshot.level);
            } else {
                before.push(SplitLevel::new(Level::empty(&key), &[]));
                missing.push(key);
            }
        }
        Ok(Levels {
            totals: before.iter().map(SplitLevel::total).collect(),
            before,
            missing,
            are_consistent,
        })
    }

    /// Why a level of `missing` must not be created. The catalog is read by the first attempt that finds a missing level.
    async fn find_not_stockable(
        &mut self,
        missing: &[LevelKey],
    ) -> Result<Option<NotStockable>, StoreError> {
        if missing.is_empty() || self.may_create_levels {
            return Ok(None);
        }
        let reason = find_not_stockable(self.catalog, missing).await?;
        self.may_create_levels = reason.is_none();
        Ok(reason)
    }

    /// By how much `on_hand` changed since the time that the change depends on; 0 if it depends on none. Returns `None` while
    /// movements are missing.
    async fn on_hand_delta(&mut self, levels: &Levels) -> Result<Option<i64>, StoreError> {
        let change = self.pending.change;
        // Only a count depends on movements, and it has one level.
        let Some(time) = change.depends_on_movements_since(&levels.totals[0]) else {
            return Ok(Some(0));
        };
        let level = &levels.before[0];
        self.observed.add(level);
        let mut total_delta = 0;
        for bucket in level.buckets() {
            let recorded = self.store.movements_back_to(bucket, time).await?;
            let movements = self.observed.extend_ledger(bucket.bucket, recorded);
            match on_hand_delta_since(bucket, &movements, time) {
                Some(delta) => total_delta += delta,
                None => return Ok(None),
            }
        }
        Ok(Some(total_delta))
    }

    /// The replenishment order that the change names. `None` if it names none, or one that does not exist.
    async fn read_named_order(&self) -> Result<Option<ReplenishmentOrder>, StoreError> {
        match self.pending.change.replenishment_order_id() {
            Some(id) => self.store.read_replenishment_order(id).await,
            None => Ok(None),
        }
    }

    async fn refuse(&self, refusal: ChangeResult) -> Result<ChangeOutcome, StoreError> {
        refuse_change(self.store, self.pending, refusal, self.deadline).await
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
    failed_attempts: u32,
) -> Result<Vec<PlannedWrite>, StoreError> {
    let mut writes = Vec::with_capacity(before.len());
    for (before, total) in before.iter().zip(after) {
        let Some(delta) = &total.last_change else {
            continue;
        };
        let is_split = before.buckets().len() > 1;
        let plan = if is_split && change.is_relative() && failed_attempts >= MAX_VERSIONED_ATTEMPTS
        {
            before.plan(delta)
        } else {
            Ok(WritePlan::Rewrite(before.rewrite(total, delta)))
        };
        let write = plan.and_then(|plan| {
            Ok(PlannedWrite {
                key: before.key(),
                after: before.after(&plan)?,
                plan,
            })
        });
        writes.push(write.map_err(StoreError::failed("plan a change"))?);
    }
    Ok(writes)
}
