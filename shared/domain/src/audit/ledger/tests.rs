use std::collections::BTreeMap;

use super::*;
use crate::audit::milk::{Milk, order};

fn ledger_of(milk: &Milk) -> Ledger {
    let mut ledger = Ledger::default();
    for movement in &milk.movements {
        ledger.add(movement);
    }
    ledger
}

#[test]
fn what_is_promised_to_each_order_is_known_until_it_is_kept_or_taken_back() {
    let [open, canceled, partly] = ["open", "canceled", "partly"].map(order);
    let milk = Milk::ten()
        .promised(open, 2)
        .promised(canceled, 3)
        .promised(partly, 4)
        .released(canceled, 3)
        .left(partly, 1);
    let ledger = ledger_of(&milk);
    assert_eq!(*ledger.promised(), BTreeMap::from([(open, 2), (partly, 3)]));
    assert_eq!(ledger.repaired_at(), None);
}

#[test]
fn the_last_repair_is_known_by_its_version() {
    let repaired = Milk::ten()
        .and(MovementKind::Sale, -1, 0)
        .and(MovementKind::Repair, 2, 0)
        .and(MovementKind::Sale, -1, 0)
        .and(MovementKind::Repair, 1, 0)
        .and(MovementKind::Receipt, 5, 0);
    assert_eq!(ledger_of(&repaired).repaired_at(), Some(5));
}
