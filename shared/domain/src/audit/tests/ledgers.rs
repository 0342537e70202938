//! Tests of missing movements: audits wait for them, and repairs record them again or make up for them.

use super::*;

#[test]
fn missing_last_movement_is_recorded_again_unchanged() {
    let mut sku = StoredSku::with_movements();
    let lost = sku.movements.pop().unwrap();
    assert_eq!(sku.differences()[0], Difference::Unrecorded { version: 3 });
    assert_eq!(sku.repair(), [RepairWrite::Record(Box::new(lost))]);
    assert!(sku.audit().is_clean());
}

#[test]
fn missing_last_movement_is_awaited_for_the_patience() {
    let mut sku = StoredSku::with_movements();
    sku.movements.pop();
    let after = |time| sku.audit_data().audit(written_at() + time, LEDGER_PATIENCE);
    for time in [
        SignedDuration::ZERO,
        LEDGER_PATIENCE - SignedDuration::from_secs(1),
    ] {
        let result = after(time);
        assert!(result.ledger_is_behind && result.differences.is_empty());
        assert!(!result.is_clean(), "it is not known yet");
    }
    assert!(!after(LEDGER_PATIENCE).ledger_is_behind);
}

#[test]
fn movement_missing_before_a_recent_one_is_awaited() {
    let mut sku = StoredSku::with_movements();
    sku.movements.remove(1);
    let soon = sku.audit_data().audit(written_at(), LEDGER_PATIENCE);
    assert!(soon.ledger_is_behind && soon.differences.is_empty());
    assert!(!sku.audit().ledger_is_behind);
    sku.movements[0].version = 2;
    assert!(
        !sku.audit_data()
            .audit(written_at(), LEDGER_PATIENCE)
            .ledger_is_behind,
        "consecutive versions contradict each other, so no movement is missing between them"
    );
}

#[test]
fn movement_missing_between_others_is_made_up_for() {
    let mut sku = StoredSku::with_movements();
    sku.movements.remove(1);
    let differences = sku.differences();
    assert_eq!(differences[0], Difference::Gap { version: 3 });
    let writes = sku.repair();
    assert_eq!(repair_movement(&writes).unwrap().change.allocated_delta, 3);
    assert!(sku.audit().is_clean());
}

#[test]
fn movement_after_a_skipped_version_is_not_recorded_again() {
    let mut sku = StoredSku::with_movements();
    sku.set_policy();
    sku.movements.pop();
    let writes = sku.repair();
    assert!(repair_movement(&writes).is_some());
    assert!(sku.audit().is_clean());
}

#[test]
fn altered_movement_result_is_a_gap_until_a_repair() {
    let mut sku = StoredSku::with_movements();
    sku.movements[1].on_hand = 7;
    assert_eq!(sku.differences(), [Difference::Gap { version: 2 }]);
    sku.repair();
    assert!(sku.audit().is_clean());
    sku.change(MovementKind::Sale, -2, 0);
    assert!(
        sku.audit().is_clean(),
        "movements after the repair follow from it"
    );
}

#[test]
fn movement_missing_after_a_gap_is_not_recorded_again() {
    let mut sku = StoredSku::with_movements();
    sku.movements[1].on_hand = 7;
    sku.movements.pop();
    let writes = sku.repair();
    assert!(repair_movement(&writes).is_some());
    assert!(sku.audit().is_clean());
}

#[test]
fn two_movements_of_one_version_are_a_gap() {
    let mut sku = StoredSku::with_movements();
    let mut again = sku.movements[2].clone();
    again.change.on_hand_delta = 0;
    sku.movements.push(again);
    assert_eq!(sku.audit_data().levels[0].replay.gap(), Some(3));
}

#[test]
fn state_change_missing_before_a_recent_movement_is_awaited() {
    let state_deltas = [
        StateDeltas {
            damaged_delta: 2,
            ..StateDeltas::default()
        },
        StateDeltas {
            on_hold_delta: 2,
            ..StateDeltas::default()
        },
        StateDeltas {
            in_transit_delta: 2,
            ..StateDeltas::default()
        },
    ];
    for states in state_deltas {
        let mut sku = StoredSku::with_movements();
        sku.change_with_states(MovementKind::StateChange, 0, 0, states);
        sku.change(MovementKind::Sale, -1, 0);
        let late = sku.movements.remove(3);
        let soon = sku.audit_data().audit(written_at(), LEDGER_PATIENCE);
        assert!(soon.ledger_is_behind && soon.differences.is_empty());
        assert_eq!(
            sku.differences().len(),
            1,
            "the awaited movement did not arrive"
        );
        let mut in_time = sku.clone();
        in_time.movements.insert(3, late);
        assert!(
            in_time
                .audit_data()
                .audit(written_at(), LEDGER_PATIENCE)
                .is_clean()
        );
        sku.repair();
        assert!(
            sku.audit_data()
                .audit(written_at(), LEDGER_PATIENCE)
                .is_clean()
        );
    }
}

#[test]
fn no_state_change_is_awaited_without_a_skipped_version() {
    let mut sku = StoredSku::with_movements();
    sku.level.damaged = 2;
    sku.available = Some(sku.level.available());
    let soon = sku.audit_data().audit(written_at(), LEDGER_PATIENCE);
    assert!(!soon.ledger_is_behind && !soon.differences.is_empty());
}

#[test]
fn policy_change_between_movements_is_not_awaited() {
    let mut sku = StoredSku::with_movements();
    sku.set_policy();
    sku.change(MovementKind::Sale, -1, 0);
    assert!(
        sku.audit_data()
            .audit(written_at(), LEDGER_PATIENCE)
            .is_clean()
    );
    sku.level.on_hand = 5;
    sku.available = Some(2);
    let soon = sku.audit_data().audit(written_at(), LEDGER_PATIENCE);
    assert!(!soon.ledger_is_behind && !soon.differences.is_empty());
}
