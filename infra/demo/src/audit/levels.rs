//! Invariants 1 and 2: levels and their movements.

use std::collections::BTreeMap;

use super::rows::{LevelRow, MovementRow, Snapshot};
use super::{Finding, LevelId, by_level};

/// Kinds by which people find less than is promised; an order may not.
const MAY_RUN_SHORT: [&str; 2] = ["count", "adjustment"];

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

/// `on_hand` and `allocated` never negative at any time of the day, and no order takes what is not available.
pub fn never_negative(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(
        "never_negative",
        "no level is ever negative, and no order takes what is not available",
    );
    for level in &snapshot.levels {
        let consistent = level.available == level.on_hand - level.allocated;
        finding.check(
            level.on_hand >= 0 && level.allocated >= 0 && consistent,
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
            let covered = allocated <= on_hand || MAY_RUN_SHORT.contains(&movement.kind.as_str());
            finding.check(on_hand >= 0 && allocated >= 0 && covered, || {
                format!("{sku} at {location} after version {} ({}): on hand {on_hand}, allocated {allocated}", movement.version, movement.kind)
            });
        }
    }
    finding
}

/// The sum of a level's movements is the level, and each recorded state is the sum so far.
pub fn movements_sum_to_levels(snapshot: &Snapshot) -> Finding {
    let mut finding = Finding::new(
        "movements_sum_to_levels",
        "the sum of a level's movements is the level, on hand and allocated",
    );
    let mut movements = movements_by_level(snapshot);
    for level in &snapshot.levels {
        let own = movements.remove(&level_id(level)).unwrap_or_default();
        let (mut on_hand, mut allocated) = (0, 0);
        let mut told_apart = true;
        for (place, movement) in own.iter().enumerate() {
            on_hand += movement.on_hand_delta;
            allocated += movement.allocated_delta;
            told_apart &= (movement.on_hand, movement.allocated) == (on_hand, allocated);
            told_apart &= place == 0 || own[place - 1].version < movement.version;
        }
        told_apart &= own.iter().all(|movement| movement.version <= level.version);
        let sums = (on_hand, allocated) == (level.on_hand, level.allocated);
        finding.check(sums && told_apart, || {
            format!(
                "{} at {}: {} movements sum to {on_hand} on hand, {allocated} allocated; the level says {} and {}{}",
                level.sku,
                level.location_id,
                own.len(),
                level.on_hand,
                level.allocated,
                if told_apart { "" } else { "; a recorded state or version does not fit" },
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

/// How many levels the ledger has not caught up with.
pub fn unrecorded(snapshot: &Snapshot) -> usize {
    let mut sums: BTreeMap<(&str, &str), (i64, i64)> = BTreeMap::new();
    for movement in &snapshot.movements {
        let sum = sums
            .entry((&movement.location_id, &movement.sku))
            .or_default();
        sum.0 += movement.on_hand_delta;
        sum.1 += movement.allocated_delta;
    }
    let behind = |level: &&LevelRow| {
        let sum = sums
            .get(&(level.location_id.as_str(), level.sku.as_str()))
            .copied()
            .unwrap_or_default();
        sum != (level.on_hand, level.allocated)
    };
    snapshot.levels.iter().filter(behind).count()
}
