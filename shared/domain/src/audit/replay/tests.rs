use std::collections::BTreeMap;

use super::*;
use crate::audit::fixture::{LevelFixture, order};

fn replay_of(fixture: &LevelFixture) -> LedgerReplay {
    let mut replay = LedgerReplay::default();
    for movement in &fixture.movements {
        replay.add(movement);
    }
    replay
}

#[test]
fn replay_tracks_allocated_quantity_per_order() {
    let [open, canceled, partly] = ["open", "canceled", "partly"].map(order);
    let fixture = LevelFixture::with_ten_received()
        .allocate(open, 2)
        .allocate(canceled, 3)
        .allocate(partly, 4)
        .release(canceled, 3)
        .fulfil(partly, 1);
    let replay = replay_of(&fixture);
    assert_eq!(
        *replay.allocated_by_order(),
        BTreeMap::from([(open, 2), (partly, 3)])
    );
    assert_eq!(replay.last_repair_version(), None);
}

#[test]
fn replay_returns_version_of_last_repair() {
    let repaired = LevelFixture::with_ten_received()
        .change(MovementKind::Sale, -1, 0)
        .change(MovementKind::Repair, 2, 0)
        .change(MovementKind::Sale, -1, 0)
        .change(MovementKind::Repair, 1, 0)
        .change(MovementKind::Receipt, 5, 0);
    assert_eq!(replay_of(&repaired).last_repair_version(), Some(5));
}
