//! Property test: any combination of faults in a level, its movements or its orders is found and repaired.

use proptest::prelude::*;

use super::*;

/// One fault in the stored data.
#[derive(Debug, Clone)]
enum Fault {
    OnHand(i64),
    Allocated(i64),
    Damaged(i64),
    OnHold(i64),
    InTransit(i64),
    Available(Option<i64>),
    OpenQuantity(i64),
    MovementDeleted(prop::sample::Index),
    DeltaAltered(prop::sample::Index, i64),
    ResultAltered(prop::sample::Index, i64),
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
        (0_i64..20).prop_map(Fault::OpenQuantity),
        any_movement().prop_map(Fault::MovementDeleted),
        (any_movement(), -9_i64..9).prop_map(|(at, by)| Fault::DeltaAltered(at, by)),
        (any_movement(), -9_i64..9).prop_map(|(at, by)| Fault::ResultAltered(at, by)),
    ]
}

impl StoredSku {
    fn inject(&mut self, fault: &Fault) {
        match fault {
            Fault::OnHand(quantity) => self.level.on_hand = *quantity,
            Fault::Allocated(quantity) => self.level.allocated = *quantity,
            Fault::Damaged(quantity) => self.level.damaged = *quantity,
            Fault::OnHold(quantity) => self.level.on_hold = *quantity,
            Fault::InTransit(quantity) => self.level.in_transit = *quantity,
            Fault::Available(stored) => self.available = *stored,
            Fault::OpenQuantity(quantity) => self.open_quantity = *quantity,
            Fault::MovementDeleted(at) if !self.movements.is_empty() => {
                self.movements.remove(at.index(self.movements.len()));
            }
            Fault::DeltaAltered(at, by) if !self.movements.is_empty() => {
                let at = at.index(self.movements.len());
                self.movements[at].change.on_hand_delta += by;
            }
            Fault::ResultAltered(at, by) if !self.movements.is_empty() => {
                let at = at.index(self.movements.len());
                self.movements[at].allocated += by;
            }
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn any_faults_are_found_and_repaired_in_one_pass(
        changes in prop::collection::vec((0_usize..7, 1_i64..9), 0..20),
        faults in prop::collection::vec(fault(), 0..4),
    ) {
        let mut sku = StoredSku::new();
        for (kind, quantity) in changes {
            match kind {
                0 => sku.change(MovementKind::Receipt, quantity, 0),
                1 => sku.change(MovementKind::Sale, -quantity, 0),
                2 => sku.change(MovementKind::Allocation, 0, quantity),
                3 => sku.change(MovementKind::Release, 0, -quantity),
                4 => sku.change(MovementKind::Fulfilment, -quantity, -quantity),
                5 => sku.set_policy(),
                _ => {
                    let states = StateDeltas {
                        damaged_delta: quantity / 3,
                        on_hold_delta: quantity / 2,
                        in_transit_delta: quantity,
                        incoming_delta: 0,
                        counted_delta: 0,
                    };
                    sku.change_with_states(MovementKind::StateChange, 0, 0, states);
                }
            }
        }
        prop_assert!(sku.audit().is_clean(), "a level without faults is clean");
        prop_assert!(sku.repair().is_empty());
        for fault in &faults {
            sku.inject(fault);
        }
        let found = !sku.audit().is_clean();
        let writes = sku.repair();
        prop_assert_eq!(found, !writes.is_empty(), "repairs are made if and only if something is found");
        let open_quantity = sku.open_quantity;
        prop_assert!(sku.audit().is_clean(), "{:?} remains after {:?}", sku.audit(), writes);
        prop_assert_eq!(sku.level.allocated, open_quantity);
        prop_assert!(sku.level.quantities().each().iter().all(|(_, quantity)| *quantity >= 0));
        prop_assert!(sku.repair().is_empty());
    }
}
