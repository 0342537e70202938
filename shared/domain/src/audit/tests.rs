//! Tests that audits find and repair every difference, and leave clean data alone.

mod any_fault;
mod ledgers;
mod split_levels;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::ids::MovementId;
use crate::level::{LevelDelta, LevelKey, Movement, MovementKind, Quantities, StateDeltas};

/// A level, its movements and the open quantity of its orders, as the tables store them.
#[derive(Debug, Clone)]
struct StoredSku {
    level: Level,
    available: Option<i64>,
    movements: Vec<Movement>,
    open_quantity: i64,
}

fn written_at() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn next_day() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

const LEDGER_PATIENCE: SignedDuration = SignedDuration::from_hours(6);

impl StoredSku {
    fn new() -> Self {
        let level = Level::empty(&LevelKey {
            location_id: "store-1".parse().unwrap(),
            sku: "milk".parse().unwrap(),
        });
        Self {
            level,
            available: Some(0),
            movements: Vec::new(),
            open_quantity: 0,
        }
    }

    /// Versions 1 to 3: 10 received, 3 allocated, 1 sold.
    fn with_movements() -> Self {
        let mut sku = Self::new();
        sku.change(MovementKind::Receipt, 10, 0);
        sku.change(MovementKind::Allocation, 0, 3);
        sku.change(MovementKind::Sale, -1, 0);
        sku
    }

    fn change(&mut self, kind: MovementKind, on_hand_delta: i64, allocated_delta: i64) {
        self.change_with_states(kind, on_hand_delta, allocated_delta, StateDeltas::default());
    }

    fn change_with_states(
        &mut self,
        kind: MovementKind,
        on_hand_delta: i64,
        allocated_delta: i64,
        states: StateDeltas,
    ) {
        let level = &self.level;
        let cause = format!("cause {}", level.version);
        let change = LevelDelta {
            movement_id: MovementId::derive(&cause, kind.as_str(), &level.location_id, &level.sku),
            kind,
            on_hand_delta,
            allocated_delta,
            states,
            reason: None,
            reference: None,
            occurred_at: written_at(),
            recorded_at: written_at(),
        };
        let Ok(after) = level.after(change) else {
            return;
        };
        self.movements.extend(after.movement_since(Some(level)));
        self.open_quantity += allocated_delta;
        self.available = Some(after.available());
        self.level = after;
    }

    fn set_policy(&mut self) {
        self.level.version += 1;
    }

    fn audit_data(&self) -> SkuAuditData {
        let mut replay = LedgerReplay::default();
        for movement in &self.movements {
            replay.add(movement);
        }
        let stored = StoredLevel {
            level: self.level.clone(),
            available: self.available,
        };
        SkuAuditData {
            levels: vec![AuditedLevel { stored, replay }],
            open_quantity: self.open_quantity,
        }
    }

    /// The audit at a time at which nothing may still arrive in the ledger.
    fn audit(&self) -> AuditResult {
        self.audit_data().audit(next_day(), LEDGER_PATIENCE)
    }

    fn differences(&self) -> Vec<Difference> {
        let result = self.audit();
        assert!(!result.ledger_is_behind);
        result.differences
    }

    /// Plans a repair, applies it and returns its writes.
    fn repair(&mut self) -> Vec<RepairWrite> {
        let writes = repair(&self.audit_data(), next_day());
        for write in writes.clone() {
            let movement = match write {
                RepairWrite::Record(movement) => Some(*movement),
                RepairWrite::Replace(mut levels) => {
                    let replacement = levels.pop().unwrap();
                    assert!(levels.is_empty());
                    assert_eq!(replacement.before, self.level);
                    self.available = Some(replacement.after.available());
                    self.level = replacement.after;
                    replacement.repair
                }
            };
            if let Some(movement) = movement {
                let exists = self.movements.iter().any(|m| m.version == movement.version);
                assert!(!exists, "a movement is never replaced");
                self.movements.push(movement);
                self.movements.sort_by_key(|movement| movement.version);
            }
        }
        writes
    }
}

/// The only replacement in `writes`.
fn only_replacement(writes: &[RepairWrite]) -> &Replacement {
    match writes {
        [RepairWrite::Replace(levels)] if levels.len() == 1 => &levels[0],
        other => panic!("{other:?}"),
    }
}

fn repair_movement(writes: &[RepairWrite]) -> Option<&Movement> {
    only_replacement(writes).repair.as_ref()
}

#[test]
fn manually_changed_on_hand_is_kept_by_a_repair_movement() {
    let mut sku = StoredSku::with_movements();
    sku.level.on_hand = 12;
    sku.available = Some(9);
    let difference = Difference::Movements {
        quantity: Quantity::OnHand,
        level: 12,
        movements: 9,
    };
    assert_eq!(sku.differences(), [difference]);
    sku.repair();
    assert_eq!((sku.level.on_hand, sku.level.allocated), (12, 3));
    let repair = &sku.movements[3];
    assert_eq!(
        (repair.change.kind, repair.change.on_hand_delta),
        (MovementKind::Repair, 3)
    );
    assert!(sku.audit().is_clean());
}

#[test]
fn on_hand_of_zero_is_kept_by_repair() {
    let mut sku = StoredSku::with_movements();
    (sku.level.on_hand, sku.available) = (0, Some(-3));
    sku.repair();
    assert_eq!((sku.level.on_hand, sku.level.allocated), (0, 3));
}

#[test]
fn difference_display_names_quantity_and_values() {
    let quantity = Quantity::OnHold;
    let texts = [
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
            computed: 9,
        },
        Difference::Available {
            stored: None,
            computed: 9,
        },
    ]
    .map(|difference| difference.to_string());
    assert_eq!(
        texts,
        [
            "on_hold is 3, but its movements add up to 2",
            "movement 4 does not follow from the one before it",
            "movement 5 is not recorded",
            "allocated is 6, but open orders hold 7",
            "on_hold is negative: -1",
            "available is stored as 8, but it is 9",
            "available is not stored, but it is 9",
        ]
    );
    for (quantity, _) in Quantities::default().each() {
        assert_eq!(serde_json::to_value(quantity).unwrap(), quantity.as_str());
    }
}

#[test]
fn allocated_is_repaired_to_the_open_quantity() {
    for allocated in [0, 1, 8] {
        let mut sku = StoredSku::with_movements();
        sku.level.allocated = allocated;
        sku.available = Some(sku.level.available());
        let found = Difference::Orders { allocated, open: 3 };
        assert!(sku.differences().contains(&found));
        sku.repair();
        assert_eq!((sku.level.on_hand, sku.level.allocated), (9, 3));
        assert!(sku.audit().is_clean());
    }
    let mut sku = StoredSku::with_movements();
    sku.open_quantity = 1;
    sku.repair();
    assert_eq!(sku.level.allocated, 1);
    assert_eq!(sku.movements[3].change.allocated_delta, -2);
    assert!(sku.audit().is_clean());
}

#[test]
fn wrong_available_is_recomputed_without_a_movement() {
    let mut sku = StoredSku::with_movements();
    sku.available = Some(600);
    let difference = Difference::Available {
        stored: Some(600),
        computed: 6,
    };
    assert_eq!(sku.differences(), [difference]);
    let writes = sku.repair();
    assert!(repair_movement(&writes).is_none());
    assert_eq!((sku.available, sku.level.version), (Some(6), 4));
    assert!(sku.audit().is_clean());
}

#[test]
fn negative_quantity_is_repaired_from_the_ledger() {
    let mut sku = StoredSku::with_movements();
    sku.level.on_hand = -4;
    sku.level.damaged = -1;
    let negative = Difference::Negative {
        quantity: Quantity::Damaged,
        level: -1,
    };
    assert!(sku.differences().contains(&negative));
    sku.repair();
    assert_eq!((sku.level.on_hand, sku.level.damaged), (9, 0));
    assert!(sku.audit().is_clean());
}

#[test]
fn repair_of_an_unsplit_level_does_not_set_whole_short() {
    let mut sku = StoredSku::with_movements();
    sku.level.on_hand = 2;
    sku.available = Some(2);
    sku.repair();
    assert!(sku.level.is_short() && !sku.level.whole_short);
}
