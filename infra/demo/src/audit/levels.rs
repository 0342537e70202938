//! Invariants 1 and 2: levels are never negative, and movements sum to levels.

use std::collections::BTreeMap;

use super::rows::{LevelRow, MovementRow, Snapshot};
use super::{Finding, LevelId, by_level};

/// Movement kinds that may leave less on hand than is allocated. Orders may not.
const MAY_LEAVE_SHORT: [&str; 2] = ["count", "adjustment"];

fn level_id(level: &LevelRow) -> LevelId {
    (level.location_id.clone(), level.sku.clone())
}

fn movements_by_level(snapshot: &Snapshot) -> BTreeMap<LevelId, Vec<&MovementRow>> {
    let mut groups = by_level(&snapshot.movements, |movement| {
        (movement.location_id.clone(), movement.sku.clone())
    });
    for movements in groups.values_mut() {
        movements.sort_by_key(|movement| movement.version);
    }
    groups
}

/// Checks after every movement that `on_hand` and `allocated` are not negative, and that no order takes more than is available.
pub fn never_negative(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(
        "never_negative",
        "no level is ever negative, and no order takes what is not available",
    );
    for level in &snapshot.levels {
        let is_consistent = level.available == level.on_hand - level.allocated;
        finding.check(
            level.on_hand >= 0 && level.allocated >= 0 && is_consistent,
            || {
                format!(
                    "{} at {}: on hand {}, allocated {}, available {}",
                    level.sku, level.location_id, level.on_hand, level.allocated, level.available
                )
            },
        );
    }
    for ((location, sku), movements) in movements_by_level(snapshot) {
        let (mut on_hand, mut allocated) = (0, 0);
        for movement in movements {
            on_hand += movement.on_hand_delta;
            allocated += movement.allocated_delta;
            let is_covered =
                allocated <= on_hand || MAY_LEAVE_SHORT.contains(&movement.kind.as_str());
            finding.check(on_hand >= 0 && allocated >= 0 && is_covered, || {
                format!("{sku} at {location} after version {} ({}): on hand {on_hand}, allocated {allocated}", movement.version, movement.kind)
            });
        }
    }
    finding
}

/// Checks that the movements of a level sum to the level, and that each movement records the running sum.
pub fn movements_sum_to_levels(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(
        "movements_sum_to_levels",
        "the sum of a level's movements is the level, on hand and allocated",
    );
    let mut movements = movements_by_level(snapshot);
    for level in &snapshot.levels {
        let level_movements = movements.remove(&level_id(level)).unwrap_or_default();
        let (mut on_hand, mut allocated) = (0, 0);
        let mut records_fit = true;
        for (index, movement) in level_movements.iter().enumerate() {
            on_hand += movement.on_hand_delta;
            allocated += movement.allocated_delta;
            records_fit &= (movement.on_hand, movement.allocated) == (on_hand, allocated);
            records_fit &= index == 0 || level_movements[index - 1].version < movement.version;
        }
        records_fit &= level_movements
            .iter()
            .all(|movement| movement.version <= level.version);
        let sums = (on_hand, allocated) == (level.on_hand, level.allocated);
        finding.check(sums && records_fit, || {
            format!(
                "{} at {}: {} movements sum to {on_hand} on hand, {allocated} allocated; the level has {} and {}{}",
                level.sku,
                level.location_id,
                level_movements.len(),
                level.on_hand,
                level.allocated,
                if records_fit { "" } else { "; a recorded quantity or version is wrong" },
            )
        });
    }
    for ((location, sku), orphans) in movements {
        finding.check(false, || {
            format!(
                "{} movements of {sku} at {location}, which has no level",
                orphans.len()
            )
        });
    }
    finding
}

/// The number of levels with movements that are not recorded yet.
pub fn count_unrecorded(snapshot: &Snapshot) -> usize {
    let mut sums: BTreeMap<(&str, &str), (i64, i64)> = BTreeMap::new();
    for movement in &snapshot.movements {
        let sum = sums
            .entry((&movement.location_id, &movement.sku))
            .or_default();
        sum.0 += movement.on_hand_delta;
        sum.1 += movement.allocated_delta;
    }
    let is_behind = |level: &&LevelRow| {
        let sum = sums
            .get(&(level.location_id.as_str(), level.sku.as_str()))
            .copied()
            .unwrap_or_default();
        sum != (level.on_hand, level.allocated)
    };
    snapshot.levels.iter().filter(is_behind).count()
}
