//! Whatever is wrong with the books is found and put right, and what is right is left alone.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::ids::MovementId;
use crate::level::{LastChange, LevelKey, Movement, MovementKind, ReorderPolicy, StateDeltas};

/// A level, its movements and what the open orders hold, as tables would have them.
#[derive(Debug, Clone)]
struct Kept {
    level: Level,
    available: Option<i64>,
    movements: Vec<Movement>,
    open: i64,
}

fn noon() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn later() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

const PATIENCE: SignedDuration = SignedDuration::from_hours(6);

impl Kept {
    fn new() -> Self {
        let level = Level::empty(&LevelKey {
            location_id: "store-1".parse().unwrap(),
            sku: "milk".parse().unwrap(),
        });
        Self {
            level,
            available: Some(0),
            movements: Vec::new(),
            open: 0,
        }
    }

    /// Ten received, three of them promised, one sold.
    fn busy() -> Self {
        let mut kept = Self::new();
        kept.go(MovementKind::Receipt, 10, 0);
        kept.go(MovementKind::Allocation, 0, 3);
        kept.go(MovementKind::Sale, -1, 0);
        kept
    }

    fn go(&mut self, kind: MovementKind, on_hand_delta: i64, allocated_delta: i64) {
        self.go_with(kind, on_hand_delta, allocated_delta, StateDeltas::default());
    }

    fn go_with(
        &mut self,
        kind: MovementKind,
        on_hand_delta: i64,
        allocated_delta: i64,
        states: StateDeltas,
    ) {
        let level = &self.level;
        let cause = format!("cause {}", level.version);
        let change = LastChange {
            movement_id: MovementId::derive(&cause, kind.as_str(), &level.location_id, &level.sku),
            kind,
            on_hand_delta,
            allocated_delta,
            states,
            reason: None,
            reference: None,
            occurred_at: noon(),
            recorded_at: noon(),
        };
        let Ok(after) = level.after(change) else {
            return;
        };
        self.movements.extend(after.movement_since(Some(level)));
        self.open += allocated_delta;
        self.available = Some(after.available());
        self.level = after;
    }

    fn set_policy(&mut self) {
        self.level.version += 1;
    }

    fn books(&self) -> Books {
        let mut ledger = Ledger::default();
        for movement in &self.movements {
            ledger.add(movement);
        }
        let stored = StoredLevel {
            level: self.level.clone(),
            available: self.available,
        };
        Books {
            accounts: vec![Account { stored, ledger }],
            open: self.open,
        }
    }

    fn verdict(&self) -> Verdict {
        self.books().verdict(later(), PATIENCE)
    }

    fn differences(&self) -> Vec<Difference> {
        let verdict = self.verdict();
        assert!(!verdict.ledger_is_behind);
        verdict.differences
    }

    /// Mends the books, and tells which writes it took.
    fn mend(&mut self) -> Vec<Mend> {
        let writes = mend(&self.books(), later());
        for write in writes.clone() {
            let movement = match write {
                Mend::Record(movement) => Some(*movement),
                Mend::Replace(mut levels) => {
                    let replacement = levels.pop().unwrap();
                    assert!(levels.is_empty());
                    assert_eq!(replacement.before, self.level);
                    self.available = Some(replacement.after.available());
                    self.level = replacement.after;
                    replacement.repair
                }
            };
            if let Some(movement) = movement {
                let taken = self.movements.iter().any(|m| m.version == movement.version);
                assert!(!taken, "a movement is never replaced");
                self.movements.push(movement);
                self.movements.sort_by_key(|movement| movement.version);
            }
        }
        writes
    }
}

/// The one level that `writes` replace.
fn replaced(writes: &[Mend]) -> &Replacement {
    match writes {
        [Mend::Replace(levels)] if levels.len() == 1 => &levels[0],
        other => panic!("{other:?}"),
    }
}

fn repair_of(writes: &[Mend]) -> Option<&Movement> {
    replaced(writes).repair.as_ref()
}

#[test]
fn a_level_that_was_changed_by_hand_is_right_about_what_is_on_hand() {
    let mut kept = Kept::busy();
    kept.level.on_hand = 12;
    kept.available = Some(9);
    let said = Difference::Movements {
        quantity: Quantity::OnHand,
        level: 12,
        movements: 9,
    };
    assert_eq!(kept.differences(), [said]);
    kept.mend();
    assert_eq!((kept.level.on_hand, kept.level.allocated), (12, 3));
    let repair = &kept.movements[3];
    assert_eq!(
        (repair.change.kind, repair.change.on_hand_delta),
        (MovementKind::Repair, 3)
    );
    assert!(kept.verdict().is_clean());
}

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
fn a_difference_reads_as_a_sentence() {
    let quantity = Quantity::OnHold;
    let said = [
        Difference::Movements {
            quantity,
            level: 3,
            movements: 2,
        },
        Difference::Gap { version: 4 },
        Difference::Unrecorded { version: 5 },
        Difference::Orders {
            allocated: 6,
            open: 7,
        },
        Difference::Negative {
            quantity,
            level: -1,
        },
        Difference::Available {
            stored: Some(8),
            is: 9,
        },
        Difference::Available {
            stored: None,
            is: 9,
        },
    ]
    .map(|difference| difference.to_string());
    assert_eq!(
        said,
        [
            "on_hold is 3, and its movements sum up to 2",
            "movement 4 does not follow from the one before it",
            "movement 5 is not recorded",
            "6 are allocated, and open orders hold 7",
            "on_hold is -1",
            "8 is stored as available, and 9 is right",
            "nothing is stored as available, and 9 is right",
        ]
    );
    for (quantity, _) in Quantities::default().each() {
        assert_eq!(serde_json::to_value(quantity).unwrap(), quantity.as_str());
    }
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
fn the_orders_are_right_about_what_is_allocated() {
    for allocated in [0, 1, 8] {
        let mut kept = Kept::busy();
        kept.level.allocated = allocated;
        kept.available = Some(kept.level.available());
        let found = Difference::Orders { allocated, open: 3 };
        assert!(kept.differences().contains(&found));
        kept.mend();
        assert_eq!((kept.level.on_hand, kept.level.allocated), (9, 3));
        assert!(kept.verdict().is_clean());
    }
    let mut kept = Kept::busy();
    kept.open = 1;
    kept.mend();
    assert_eq!(kept.level.allocated, 1);
    assert_eq!(kept.movements[3].change.allocated_delta, -2);
    assert!(kept.verdict().is_clean());
}

#[test]
fn a_wrong_available_is_computed_again_without_a_movement() {
    let mut kept = Kept::busy();
    kept.available = Some(600);
    let said = Difference::Available {
        stored: Some(600),
        is: 6,
    };
    assert_eq!(kept.differences(), [said]);
    let writes = kept.mend();
    assert!(repair_of(&writes).is_none());
    assert_eq!((kept.available, kept.level.version), (Some(6), 4));
    assert!(kept.verdict().is_clean());
}

#[test]
fn a_quantity_below_zero_is_what_the_ledger_says_it_is() {
    let mut kept = Kept::busy();
    kept.level.on_hand = -4;
    kept.level.damaged = -1;
    let negative = Difference::Negative {
        quantity: Quantity::Damaged,
        level: -1,
    };
    assert!(kept.differences().contains(&negative));
    kept.mend();
    assert_eq!((kept.level.on_hand, kept.level.damaged), (9, 0));
    assert!(kept.verdict().is_clean());
}

#[test]
fn a_level_that_says_that_nothing_is_there_is_right() {
    let mut kept = Kept::busy();
    (kept.level.on_hand, kept.available) = (0, Some(-3));
    kept.mend();
    assert_eq!((kept.level.on_hand, kept.level.allocated), (0, 3));
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
fn what_more_is_allocated_goes_where_it_is_available() {
    let (mut one, other) = (Kept::busy(), Kept::busy());
    one.level.allocated = -2;
    let mut accounts = one.books().accounts;
    accounts.extend(other.books().accounts);
    let writes = mend(&Books { accounts, open: 14 }, later());
    let [Mend::Replace(levels)] = &writes[..] else {
        panic!("{writes:?}");
    };
    let allocated: Vec<i64> = levels.iter().map(|level| level.after.allocated).collect();
    assert_eq!(allocated, [9, 5], "no more than the nine that are there");
}

#[test]
fn a_split_level_holds_what_its_orders_hold_all_its_parts_together() {
    let (one, other) = (Kept::busy(), Kept::busy());
    let mut accounts = one.books().accounts;
    accounts.extend(other.books().accounts);
    let mut books = Books { accounts, open: 6 };
    assert_eq!(books.versions(), [3, 3]);
    assert!(books.verdict(later(), PATIENCE).is_clean());
    assert!(mend(&books, later()).is_empty());
    books.open = 4;
    let writes = mend(&books, later());
    assert_eq!(replaced(&writes).after.allocated, 1);
}

#[test]
fn no_item_of_a_mended_split_level_is_short_beside_one_that_sells() {
    for (on_hand, allocated, open) in [
        (2, 3, 6),
        (0, 3, 6),
        (2, 3, 11),
        (2, 3, 14),
        (0, 3, 20),
        (0, 12, 15),
    ] {
        let (mut one, mut other) = (Kept::busy(), Kept::busy());
        for (bucket, kept) in [&mut one, &mut other].into_iter().enumerate() {
            kept.level.bucket = u8::try_from(bucket).unwrap();
            kept.level.split_over = 2;
        }
        one.level.on_hand = on_hand;
        one.level.allocated = allocated;
        one.available = Some(one.level.available());
        let mut accounts = one.books().accounts;
        accounts.extend(other.books().accounts);
        let writes = mend(&Books { accounts, open }, later());
        let [Mend::Replace(levels)] = &writes[..] else {
            panic!("{writes:?}");
        };
        let after: Vec<&Level> = levels.iter().map(|level| &level.after).collect();
        assert_eq!(after.len(), 2, "each is told what it is to sell");
        let whole: i64 = after.iter().map(|level| level.available()).sum();
        assert_eq!(whole, on_hand + 9 - open);
        for level in after {
            assert_eq!(level.whole_short, whole < 0);
            assert!(
                level.available().signum() * whole.signum() >= 0,
                "{level:?}"
            );
            assert!(level.on_hand >= 0 && level.allocated >= 0);
        }
    }
}

#[test]
fn goods_stay_in_their_item_of_a_mended_split_level_where_none_is_to_be_sold() {
    let (mut one, mut other) = (Kept::busy(), Kept::busy());
    for (bucket, kept) in [&mut one, &mut other].into_iter().enumerate() {
        kept.level.bucket = u8::try_from(bucket).unwrap();
        kept.level.split_over = 2;
    }
    one.level.on_hand = 2;
    one.available = Some(-1);
    let mut accounts = one.books().accounts;
    accounts.extend(other.books().accounts);
    let writes = mend(&Books { accounts, open: 14 }, later());
    let [Mend::Replace(levels)] = &writes[..] else {
        panic!("{writes:?}");
    };
    let after: Vec<_> = levels
        .iter()
        .map(|level| (level.after.on_hand, level.after.allocated))
        .collect();
    assert_eq!(after, [(2, 5), (9, 9)]);
    assert!(levels.iter().all(|level| level.after.whole_short));
}

#[test]
fn a_level_of_one_item_says_nothing_of_the_whole_when_it_is_mended() {
    let mut kept = Kept::busy();
    kept.level.on_hand = 2;
    kept.available = Some(2);
    kept.mend();
    assert!(kept.level.is_short() && !kept.level.whole_short);
}

#[test]
fn an_item_that_is_missing_of_a_mended_split_level_gets_no_share() {
    let (mut one, mut third) = (Kept::busy(), Kept::busy());
    for (bucket, kept) in [(0, &mut one), (2, &mut third)] {
        kept.level.bucket = bucket;
        kept.level.split_over = 3;
    }
    one.level.policy = Some(ReorderPolicy {
        reorder_point: 0,
        target_level: 0,
        order_multiple: 1,
        safety_stock: 0,
        lead_time_days: 0,
        buckets: 3,
    });
    one.level.on_hand = 0;
    one.available = Some(-3);
    let mut accounts = one.books().accounts;
    accounts.extend(third.books().accounts);
    let writes = mend(&Books { accounts, open: 6 }, later());
    let [Mend::Replace(levels)] = &writes[..] else {
        panic!("{writes:?}");
    };
    let after: Vec<_> = levels
        .iter()
        .map(|level| {
            (
                level.after.bucket,
                level.after.on_hand,
                level.after.allocated,
            )
        })
        .collect();
    assert_eq!(after, [(0, 5, 3), (2, 4, 3)]);
}

#[test]
fn what_cannot_be_in_an_item_is_as_the_ledger_says_before_it_is_shared_out() {
    let below_zero: [fn(&mut Level); 4] = [
        |level| level.on_hand = -1,
        |level| level.damaged = -1,
        |level| level.on_hold = -1,
        |level| level.in_transit = -1,
    ];
    for make in below_zero {
        let (mut one, mut other) = (Kept::busy(), Kept::busy());
        for (bucket, kept) in [&mut one, &mut other].into_iter().enumerate() {
            kept.level.bucket = u8::try_from(bucket).unwrap();
            kept.level.split_over = 2;
        }
        one.level.on_hand = 1;
        one.available = Some(-2);
        make(&mut other.level);
        other.available = Some(other.level.available());
        let mut accounts = one.books().accounts;
        accounts.extend(other.books().accounts);
        let writes = mend(&Books { accounts, open: 6 }, later());
        let [Mend::Replace(levels)] = &writes[..] else {
            panic!("{writes:?}");
        };
        let sum = |of: fn(&Level) -> i64| -> i64 { levels.iter().map(|it| of(&it.after)).sum() };
        assert_eq!(sum(|level| level.on_hand), 10);
        assert_eq!(sum(|level| level.allocated), 6);
        let unfit = sum(|level| level.damaged + level.on_hold + level.in_transit);
        assert_eq!(unfit, 0);
    }
}

#[test]
fn an_item_of_a_mended_split_level_owes_for_its_unfit_goods_too() {
    for unfit in [
        StateDeltas {
            damaged_delta: 6,
            ..StateDeltas::default()
        },
        StateDeltas {
            on_hold_delta: 6,
            ..StateDeltas::default()
        },
    ] {
        let (mut one, mut other) = (Kept::busy(), Kept::busy());
        one.go_with(MovementKind::StateChange, 0, 0, unfit);
        one.go(MovementKind::Count, -1, 0);
        for (bucket, kept) in [&mut one, &mut other].into_iter().enumerate() {
            kept.level.bucket = u8::try_from(bucket).unwrap();
            kept.level.split_over = 2;
        }
        assert!(one.level.is_short());
        let mut accounts = one.books().accounts;
        accounts.extend(other.books().accounts);
        let writes = mend(&Books { accounts, open: 6 }, later());
        let [Mend::Replace(levels)] = &writes[..] else {
            panic!("{writes:?}");
        };
        let after = levels.iter().map(|level| level.after.available());
        assert_eq!(after.sum::<i64>(), 5);
        assert!(levels.iter().all(|level| !level.after.is_short()));
    }
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

/// What may go wrong with the books.
#[derive(Debug, Clone)]
enum Fault {
    OnHand(i64),
    Allocated(i64),
    Damaged(i64),
    OnHold(i64),
    InTransit(i64),
    Available(Option<i64>),
    Open(i64),
    Deleted(prop::sample::Index),
    Altered(prop::sample::Index, i64),
    AlteredResult(prop::sample::Index, i64),
}

fn fault() -> impl Strategy<Value = Fault> {
    let any_movement = any::<prop::sample::Index>;
    prop_oneof![
        (-20_i64..20).prop_map(Fault::OnHand),
        (-20_i64..20).prop_map(Fault::Allocated),
        (-20_i64..20).prop_map(Fault::Damaged),
        (-20_i64..20).prop_map(Fault::OnHold),
        (-20_i64..20).prop_map(Fault::InTransit),
        prop::option::of(-20_i64..20).prop_map(Fault::Available),
        (0_i64..20).prop_map(Fault::Open),
        any_movement().prop_map(Fault::Deleted),
        (any_movement(), -9_i64..9).prop_map(|(at, by)| Fault::Altered(at, by)),
        (any_movement(), -9_i64..9).prop_map(|(at, by)| Fault::AlteredResult(at, by)),
    ]
}

impl Kept {
    fn suffer(&mut self, fault: &Fault) {
        match fault {
            Fault::OnHand(quantity) => self.level.on_hand = *quantity,
            Fault::Allocated(quantity) => self.level.allocated = *quantity,
            Fault::Damaged(quantity) => self.level.damaged = *quantity,
            Fault::OnHold(quantity) => self.level.on_hold = *quantity,
            Fault::InTransit(quantity) => self.level.in_transit = *quantity,
            Fault::Available(stored) => self.available = *stored,
            Fault::Open(quantity) => self.open = *quantity,
            Fault::Deleted(at) if !self.movements.is_empty() => {
                self.movements.remove(at.index(self.movements.len()));
            }
            Fault::Altered(at, by) if !self.movements.is_empty() => {
                let at = at.index(self.movements.len());
                self.movements[at].change.on_hand_delta += by;
            }
            Fault::AlteredResult(at, by) if !self.movements.is_empty() => {
                let at = at.index(self.movements.len());
                self.movements[at].allocated += by;
            }
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn whatever_goes_wrong_is_found_and_put_right_at_once(
        steps in prop::collection::vec((0_usize..7, 1_i64..9), 0..20),
        faults in prop::collection::vec(fault(), 0..4),
    ) {
        let mut kept = Kept::new();
        for (kind, quantity) in steps {
            match kind {
                0 => kept.go(MovementKind::Receipt, quantity, 0),
                1 => kept.go(MovementKind::Sale, -quantity, 0),
                2 => kept.go(MovementKind::Allocation, 0, quantity),
                3 => kept.go(MovementKind::Release, 0, -quantity),
                4 => kept.go(MovementKind::Fulfilment, -quantity, -quantity),
                5 => kept.set_policy(),
                _ => {
                    let states = StateDeltas {
                        damaged_delta: quantity / 3,
                        on_hold_delta: quantity / 2,
                        in_transit_delta: quantity,
                        counted_delta: 0,
                    };
                    kept.go_with(MovementKind::StateChange, 0, 0, states);
                }
            }
        }
        prop_assert!(kept.verdict().is_clean(), "nothing is wrong with a healthy level");
        prop_assert!(kept.mend().is_empty());
        for fault in &faults {
            kept.suffer(fault);
        }
        let found = !kept.verdict().is_clean();
        let writes = kept.mend();
        prop_assert_eq!(found, !writes.is_empty(), "what is found is mended, and nothing else is");
        let open = kept.open;
        prop_assert!(kept.verdict().is_clean(), "{:?} left by {:?}", kept.verdict(), writes);
        prop_assert_eq!(kept.level.allocated, open);
        prop_assert!(Quantities::of(&kept.level).each().iter().all(|(_, quantity)| *quantity >= 0));
        prop_assert!(kept.mend().is_empty());
    }
}
