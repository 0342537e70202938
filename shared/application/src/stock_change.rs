//! Applies one requested stock change exactly once: reads its levels, decides, writes, and decides again after a conflict.

use std::time::Duration;

use stockline_domain::level::{Level, LevelKey};
use stockline_domain::replenishment::ReplenishmentOrder;
use stockline_domain::split_level::{SplitLevel, WritePlan};
use stockline_domain::stock_change::{
    ChangeRefused, MovementObservations, RequestedChange, SettledChange, settle_change,
};

use crate::deadline::Deadline;
use crate::ports::stock::MissingLevel;
use crate::ports::stock_changes::{
    ChangeWriteOutcome, PendingChange, PlannedChange, PlannedWrite, StockChangeStore,
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
    /// Nothing changed: a rule of the level forbids it.
    Refused(ChangeRefused),
    /// Nothing changed: these levels do not exist.
    MissingLevels(Vec<LevelKey>),
}

/// Applies one change to all its levels or to none. Repeated calls apply it once.
///
/// # Errors
/// [`StoreError::Busy`] if other writes kept changing the levels, or the movements that a count depends on were not recorded,
/// until `deadline`.
pub async fn apply_change<Changes: StockChangeStore>(
    store: &Changes,
    pending: PendingChange<'_>,
    deadline: Deadline,
) -> Result<ChangeOutcome, StoreError> {
    let change = pending.change;
    let mut attempts = deadline.attempts();
    let mut movements = MovementReads::new(deadline);
    loop {
        let levels = match read_levels(store, pending, deadline).await? {
            LevelsRead::Found(levels) => levels,
            LevelsRead::Missing(keys) => return Ok(ChangeOutcome::MissingLevels(keys)),
        };
        let Some(on_hand_delta) = movements.on_hand_delta(store, change, &levels).await? else {
            if movements.wait_for_next().await {
                continue;
            }
            return Err(StoreError::Busy);
        };
        let PendingChange {
            request, index, at, ..
        } = pending;
        let order = read_named_order(store, change).await?;
        let changed = change.apply(&levels.totals, on_hand_delta, request, index, at);
        match changed.and_then(|after| settle_change(change, order.as_ref(), after, at)) {
            Ok(SettledChange {
                levels: after,
                order,
            }) => {
                let planned = PlannedChange {
                    writes: plan_writes(change, &levels.before, &after, attempts.failed())?,
                    order,
                };
                match store.write_change(pending, &planned, deadline).await? {
                    ChangeWriteOutcome::Written => {
                        return Ok(ChangeOutcome::Applied(planned.totals_after()));
                    }
                    ChangeWriteOutcome::AlreadyApplied(levels) => {
                        return Ok(ChangeOutcome::AlreadyApplied(levels));
                    }
                    ChangeWriteOutcome::Conflict => {}
                }
            }
            // Stock that moved between buckets during the read may be missing or counted twice.
            Err(_) if !levels.are_consistent => {}
            // A duplicate of the request may have applied the change since, and caused the refusal.
            Err(refused) => {
                let applied = store.find_applied(request, index, deadline).await?;
                return Ok(applied.map_or(
                    ChangeOutcome::Refused(refused),
                    ChangeOutcome::AlreadyApplied,
                ));
            }
        }
        // The next attempt reads the levels again.
        if !attempts.wait_for_next().await {
            return Err(StoreError::Busy);
        }
    }
}

/// The levels of a change, in the order of [`RequestedChange::keys`].
struct Levels {
    before: Vec<SplitLevel>,
    totals: Vec<Level>,
    /// Whether each level was read as one snapshot.
    are_consistent: bool,
}

enum LevelsRead {
    Found(Levels),
    /// These levels do not exist and are not to be created.
    Missing(Vec<LevelKey>),
}

async fn read_levels<Changes: StockChangeStore>(
    store: &Changes,
    pending: PendingChange<'_>,
    deadline: Deadline,
) -> Result<LevelsRead, StoreError> {
    let (mut before, mut missing, mut are_consistent) = (Vec::new(), Vec::new(), true);
    for key in pending.change.keys() {
        if let Some(snapshot) = store.read_snapshot(&key, deadline).await? {
            are_consistent &= snapshot.is_consistent;
            before.push(snapshot.level);
        } else {
            before.push(SplitLevel::new(Level::empty(&key), &[]));
            missing.push(key);
        }
    }
    if pending.missing == MissingLevel::Report && !missing.is_empty() {
        return Ok(LevelsRead::Missing(missing));
    }
    Ok(LevelsRead::Found(Levels {
        totals: before.iter().map(SplitLevel::total).collect(),
        before,
        are_consistent,
    }))
}

/// Returns the replenishment order that `change` names. `None` if it names none, or one that does not exist.
async fn read_named_order<Changes: StockChangeStore>(
    store: &Changes,
    change: &RequestedChange,
) -> Result<Option<ReplenishmentOrder>, StoreError> {
    match change.replenishment_order_id() {
        Some(id) => store.read_replenishment_order(id).await,
        None => Ok(None),
    }
}

/// The repeated reads of a count that depends on movements which the ledger may still miss.
struct MovementReads {
    observed: MovementObservations,
    failed: u32,
    deadline: Deadline,
}

impl MovementReads {
    fn new(deadline: Deadline) -> Self {
        Self {
            observed: MovementObservations::default(),
            failed: 0,
            deadline,
        }
    }

    /// By how much `on_hand` changed since the time that `change` depends on; 0 if it depends on none. Returns `None` while
    /// movements are missing.
    async fn on_hand_delta<Changes: StockChangeStore>(
        &mut self,
        store: &Changes,
        change: &RequestedChange,
        levels: &Levels,
    ) -> Result<Option<i64>, StoreError> {
        // Only a count depends on movements, and it has one level.
        let Some(time) = change.depends_on_movements_since(&levels.totals[0]) else {
            return Ok(Some(0));
        };
        let level = &levels.before[0];
        self.observed.add(level);
        store.on_hand_delta_since(level, time, &self.observed).await
    }

    /// Pauses before the next read. Returns false if the deadline leaves no time for it.
    async fn wait_for_next(&mut self) -> bool {
        self.failed += 1;
        if self.failed < MAX_FIXED_INTERVAL_POLLS {
            self.deadline.pause(MOVEMENT_POLL_INTERVAL).await
        } else {
            self.deadline.back_off(self.failed).await
        }
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
