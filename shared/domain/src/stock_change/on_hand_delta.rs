//! The sum of a level's on-hand movements since a time in the past.

use jiff::Timestamp;

use crate::level::{Level, LevelDelta, Movement, MovementKind};
use crate::reported_time::CLOCK_TOLERANCE;

/// Returns whether `change` may have occurred at `time` or later, judged by when it was recorded: a reported time is at
/// most [`CLOCK_TOLERANCE`] ahead of the time of recording.
pub fn may_have_occurred_since(change: &LevelDelta, time: Timestamp) -> bool {
    change
        .recorded_at
        .saturating_add(CLOCK_TOLERANCE)
        .is_ok_and(|latest| latest >= time)
}

/// Returns the sum of the `on_hand` deltas of `level` that occurred at `time` or later.
///
/// `movements` are the movements of the level, newest first. They must reach back to one that cannot have occurred
/// since `time` ([`may_have_occurred_since`]), or to the first movement of the level. Returns `None` if one is missing,
/// because the ledger lags behind the level.
///
/// - Movements of versions after `level.version` are skipped. A caller that writes on condition of the version it read
///   fails if the level has a later one.
/// - Counts are not added. A level refuses a count that is older than its latest one, so a count found here was made at
///   `time` exactly, and it observed the same shelf.
pub fn on_hand_delta_since(level: &Level, movements: &[Movement], time: Timestamp) -> Option<i64> {
    let (mut on_hand, mut allocated) = (level.on_hand, level.allocated);
    let last = level.last_change.as_ref().map(|change| change.movement_id);
    let skipped = movements.partition_point(|movement| movement.version > level.version);
    let movements = &movements[skipped..];
    if movements
        .first()
        .map(|movement| movement.change.movement_id)
        != last
    {
        return None;
    }
    let (mut sum, mut is_repaired) = (0, false);
    for movement in movements {
        if !is_repaired && (movement.on_hand, movement.allocated) != (on_hand, allocated) {
            return None;
        }
        if !may_have_occurred_since(&movement.change, time) {
            return Some(sum);
        }
        if movement.change.kind == MovementKind::Repair {
            // A repair moves no goods, and its result does not follow from the movements before it.
            is_repaired = true;
            continue;
        }
        if movement.change.occurred_at >= time && movement.change.kind != MovementKind::Count {
            sum += movement.change.on_hand_delta;
        }
        on_hand -= movement.change.on_hand_delta;
        allocated -= movement.change.allocated_delta;
    }
    (is_repaired || (on_hand, allocated) == (0, 0)).then_some(sum)
}
