//! What moved at a level since a moment in the past.

use jiff::Timestamp;

use crate::level::{LastChange, Level, Movement, MovementKind};
use crate::told_time::CLOCK_TOLERANCE;

/// Whether `change` may have happened at `time` or after: it happened at most a clock's tolerance after it was recorded.
pub fn may_have_happened_after(change: &LastChange, time: Timestamp) -> bool {
    change
        .recorded_at
        .saturating_add(CLOCK_TOLERANCE)
        .is_ok_and(|latest| latest >= time)
}

/// By how much `on_hand` of `level` moved at `time` or after, as its movements tell, newest first and back to the first
/// that cannot have happened then.
///
/// A count at that very moment is the same look at the shelf, and moved nothing.
///
/// None where a movement is missing: the ledger follows the level, and has not come this far. Movements that made a
/// later version of the level are passed over: whoever writes by what it read will find that they came between.
pub fn moved_after(level: &Level, movements: &[Movement], time: Timestamp) -> Option<i64> {
    let (mut on_hand, mut allocated) = (level.on_hand, level.allocated);
    let last = level.last_change.as_ref().map(|change| change.movement_id);
    let later = movements.partition_point(|movement| movement.version > level.version);
    let movements = &movements[later..];
    if movements
        .first()
        .map(|movement| movement.change.movement_id)
        != last
    {
        return None;
    }
    let (mut moved, mut repaired) = (0, false);
    for movement in movements {
        if !repaired && (movement.on_hand, movement.allocated) != (on_hand, allocated) {
            return None;
        }
        if !may_have_happened_after(&movement.change, time) {
            return Some(moved);
        }
        if movement.change.kind == MovementKind::Repair {
            // Nothing moved, and what led up to it need not follow.
            repaired = true;
            continue;
        }
        if movement.change.occurred_at >= time && movement.change.kind != MovementKind::Count {
            moved += movement.change.on_hand_delta;
        }
        on_hand -= movement.change.on_hand_delta;
        allocated -= movement.change.allocated_delta;
    }
    (repaired || (on_hand, allocated) == (0, 0)).then_some(moved)
}
