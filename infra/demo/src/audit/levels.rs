//! Invariants 1 and 2: levels are never negative, and movements sum to levels.

use std::collections::BTreeMap;

use super::quantities::Quantities;
use super::rows::{LevelRow, MovementRow, Snapshot};
use super::{Finding, LevelId, by_level};

/// Movement kinds that may make a level short, because they report facts about the shelf. Orders may not.
const MAY_LEAVE_SHORT: [&str; 3] = ["count", "adjustment", "state_change"];

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

/// Checks that no quantity is negative, in the levels and after every movement, that the stored `available` is the one of
/// the quantities, and that no order takes more than is available.
pub fn never_negative(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(
        "never_negative",
        "no level is ever negative, and no order takes what is not available",
    );
    for level in &snapshot.levels {
        let is_consistent = level.available == level.quantities.available();
        finding.check(!level.quantities.has_negative() && is_consistent, || {
            format!(
                "{} at {}: {}, available {}",
                level.sku, level.location_id, level.quantities, level.available
            )
        });
    }
    for ((location, sku), movements) in movements_by_level(snapshot) {
        let mut sum = Quantities::default();
        for movement in movements {
            sum += movement.deltas;
            // A movement of a short level that takes nothing from `available`, such as a fulfilment, is allowed.
            let is_covered = sum.available() >= 0
                || movement.deltas.available() >= 0
                || MAY_LEAVE_SHORT.contains(&movement.kind.as_str());
            finding.check(!sum.has_negative() && is_covered, || {
                format!(
                    "{sku} at {location} after version {} ({}): {sum}",
                    movement.version, movement.kind
                )
            });
        }
    }
    finding
}

/// Checks that the movements of a level sum to the level, and that each movement records the running sum.
pub fn movements_sum_to_levels(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(
        "movements_sum_to_levels",
        "the sum of a level's movements is the level, in every quantity",
    );
    let mut movements = movements_by_level(snapshot);
    for level in &snapshot.levels {
        let level_movements = movements.remove(&level_id(level)).unwrap_or_default();
        let mut sum = Quantities::default();
        let mut records_fit = true;
        for (index, movement) in level_movements.iter().enumerate() {
            sum += movement.deltas;
            records_fit &= (movement.on_hand, movement.allocated) == (sum.on_hand, sum.allocated);
            records_fit &= index == 0 || level_movements[index - 1].version < movement.version;
        }
        records_fit &= level_movements
            .iter()
            .all(|movement| movement.version <= level.version);
        finding.check(sum == level.quantities && records_fit, || {
            format!(
                "{} at {}: {} movements sum to {sum}; the level has {}{}",
                level.sku,
                level.location_id,
                level_movements.len(),
                level.quantities,
                if records_fit {
                    ""
                } else {
                    "; a recorded quantity or version is wrong"
                },
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
    let mut sums: BTreeMap<(&str, &str), Quantities> = BTreeMap::new();
    for movement in &snapshot.movements {
        *sums
            .entry((&movement.location_id, &movement.sku))
            .or_default() += movement.deltas;
    }
    let is_behind = |level: &&LevelRow| {
        let sum = sums
            .get(&(level.location_id.as_str(), level.sku.as_str()))
            .copied()
            .unwrap_or_default();
        sum != level.quantities
    };
    snapshot.levels.iter().filter(is_behind).count()
}
