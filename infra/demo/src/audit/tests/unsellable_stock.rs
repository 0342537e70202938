//! Stock that is damaged, on hold or in transit is part of a level, but not available.

use super::*;

/// At the end of the day one unit is found damaged, another is put on hold, and two are on their way from elsewhere.
fn day_with_unsellable_stock() -> Scenario {
    let mut day = correct_day();
    let snapshot = &mut day.snapshot;
    for (version, kind, deltas) in [
        (4, "state_change", (1, 0, 0)),
        (5, "state_change", (0, 1, 0)),
        (6, "transfer_in", (0, 0, 2)),
    ] {
        let mut changed = movement(version, kind, (0, 0), (7, 0), "evening");
        let moved = &mut changed.deltas;
        (moved.damaged, moved.on_hold, moved.in_transit) = deltas;
        snapshot.movements.push(changed);
    }
    let level = &mut snapshot.levels[0];
    level.quantities = Quantities {
        on_hand: 7,
        damaged: 1,
        on_hold: 1,
        in_transit: 2,
        ..Quantities::default()
    };
    (level.available, level.version) = (5, 6);
    day
}

#[test]
fn day_with_unsellable_stock_passes() {
    let day = day_with_unsellable_stock();
    assert_eq!(broken(&day), Vec::<&str>::new());
    assert_eq!(count_unrecorded(&day.snapshot), 0);
}

#[test]
fn available_that_counts_unsellable_stock_is_found() {
    for available in [6, 7] {
        let mut day = day_with_unsellable_stock();
        day.snapshot.levels[0].available = available;
        assert_eq!(broken(&day), ["never_negative"]);
    }
}

#[test]
fn lost_movement_of_unsellable_stock_is_found() {
    for version in [4, 5, 6] {
        let mut day = day_with_unsellable_stock();
        let movements = &mut day.snapshot.movements;
        movements.retain(|movement| movement.version != version);
        assert_eq!(broken(&day), ["movements_sum_to_levels"], "{version}");
        assert_eq!(count_unrecorded(&day.snapshot), 1, "{version}");
    }
}

#[test]
fn negative_damaged_stock_is_found() {
    let mut day = day_with_unsellable_stock();
    for movement in &mut day.snapshot.movements {
        movement.deltas.damaged = -movement.deltas.damaged;
    }
    let level = &mut day.snapshot.levels[0];
    (level.quantities.damaged, level.available) = (-1, 7);
    assert_eq!(broken(&day), ["never_negative"]);
}

#[test]
fn order_that_takes_damaged_stock_is_found() {
    // given 8 damaged of 10 on hand, so that an order of 3 makes the level short
    let mut day = correct_day();
    day.snapshot.movements[0].deltas.damaged = 8;
    let level = &mut day.snapshot.levels[0];
    (level.quantities.damaged, level.available) = (8, -1);
    assert_eq!(broken(&day), ["never_negative"]);
}

#[test]
fn fulfilment_of_a_short_level_is_allowed() {
    // given a level that damage leaves short after its units are allocated
    let mut day = correct_day();
    let snapshot = &mut day.snapshot;
    let mut damage = movement(3, "state_change", (0, 0), (10, 3), "evening");
    damage.deltas.damaged = 8;
    snapshot.movements.insert(2, damage);
    let fulfilment = &mut snapshot.movements[3];
    (fulfilment.movement_id, fulfilment.version) = ("m-4".into(), 4);
    let level = &mut snapshot.levels[0];
    level.quantities.damaged = 8;
    (level.available, level.version) = (-1, 4);
    assert_eq!(broken(&day), Vec::<&str>::new());
}
