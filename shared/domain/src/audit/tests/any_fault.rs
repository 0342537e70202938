//! Whatever goes wrong with the books of a level is found and put right.

use proptest::prelude::*;

use super::*;

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
