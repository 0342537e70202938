//! Whatever is wrong with the books is found and put right, and what is right is left alone.

mod any_fault;
mod ledgers;
mod split_levels;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::ids::MovementId;
use crate::level::{LastChange, LevelKey, Movement, MovementKind, StateDeltas};

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
fn a_level_that_says_that_nothing_is_there_is_right() {
    let mut kept = Kept::busy();
    (kept.level.on_hand, kept.available) = (0, Some(-3));
    kept.mend();
    assert_eq!((kept.level.on_hand, kept.level.allocated), (0, 3));
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
fn a_level_of_one_item_says_nothing_of_the_whole_when_it_is_mended() {
    let mut kept = Kept::busy();
    kept.level.on_hand = 2;
    kept.available = Some(2);
    kept.mend();
    assert!(kept.level.is_short() && !kept.level.whole_short);
}
