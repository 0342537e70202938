//! What every stock store and ledger must do.
//!
//! Each story works at locations of its own, in a store that may hold anything elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::paging::Page;
use stockline_application::ports::stock::{
    ChangeOutcome, EarlierRequest, Ledger, MissingLevel, PendingChange, RecordMovementOutcome,
    RequestStatus, StockStore,
};
use stockline_domain::ids::RequestId;
use stockline_domain::level::{Level, LevelError, LevelKey, Movement, MovementKind, ReorderPolicy};
use stockline_domain::stock_change::{ChangeRefused, RequestedChange};

/// Runs every story.
pub async fn all<S: StockStore + Ledger>(store: &S) {
    every_kind_of_change_moves_its_levels(store).await;
    a_count_that_is_told_late_leaves_what_moved_after_it(store).await;
    a_change_that_was_applied_answers_what_it_led_to_then(store).await;
    another_request_under_the_same_key_is_refused(store).await;
    a_retry_applies_what_was_refused_and_leaves_what_was_applied(store).await;
    a_missing_level_is_reported_and_nothing_is_written(store).await;
    a_transfer_moves_both_levels_or_neither(store).await;
    a_level_that_moved_on_refuses_a_compare_and_set(store).await;
    many_writers_of_one_level_add_up_and_leave_every_movement(store).await;
    the_same_change_sent_many_times_at_once_is_applied_once(store).await;
    two_transfers_that_cross_both_leave(store).await;
    a_location_is_listed_in_pages_by_sku(store).await;
    a_policy_is_set_without_a_movement(store).await;
    a_policy_survives_the_changes_after_it(store).await;
    a_movement_is_recorded_once_and_never_replaced(store).await;
}

/// How long a story may take.
pub fn deadline() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

/// The level of `sku` at `location`.
pub fn key(location: &str, sku: &str) -> LevelKey {
    LevelKey {
        location_id: location.parse().unwrap(),
        sku: sku.parse().unwrap(),
    }
}

/// The request that the suite sends under `key`.
pub fn request(key: &str) -> RequestId {
    RequestId::derive("conformance", key)
}

/// The change that `body` says.
pub fn change(body: Value) -> RequestedChange {
    serde_json::from_value(body).unwrap()
}

/// A receipt of `quantity` milk at `location`.
pub fn receipt(location: &str, quantity: i64) -> RequestedChange {
    change(json!({"kind": "receipt", "location_id": location, "sku": "milk", "quantity": quantity}))
}

/// Applies `change` as number `index` of the request under `key`; levels that are missing are created.
pub async fn apply<S: StockStore>(
    store: &S,
    key: &str,
    index: usize,
    change: &RequestedChange,
) -> ChangeOutcome {
    let pending = pending(key, index, change, MissingLevel::Create);
    store.apply(pending, deadline()).await.unwrap()
}

fn pending<'a>(
    key: &str,
    index: usize,
    change: &'a RequestedChange,
    missing: MissingLevel,
) -> PendingChange<'a> {
    PendingChange {
        request: request(key),
        index,
        change,
        at: at(index),
        missing,
    }
}

/// When change `index` of every request comes: a second after the one before.
fn at(index: usize) -> Timestamp {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_secs(i64::try_from(index).unwrap())
}

/// A request that first came as the first of every request does, of which this was applied.
fn came_before(applied: BTreeMap<usize, Vec<Level>>) -> RequestStatus {
    RequestStatus::Known(EarlierRequest {
        received_at: at(0),
        applied,
    })
}

/// Records what happened to `levels`, as the stream would.
async fn tell<S: Ledger>(store: &S, levels: &[Level]) {
    for level in levels {
        let movement = level.movement_since(None).unwrap();
        assert_ne!(
            store.record(&movement).await.unwrap(),
            RecordMovementOutcome::Conflict
        );
    }
}

fn now(applied: ChangeOutcome) -> Vec<Level> {
    match applied {
        ChangeOutcome::Applied(levels) => levels,
        other => panic!("it was not applied: {other:?}"),
    }
}

fn fingerprint(text: &str) -> Fingerprint {
    Fingerprint::of(&text).unwrap()
}

/// On hand of milk at `location`.
pub async fn on_hand<S: StockStore>(store: &S, location: &str) -> i64 {
    store
        .find(&key(location, "milk"))
        .await
        .unwrap()
        .map_or(0, |level| level.on_hand)
}

async fn every_kind_of_change_moves_its_levels<S: StockStore + Ledger>(store: &S) {
    let at = "kinds";
    let adjustment = json!({"kind": "adjustment", "location_id": at, "sku": "milk", "delta": -3, "reason": "damage"});
    let count = json!({"kind": "count", "location_id": at, "sku": "milk", "quantity": 5,
        "counted_at": "2026-03-01T12:00:02Z"});
    let transfer = json!({"kind": "transfer", "from_location_id": at, "to_location_id": "kinds-2", "sku": "milk",
        "quantity": 2, "reference": "T-1"});
    let arrival =
        json!({"kind": "arrival", "location_id": "kinds-2", "sku": "milk", "quantity": 1});
    let held = json!({"kind": "state_change", "location_id": at, "sku": "milk", "quantity": 1,
        "from": "sellable", "to": "on_hold"});
    let mut seen = Vec::new();
    for (index, change) in [
        receipt(at, 10),
        change(adjustment),
        change(count),
        change(transfer),
        change(arrival),
        change(held),
    ]
    .iter()
    .enumerate()
    {
        let levels = now(apply(store, at, index, change).await);
        tell(store, &levels).await;
        for level in levels {
            assert_eq!(
                store.find(&level.key()).await.unwrap().as_ref(),
                Some(&level)
            );
            let change = level.last_change.clone().unwrap();
            seen.push((
                change.kind,
                change.on_hand_delta,
                level.on_hand,
                level.available(),
                level.in_transit,
                level.version,
            ));
        }
    }
    assert_eq!(
        seen,
        [
            (MovementKind::Receipt, 10, 10, 10, 0, 1),
            (MovementKind::Adjustment, -3, 7, 7, 0, 2),
            (MovementKind::Count, -2, 5, 5, 0, 3),
            (MovementKind::TransferOut, -2, 3, 3, 0, 4),
            (MovementKind::TransferIn, 0, 0, 0, 2, 1),
            (MovementKind::TransferIn, 1, 1, 1, 1, 2),
            (MovementKind::StateChange, 0, 3, 2, 0, 5),
        ]
    );
    let counted = store
        .find(&key(at, "milk"))
        .await
        .unwrap()
        .unwrap()
        .counted_at;
    assert_eq!(counted, Some("2026-03-01T12:00:02Z".parse().unwrap()));
}

async fn a_count_that_is_told_late_leaves_what_moved_after_it<S: StockStore + Ledger>(store: &S) {
    let count = |quantity: i64| {
        change(
            json!({"kind": "count", "location_id": "late", "sku": "milk", "quantity": quantity,
        "counted_at": "2026-03-01T12:00:00.500Z"}),
        )
    };
    let sent = now(apply(store, "late", 0, &receipt("late", 10)).await);
    tell(store, &sent).await;
    let came_after = now(apply(store, "late", 1, &receipt("late", 4)).await);
    tell(store, &came_after).await;
    let counted = now(apply(store, "late", 2, &count(7)).await);
    assert_eq!(counted[0].on_hand, 11);
    tell(store, &counted).await;

    let mut came_before = receipt("late", 5);
    if let RequestedChange::Receipt { occurred_at, .. } = &mut came_before {
        *occurred_at = Some("2026-03-01T11:30:00Z".parse().unwrap());
    }
    let told_late = now(apply(store, "late", 3, &came_before).await);
    assert_eq!(
        (told_late[0].on_hand, told_late[0].version),
        (11, counted[0].version + 1)
    );
}

async fn a_change_that_was_applied_answers_what_it_led_to_then<S: StockStore>(store: &S) {
    let body = fingerprint("replay");
    assert_eq!(store.recall(request("replay"), &body).await.unwrap(), None);
    let opened = store.open(request("replay"), &body, at(0)).await;
    assert_eq!(opened.unwrap(), RequestStatus::New);
    let then = now(apply(store, "replay", 0, &receipt("replay", 4)).await);
    now(apply(store, "replay-other", 0, &receipt("replay", 1)).await);
    let again = apply(store, "replay", 0, &receipt("replay", 4)).await;
    assert_eq!(again, ChangeOutcome::AlreadyApplied(then.clone()));
    assert_eq!(on_hand(store, "replay").await, 5);
    let known = store.open(request("replay"), &body, at(9)).await.unwrap();
    assert_eq!(known, came_before([(0, then)].into()));
    assert_eq!(
        store.recall(request("replay"), &body).await.unwrap(),
        Some(known)
    );
}

async fn another_request_under_the_same_key_is_refused<S: StockStore>(store: &S) {
    let id = request("reused");
    let open = async |body: &str, second: usize| {
        let opened = store.open(id, &fingerprint(body), at(second)).await;
        opened.unwrap()
    };
    assert_eq!(open("one", 0).await, RequestStatus::New);
    assert_eq!(open("two", 1).await, RequestStatus::KeyReused);
    assert_eq!(open("one", 2).await, came_before([].into()));
}

async fn a_retry_applies_what_was_refused_and_leaves_what_was_applied<S: StockStore>(store: &S) {
    let transfer = change(
        json!({"kind": "transfer", "from_location_id": "partial", "to_location_id": "partial-2",
        "sku": "milk", "quantity": 12}),
    );
    let body = fingerprint("partial");
    let open = async |second: usize| {
        let opened = store.open(request("partial"), &body, at(second)).await;
        opened.unwrap()
    };
    open(0).await;
    let first = now(apply(store, "partial", 0, &receipt("partial", 10)).await);
    let refused = apply(store, "partial", 1, &transfer).await;
    let short = ChangeRefused::Level(LevelError::NotOnHand { on_hand: 10 });
    assert_eq!(refused, ChangeOutcome::Refused(short));
    now(apply(store, "partial-later", 0, &receipt("partial", 5)).await);

    assert_eq!(open(9).await, came_before([(0, first)].into()));
    let levels = now(apply(store, "partial", 1, &transfer).await);
    assert_eq!((levels[0].on_hand, levels[1].in_transit), (3, 12));
}

async fn a_missing_level_is_reported_and_nothing_is_written<S: StockStore>(store: &S) {
    now(apply(store, "missing", 0, &receipt("missing", 10)).await);
    let transfer = change(
        json!({"kind": "transfer", "from_location_id": "missing", "to_location_id": "missing-2",
        "sku": "milk", "quantity": 1}),
    );
    let pending = pending("missing", 1, &transfer, MissingLevel::Report);
    let reported = store.apply(pending, deadline()).await.unwrap();
    assert_eq!(
        reported,
        ChangeOutcome::MissingLevels(vec![key("missing-2", "milk")])
    );
    assert_eq!(on_hand(store, "missing").await, 10);
    assert_eq!(store.find(&key("missing-2", "milk")).await.unwrap(), None);
}

async fn a_transfer_moves_both_levels_or_neither<S: StockStore>(store: &S) {
    now(apply(store, "neither", 0, &receipt("neither", 1)).await);
    now(apply(store, "neither", 1, &receipt("neither-2", 1)).await);
    let transfer = change(
        json!({"kind": "transfer", "from_location_id": "neither", "to_location_id": "neither-2",
        "sku": "milk", "quantity": 2}),
    );
    assert!(matches!(
        apply(store, "neither", 2, &transfer).await,
        ChangeOutcome::Refused(_)
    ));
    assert_eq!(
        (
            on_hand(store, "neither").await,
            on_hand(store, "neither-2").await
        ),
        (1, 1)
    );
}

async fn a_level_that_moved_on_refuses_a_compare_and_set<S: StockStore + Ledger>(store: &S) {
    let received = now(apply(store, "cas", 0, &receipt("cas", 5)).await);
    tell(store, &received).await;
    let expecting = |version: u64| {
        change(
            json!({"kind": "count", "location_id": "cas", "sku": "milk", "quantity": 9,
            "counted_at": "2026-03-01T12:00:01Z", "expected_version": version}),
        )
    };
    let stale = apply(store, "cas", 1, &expecting(0)).await;
    let moved_on = ChangeRefused::VersionMismatch {
        expected: 0,
        actual: 1,
    };
    assert_eq!(stale, ChangeOutcome::Refused(moved_on));
    now(apply(store, "cas", 2, &expecting(1)).await);
    assert_eq!(on_hand(store, "cas").await, 9);
}

async fn many_writers_of_one_level_add_up_and_leave_every_movement<S: StockStore + Ledger>(
    store: &S,
) {
    let writers = (0..8).map(|writer| async move {
        let mut levels = Vec::new();
        for index in 0..5_usize {
            let received = receipt("crowd", 1 + i64::from(writer));
            levels.extend(now(apply(
                store,
                &format!("crowd-{writer}"),
                index,
                &received,
            )
            .await));
        }
        levels
    });
    let levels: Vec<Level> = join_all(writers).await.into_iter().flatten().collect();
    let level = store.find(&key("crowd", "milk")).await.unwrap().unwrap();
    assert_eq!(
        (level.on_hand, level.version),
        (5 * (1..=8).sum::<i64>(), 40)
    );

    // The stream tells each change at least once; told twice and out of order, the ledger is the same.
    for level in levels.iter().chain(levels.iter().rev()) {
        let movement = level.movement_since(None).unwrap();
        assert_ne!(
            store.record(&movement).await.unwrap(),
            RecordMovementOutcome::Conflict
        );
    }
    let movements = ledger(store, &level.key()).await;
    let versions: Vec<u64> = movements.iter().map(|movement| movement.version).collect();
    assert_eq!(versions, (1..=40).rev().collect::<Vec<_>>());
    let sum: i64 = movements
        .iter()
        .map(|movement| movement.change.on_hand_delta)
        .sum();
    assert_eq!(sum, level.on_hand);
    for pair in movements.windows(2) {
        assert_eq!(
            pair[0].on_hand,
            pair[1].on_hand + pair[0].change.on_hand_delta
        );
    }
}

/// Every movement of a level, newest first, read in pages.
async fn ledger<S: StockStore>(store: &S, key: &LevelKey) -> Vec<Movement> {
    let (mut movements, mut after) = (Vec::new(), None);
    loop {
        let page = Page { limit: 7, after };
        let listing = store.movements(key, page).await.unwrap();
        assert!(listing.items.len() <= 7);
        movements.extend(listing.items);
        after = listing.next;
        if after.is_none() {
            return movements;
        }
    }
}

async fn the_same_change_sent_many_times_at_once_is_applied_once<S: StockStore>(store: &S) {
    now(apply(store, "twins", 0, &receipt("twins", 5)).await);
    let adjustment = change(
        json!({"kind": "adjustment", "location_id": "twins", "sku": "milk", "delta": -5,
        "reason": "theft", "expected_version": 1}),
    );
    let outcomes = join_all((0..8).map(|_| apply(store, "twins", 1, &adjustment))).await;
    let applied = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, ChangeOutcome::Applied(_)))
        .count();
    let replayed = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, ChangeOutcome::AlreadyApplied(_)))
        .count();
    assert_eq!((applied, replayed), (1, 7), "{outcomes:?}");
    assert_eq!(on_hand(store, "twins").await, 0);
}

async fn two_transfers_that_cross_both_leave<S: StockStore>(store: &S) {
    now(apply(store, "cross", 0, &receipt("cross-1", 10)).await);
    now(apply(store, "cross", 1, &receipt("cross-2", 10)).await);
    let transfer = |from: &str, to: &str, quantity: i64| {
        change(
            json!({"kind": "transfer", "from_location_id": from, "to_location_id": to, "sku": "milk",
            "quantity": quantity}),
        )
    };
    let (there, back) = (
        transfer("cross-1", "cross-2", 3),
        transfer("cross-2", "cross-1", 1),
    );
    let outcomes = join_all([
        apply(store, "cross", 2, &there),
        apply(store, "cross", 3, &back),
    ])
    .await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, ChangeOutcome::Applied(_))),
        "{outcomes:?}"
    );
    for (location, left, coming) in [("cross-1", 7, 1), ("cross-2", 9, 3)] {
        let level = store.find(&key(location, "milk")).await.unwrap().unwrap();
        assert_eq!((level.on_hand, level.in_transit), (left, coming));
    }
}

async fn a_location_is_listed_in_pages_by_sku<S: StockStore>(store: &S) {
    let skus = ["apples", "bread", "eggs", "milk", "tea"];
    for (index, sku) in skus.iter().enumerate().rev() {
        let received =
            json!({"kind": "receipt", "location_id": "listed", "sku": sku, "quantity": 2});
        now(apply(store, "listed", index, &change(received)).await);
    }
    now(apply(store, "listed", 9, &receipt("listed-2", 1)).await);
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = Page { limit: 2, after };
        let listing = store
            .list(&"listed".parse().unwrap(), page, deadline())
            .await
            .unwrap();
        assert!(listing.items.len() <= 2);
        listed.extend(
            listing
                .items
                .into_iter()
                .map(|level| (level.sku.to_string(), level.on_hand)),
        );
        after = listing.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, skus.map(|sku| (sku.to_owned(), 2)));
}

fn policy(reorder_point: i64) -> ReorderPolicy {
    ReorderPolicy {
        reorder_point,
        target_level: 50,
        order_multiple: 6,
        safety_stock: 2,
        lead_time_days: 3,
        buckets: 1,
    }
}

async fn a_policy_is_set_without_a_movement<S: StockStore>(store: &S) {
    let milk = key("policy", "milk");
    let set = |reorder_point: i64, missing: MissingLevel| {
        let milk = &milk;
        async move {
            store
                .set_policy(milk, &policy(reorder_point), missing, at(0), deadline())
                .await
                .unwrap()
        }
    };
    assert_eq!(set(5, MissingLevel::Report).await, None);
    let created = set(5, MissingLevel::Create).await.unwrap();
    assert_eq!(
        (created.on_hand, created.version, created.last_change),
        (0, 1, None)
    );

    let received = now(apply(store, "policy", 0, &receipt("policy", 8)).await).remove(0);
    let changed = set(6, MissingLevel::Report).await.unwrap();
    assert_eq!(changed.policy, Some(policy(6)));
    assert_eq!(
        (changed.version, &changed.last_change),
        (received.version + 1, &received.last_change)
    );
    assert_eq!(changed.movement_since(Some(&received)), None);
    assert_eq!(
        set(6, MissingLevel::Report).await,
        Some(changed.clone()),
        "the same policy is no write"
    );
    assert_eq!(store.find(&milk).await.unwrap(), Some(changed));
}

async fn a_policy_survives_the_changes_after_it<S: StockStore>(store: &S) {
    let milk = key("kept", "milk");
    store
        .set_policy(&milk, &policy(5), MissingLevel::Create, at(0), deadline())
        .await
        .unwrap();
    let levels = now(apply(store, "kept", 0, &receipt("kept", 8)).await);
    assert_eq!(levels[0].policy, Some(policy(5)));
    assert_eq!(
        store.find(&milk).await.unwrap().unwrap().policy,
        Some(policy(5))
    );
}

async fn a_movement_is_recorded_once_and_never_replaced<S: StockStore + Ledger>(store: &S) {
    let milk = key("ledger", "milk");
    let movement = |cause: &str, quantity: i64| {
        let level = Level::empty(&milk);
        let levels = receipt("ledger", quantity).apply(
            &[level],
            0,
            request(cause),
            0,
            "2026-03-01T12:00:00Z".parse().unwrap(),
        );
        levels.unwrap()[0].movement_since(None).unwrap()
    };
    let first = movement("ledger-1", 4);
    assert_eq!(
        store.record(&first).await.unwrap(),
        RecordMovementOutcome::Written
    );
    assert_eq!(
        store.record(&first).await.unwrap(),
        RecordMovementOutcome::AlreadyRecorded
    );
    assert_eq!(
        store.record(&movement("ledger-2", 9)).await.unwrap(),
        RecordMovementOutcome::Conflict
    );
    assert_eq!(ledger(store, &milk).await, [first]);
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn stock_in_memory_conforms() {
        super::all(&crate::memory::shop::MemoryShop::default()).await;
    }
}
