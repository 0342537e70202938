//! What lacks in a ledger is waited for, recorded again or made up for.

use super::*;

#[test]
fn the_last_movement_is_recorded_again_as_it_was() {
    let mut kept = Kept::busy();
    let lost = kept.movements.pop().unwrap();
    assert_eq!(kept.differences()[0], Difference::Unrecorded { version: 3 });
    assert_eq!(kept.mend(), [Mend::Record(Box::new(lost))]);
    assert!(kept.verdict().is_clean());
}

#[test]
fn a_movement_that_may_still_come_is_waited_for() {
    let mut kept = Kept::busy();
    kept.movements.pop();
    let after = |time| kept.books().verdict(noon() + time, PATIENCE);
    for time in [
        SignedDuration::ZERO,
        PATIENCE - SignedDuration::from_secs(1),
    ] {
        let verdict = after(time);
        assert!(verdict.ledger_is_behind && verdict.differences.is_empty());
        assert!(!verdict.is_clean(), "nothing is known of it yet");
    }
    assert!(!after(PATIENCE).ledger_is_behind);
}

#[test]
fn a_movement_that_is_missing_before_a_new_one_may_still_come() {
    let mut kept = Kept::busy();
    kept.movements.remove(1);
    let soon = kept.books().verdict(noon(), PATIENCE);
    assert!(soon.ledger_is_behind && soon.differences.is_empty());
    assert!(!kept.verdict().ledger_is_behind);
    kept.movements[0].version = 2;
    assert!(
        !kept.books().verdict(noon(), PATIENCE).ledger_is_behind,
        "none is missing between two that follow each other, and yet they contradict"
    );
}

#[test]
fn a_movement_that_is_missing_between_others_is_made_up_for() {
    let mut kept = Kept::busy();
    kept.movements.remove(1);
    let differences = kept.differences();
    assert_eq!(differences[0], Difference::Gap { version: 3 });
    let writes = kept.mend();
    assert_eq!(repair_of(&writes).unwrap().change.allocated_delta, 3);
    assert!(kept.verdict().is_clean());
}

#[test]
fn what_a_skipped_version_was_is_not_guessed() {
    let mut kept = Kept::busy();
    kept.set_policy();
    kept.movements.pop();
    let writes = kept.mend();
    assert!(repair_of(&writes).is_some());
    assert!(kept.verdict().is_clean());
}

#[test]
fn a_movement_whose_result_was_altered_is_a_gap_until_a_repair() {
    let mut kept = Kept::busy();
    kept.movements[1].on_hand = 7;
    assert_eq!(kept.differences(), [Difference::Gap { version: 2 }]);
    kept.mend();
    assert!(kept.verdict().is_clean());
    kept.go(MovementKind::Sale, -2, 0);
    assert!(
        kept.verdict().is_clean(),
        "and the ledger goes on from there"
    );
}

#[test]
fn a_movement_that_is_missing_after_a_gap_is_not_certain() {
    let mut kept = Kept::busy();
    kept.movements[1].on_hand = 7;
    kept.movements.pop();
    let writes = kept.mend();
    assert!(repair_of(&writes).is_some());
    assert!(kept.verdict().is_clean());
}

#[test]
fn two_movements_of_one_version_do_not_follow_each_other() {
    let mut kept = Kept::busy();
    let mut again = kept.movements[2].clone();
    again.change.on_hand_delta = 0;
    kept.movements.push(again);
    assert_eq!(kept.books().accounts[0].ledger.gap(), Some(3));
}

#[test]
fn a_change_of_state_that_is_missing_before_a_new_movement_may_still_come() {
    let unfit_or_on_its_way = [
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
    for states in unfit_or_on_its_way {
        let mut kept = Kept::busy();
        kept.go_with(MovementKind::StateChange, 0, 0, states);
        kept.go(MovementKind::Sale, -1, 0);
        let late = kept.movements.remove(3);
        let soon = kept.books().verdict(noon(), PATIENCE);
        assert!(soon.ledger_is_behind && soon.differences.is_empty());
        assert_eq!(kept.differences().len(), 1, "it did not come");
        let mut in_time = kept.clone();
        in_time.movements.insert(3, late);
        assert!(in_time.books().verdict(noon(), PATIENCE).is_clean());
        kept.mend();
        assert!(kept.books().verdict(noon(), PATIENCE).is_clean());
    }
}

#[test]
fn where_no_version_is_skipped_no_change_of_state_is_waited_for() {
    let mut kept = Kept::busy();
    kept.level.damaged = 2;
    kept.available = Some(kept.level.available());
    let soon = kept.books().verdict(noon(), PATIENCE);
    assert!(!soon.ledger_is_behind && !soon.differences.is_empty());
}

#[test]
fn a_policy_between_two_movements_keeps_nothing_waiting() {
    let mut kept = Kept::busy();
    kept.set_policy();
    kept.go(MovementKind::Sale, -1, 0);
    assert!(kept.books().verdict(noon(), PATIENCE).is_clean());
    kept.level.on_hand = 5;
    kept.available = Some(2);
    let soon = kept.books().verdict(noon(), PATIENCE);
    assert!(!soon.ledger_is_behind && !soon.differences.is_empty());
}
