//! Plans the writes that repair contradicting audit data, and decides which side is correct.

use jiff::Timestamp;

use super::{AuditedLevel, LedgerReplay, SkuAuditData};
use crate::ids::MovementId;
use crate::level::{Level, LevelDelta, Movement, MovementKind, Quantities, StateDeltas};
use crate::split_level::SplitLevel;

/// One write of a repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepairWrite {
    /// Records a missing movement whose content is certain.
    Record(Box<Movement>),
    /// Replaces these levels in one transaction, on the condition that none of them has changed.
    Replace(Vec<Replacement>),
}

/// The replacement of one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The level as it was read.
    pub before: Level,
    /// The repaired level, one version later.
    pub after: Level,
    /// The repair movement to record with it; absent where only derived values (the stored available quantity or
    /// `whole_short`) were wrong.
    pub repair: Option<Movement>,
}

/// Returns the writes that repair `audit_data` at `now`; none where nothing contradicts.
///
/// - Allocated: the orders are correct, because they are what was promised.
/// - The other quantities: the level is correct, because it was written in one transaction with its cause, while the ledger
///   is written later from the stream. Where the level is negative, which is impossible, the ledger is correct, or 0 where the
///   ledger is negative too.
/// - Available and `whole_short`, the flag that a split level is short as a whole, are computed again.
/// - Where one bucket of a split level would be short while another has stock available, the stock is shared out evenly over
///   the buckets in use.
/// - A missing movement is recorded again if the level still carries it and it is the only one missing. Otherwise a
///   movement of kind `repair` makes up for everything that is missing, altered, or changed without a movement.
pub fn repair(audit_data: &SkuAuditData, now: Timestamp) -> Vec<RepairWrite> {
    let expected: Vec<Quantities> = audit_data
        .levels
        .iter()
        .zip(expected_allocations(audit_data))
        .map(|(audited, allocated)| audited.expected_quantities(allocated))
        .collect();
    let available: i64 = expected.iter().map(Quantities::available).sum();
    let whole_short = audit_data.levels.len() > 1 && available < 0;
    let is_short = |expected: &Quantities| expected.available() < 0;
    let has_available = |expected: &Quantities| expected.available() > 0;
    let expected = if expected.iter().any(is_short) && expected.iter().any(has_available) {
        shared_out(audit_data, &expected, now)
    } else {
        expected
    };
    let (mut writes, mut replacements) = (Vec::new(), Vec::new());
    for (audited, expected) in audit_data.levels.iter().zip(expected) {
        let missing = audited.recoverable_movement().map(Box::new);
        writes.extend(missing.map(RepairWrite::Record));
        replacements.extend(audited.replacement(expected, whole_short, now));
    }
    if !replacements.is_empty() {
        writes.push(RepairWrite::Replace(replacements));
    }
    writes
}

/// Shares out `expected`, the quantities of each bucket, evenly over the buckets in use.
fn shared_out(
    audit_data: &SkuAuditData,
    expected: &[Quantities],
    now: Timestamp,
) -> Vec<Quantities> {
    let buckets = audit_data.levels.iter().zip(expected).zip(0_u8..);
    let mut buckets = buckets.map(|((audited, expected), position)| Level {
        // Renumber the buckets that exist, so that a missing bucket gets no share.
        bucket: position,
        split_over: u8::try_from(audit_data.levels.len()).unwrap_or(u8::MAX),
        ..audited.stored.level.clone().with_quantities(*expected)
    });
    let Some(first) = buckets.next() else {
        return Vec::new();
    };
    let others: Vec<Level> = buckets.collect();
    let change = repair_change(
        &first,
        first.version,
        Quantities::default(),
        Quantities::default(),
        now,
    );
    let split = SplitLevel::new(first, &others);
    let shares = split.rewrite(&split.total(), &change);
    shares.iter().map(|(_, after)| after.quantities()).collect()
}

/// Returns the allocated quantity of each level, so that they add up to the open quantity of the orders.
///
/// Each level keeps what it has allocated, up to the open quantity. The remainder goes first to levels that have stock
/// available, so that none is short while another has stock available, and then to the first level.
fn expected_allocations(audit_data: &SkuAuditData) -> Vec<i64> {
    let mut open = audit_data.open_quantity;
    let mut shares = Vec::with_capacity(audit_data.levels.len());
    for audited in &audit_data.levels {
        let kept = audited.stored.level.allocated.clamp(0, open.max(0));
        open -= kept;
        shares.push(kept);
    }
    for (audited, share) in audit_data.levels.iter().zip(&mut shares) {
        let level = Level {
            allocated: *share,
            ..audited.stored.level.clone()
        };
        let more = level.available().clamp(0, open.max(0));
        open -= more;
        *share += more;
    }
    if let Some(first) = shares.first_mut() {
        *first += open;
    }
    shares
}

impl AuditedLevel {
    /// The replay of the recorded movements, with the last one added if it is missing and certain.
    fn completed_replay(&self) -> LedgerReplay {
        let mut replay = self.replay.clone();
        if let Some(movement) = self.recoverable_movement() {
            replay.add(&movement);
        }
        replay
    }

    /// Returns what the level should hold if `allocated` of it is allocated.
    fn expected_quantities(&self, allocated: i64) -> Quantities {
        let (level, sum) = (&self.stored.level, self.completed_replay().sum());
        let not_negative = |level: i64, sum: i64| if level < 0 { sum.max(0) } else { level };
        Quantities {
            on_hand: not_negative(level.on_hand, sum.on_hand),
            allocated,
            damaged: not_negative(level.damaged, sum.damaged),
            on_hold: not_negative(level.on_hold, sum.on_hold),
            in_transit: not_negative(level.in_transit, sum.in_transit),
        }
    }

    /// Returns the replacement that makes the level hold `expected`; none where level and ledger hold it already.
    fn replacement(
        &self,
        expected: Quantities,
        whole_short: bool,
        now: Timestamp,
    ) -> Option<Replacement> {
        let level = &self.stored.level;
        let replay = self.completed_replay();
        let is_recorded =
            replay.last_movement() == level.last_change.as_ref().map(|c| c.movement_id);
        let ledger_matches = replay.sum() == expected && replay.gap().is_none() && is_recorded;
        let level_matches = level.quantities() == expected;
        // A stale whole_short flag is cleared by the next change or rebalance, so it is no reason to repair the level.
        let whole_short_is_set = level.whole_short || !whole_short;
        let derived_values_match =
            self.stored.available == Some(level.available()) && whole_short_is_set;
        if ledger_matches && level_matches && derived_values_match {
            return None;
        }
        let version = level.version.max(replay.last_version()) + 1;
        let mut after = Level {
            whole_short,
            version,
            ..level.clone().with_quantities(expected)
        };
        let repair = if ledger_matches && level_matches {
            None
        } else {
            let change = repair_change(level, version, replay.sum(), expected, now);
            after.last_change = Some(change);
            after.movement_since(Some(level))
        };
        Some(Replacement {
            before: level.clone(),
            after,
            repair,
        })
    }

    /// Returns the level's last movement if it is the only one missing from the ledger and fits the others.
    fn recoverable_movement(&self) -> Option<Movement> {
        let level = &self.stored.level;
        let movement = level.movement_since(None)?;
        let mut replay = self.replay.clone();
        // After a skipped version it is not certain which version this movement has: a change of policy raises the level's
        // version and keeps its `last_change`.
        if replay.last_version() + 1 != level.version {
            return None;
        }
        replay.add(&movement);
        let fits = replay.sum() == level.quantities() && replay.gap().is_none();
        fits.then_some(movement)
    }
}

/// Returns the change that takes the sum of the movements from `sum` to `expected`.
fn repair_change(
    level: &Level,
    version: u64,
    sum: Quantities,
    expected: Quantities,
    now: Timestamp,
) -> LevelDelta {
    let kind = MovementKind::Repair;
    LevelDelta {
        movement_id: MovementId::derive(
            &format!("{}#{version}", kind.as_str()),
            kind.as_str(),
            &level.location_id,
            &level.sku,
        )
        .in_bucket(level.bucket),
        kind,
        on_hand_delta: expected.on_hand - sum.on_hand,
        allocated_delta: expected.allocated - sum.allocated,
        states: StateDeltas {
            damaged_delta: expected.damaged - sum.damaged,
            on_hold_delta: expected.on_hold - sum.on_hold,
            in_transit_delta: expected.in_transit - sum.in_transit,
            // The open replenishment order decides what is incoming, not the ledger.
            incoming_delta: 0,
            counted_delta: 0,
        },
        reason: None,
        reference: None,
        occurred_at: now,
        recorded_at: now,
    }
}
