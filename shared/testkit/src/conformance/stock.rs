//! What every stock store and ledger must do.

mod concurrent;
mod locations;
mod policies;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::level_creation::NotStockable;
use stockline_application::paging::Page;
use stockline_application::ports::stock::{
    EarlierRequest, Ledger, RecordMovementOutcome, RequestStatus, StockStore, StockableCatalog,
    StockedLocations,
};
use stockline_application::ports::stock_changes::{ChangeResult, PendingChange, StockChangeStore};
use stockline_application::stock_change::{ChangeOutcome, apply_change};
use stockline_domain::ids::RequestId;
use stockline_domain::level::{Level, LevelError, LevelKey, Movement, MovementKind};
use stockline_domain::stock_change::{ChangeContext, ChangeRefused, RequestedChange};

use self::concurrent::{
    concurrent_changes_add_up_and_leave_every_movement, concurrent_duplicates_apply_one_change,
    crossing_transfers_both_succeed,
};
use self::locations::location_has_stock_from_its_first_level;
use self::policies::{policy_is_set_without_a_movement, policy_survives_later_changes};
use super::story_functions;
use crate::memory::catalog::{EveryLevelStockable, MemoryCatalog};

story_functions!(
    stock,
    [Store: StockStore + StockChangeStore + StockedLocations + Ledger],
    [super],
    Store
);

/// A deadline that no story reaches.
pub fn deadline() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

/// The key of the level of `sku` at `location`.
pub fn key(location: &str, sku: &str) -> LevelKey {
    LevelKey {
        location_id: location.parse().unwrap(),
        sku: sku.parse().unwrap(),
    }
}

/// The id of the request that the stories send under the idempotency key `key`.
pub fn request(key: &str) -> RequestId {
    RequestId::derive("conformance", key)
}

/// Reads a change from its JSON body.
pub fn change(body: Value) -> RequestedChange {
    serde_json::from_value(body).unwrap()
}

/// A receipt of `quantity` milk at `location`.
pub fn receipt(location: &str, quantity: i64) -> RequestedChange {
    change(json!({"kind": "receipt", "location_id": location, "sku": "milk", "quantity": quantity}))
}

/// Applies `change` as number `index` of the request under `key`. Missing levels are created.
pub async fn apply<Store: StockStore + StockChangeStore>(
    store: &Store,
    key: &str,
    index: usize,
    change: &RequestedChange,
) -> ChangeOutcome {
    apply_with(&EveryLevelStockable, store, pending(key, index, change)).await
}

async fn apply_with<Store: StockStore + StockChangeStore, Catalog: StockableCatalog>(
    catalog: &Catalog,
    store: &Store,
    pending: PendingChange<'_>,
) -> ChangeOutcome {
    let applied = apply_change(store, catalog, pending, deadline()).await;
    applied.unwrap()
}

fn pending<'a>(key: &str, index: usize, change: &'a RequestedChange) -> PendingChange<'a> {
    PendingChange {
        request: request(key),
        index,
        change,
        at: at(index),
    }
}

/// When change `index` of a request arrives: `index` seconds after noon.
fn at(index: usize) -> Timestamp {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_secs(i64::try_from(index).unwrap())
}

/// The earlier arrival of a request, at noon, of which the changes in `settled` were decided.
fn earlier_request(settled: BTreeMap<usize, ChangeResult>) -> RequestStatus {
    RequestStatus::Known(EarlierRequest {
        received_at: at(0),
        settled,
    })
}

/// Records the last movement of each of `levels`, as the stream would.
async fn record_movements<Store: Ledger>(store: &Store, levels: &[Level]) {
    for level in levels {
        let movement = level.movement_since(None).unwrap();
        assert_ne!(
            store.record(&movement).await.unwrap(),
            RecordMovementOutcome::Conflict
        );
    }
}

fn applied_levels(applied: ChangeOutcome) -> Vec<Level> {
    match applied {
        ChangeOutcome::Applied(levels) => levels,
        other => panic!("the change is not applied: {other:?}"),
    }
}

fn fingerprint(text: &str) -> Fingerprint {
    Fingerprint::of(&text).unwrap()
}

/// On hand of milk at `location`; 0 if there is no level.
pub async fn on_hand<Store: StockStore + StockChangeStore>(store: &Store, location: &str) -> i64 {
    store
        .find(&key(location, "milk"))
        .await
        .unwrap()
        .map_or(0, |level| level.on_hand)
}

async fn every_change_kind_updates_its_levels<Store: StockStore + StockChangeStore + Ledger>(
    store: &Store,
) {
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
    let mut results = Vec::new();
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
        let levels = applied_levels(apply(store, at, index, change).await);
        record_movements(store, &levels).await;
        for level in levels {
            assert_eq!(
                store.find(&level.key()).await.unwrap().as_ref(),
                Some(&level)
            );
            let change = level.last_change.clone().unwrap();
            results.push((
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
        results,
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

async fn late_count_keeps_later_movements<Store: StockStore + StockChangeStore + Ledger>(
    store: &Store,
) {
    let count = |quantity: i64| {
        change(
            json!({"kind": "count", "location_id": "late", "sku": "milk", "quantity": quantity,
        "counted_at": "2026-03-01T12:00:00.500Z"}),
        )
    };
    let received = applied_levels(apply(store, "late", 0, &receipt("late", 10)).await);
    record_movements(store, &received).await;
    let received_after_count = applied_levels(apply(store, "late", 1, &receipt("late", 4)).await);
    record_movements(store, &received_after_count).await;
    let counted = applied_levels(apply(store, "late", 2, &count(7)).await);
    assert_eq!(counted[0].on_hand, 11);
    record_movements(store, &counted).await;

    let mut receipt_before_count = receipt("late", 5);
    if let RequestedChange::Receipt { occurred_at, .. } = &mut receipt_before_count {
        *occurred_at = Some("2026-03-01T11:30:00Z".parse().unwrap());
    }
    let late_receipt = applied_levels(apply(store, "late", 3, &receipt_before_count).await);
    assert_eq!(
        (late_receipt[0].on_hand, late_receipt[0].version),
        (11, counted[0].version + 1)
    );
}

async fn replayed_change_returns_original_levels<Store: StockStore + StockChangeStore>(
    store: &Store,
) {
    let body = fingerprint("replay");
    assert_eq!(store.recall(request("replay"), &body).await.unwrap(), None);
    let opened = store.open(request("replay"), &body, at(0)).await;
    assert_eq!(opened.unwrap(), RequestStatus::New);
    let original = applied_levels(apply(store, "replay", 0, &receipt("replay", 4)).await);
    applied_levels(apply(store, "replay-other", 0, &receipt("replay", 1)).await);
    let again = apply(store, "replay", 0, &receipt("replay", 4)).await;
    assert_eq!(again, ChangeOutcome::AlreadyApplied(original.clone()));
    assert_eq!(on_hand(store, "replay").await, 5);
    let known = store.open(request("replay"), &body, at(9)).await.unwrap();
    assert_eq!(
        known,
        earlier_request([(0, ChangeResult::Applied(original))].into())
    );
    assert_eq!(
        store.recall(request("replay"), &body).await.unwrap(),
        Some(known)
    );
}

async fn reused_key_with_other_body_is_rejected<Store: StockStore + StockChangeStore>(
    store: &Store,
) {
    let id = request("reused");
    let open = async |body: &str, second: usize| {
        let opened = store.open(id, &fingerprint(body), at(second)).await;
        opened.unwrap()
    };
    assert_eq!(open("one", 0).await, RequestStatus::New);
    assert_eq!(open("two", 1).await, RequestStatus::KeyReused);
    assert_eq!(open("one", 2).await, earlier_request([].into()));
}

async fn refused_change_stays_refused<Store: StockStore + StockChangeStore>(store: &Store) {
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
    let first = applied_levels(apply(store, "partial", 0, &receipt("partial", 10)).await);
    let refused = apply(store, "partial", 1, &transfer).await;
    let short = ChangeRefused::Level(LevelError::NotOnHand { on_hand: 10 });
    assert_eq!(refused, ChangeOutcome::Refused(short));
    applied_levels(apply(store, "partial-later", 0, &receipt("partial", 5)).await);

    let settled = [
        (0, ChangeResult::Applied(first)),
        (1, ChangeResult::Refused(short)),
    ];
    assert_eq!(open(9).await, earlier_request(settled.into()));
    let again = apply(store, "partial", 1, &transfer).await;
    assert_eq!(again, ChangeOutcome::AlreadyRefused(short));
    assert_eq!(on_hand(store, "partial").await, 15);
}

async fn missing_level_is_reported_without_a_write<Store: StockStore + StockChangeStore>(
    store: &Store,
) {
    applied_levels(apply(store, "missing", 0, &receipt("missing", 10)).await);
    let transfer = change(
        json!({"kind": "transfer", "from_location_id": "missing", "to_location_id": "missing-2",
        "sku": "milk", "quantity": 1}),
    );
    let empty_catalog = MemoryCatalog::default();
    let pending = pending("missing", 1, &transfer);
    let reported = apply_with(&empty_catalog, store, pending).await;
    let unknown = NotStockable::UnknownLocation("missing-2".parse().unwrap());
    assert_eq!(reported, ChangeOutcome::NotStockable(unknown.clone()));
    let again = apply_with(&empty_catalog, store, pending).await;
    assert_eq!(again, ChangeOutcome::AlreadyNotStockable(unknown));
    assert_eq!(on_hand(store, "missing").await, 10);
    assert_eq!(store.find(&key("missing-2", "milk")).await.unwrap(), None);
}

async fn transfer_changes_both_levels_or_neither<Store: StockStore + StockChangeStore>(
    store: &Store,
) {
    applied_levels(apply(store, "neither", 0, &receipt("neither", 1)).await);
    applied_levels(apply(store, "neither", 1, &receipt("neither-2", 1)).await);
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

async fn stale_expected_version_is_rejected<Store: StockStore + StockChangeStore + Ledger>(
    store: &Store,
) {
    let received = applied_levels(apply(store, "cas", 0, &receipt("cas", 5)).await);
    record_movements(store, &received).await;
    let expecting = |version: u64| {
        change(
            json!({"kind": "count", "location_id": "cas", "sku": "milk", "quantity": 9,
            "counted_at": "2026-03-01T12:00:01Z", "expected_version": version}),
        )
    };
    let stale = apply(store, "cas", 1, &expecting(0)).await;
    let mismatch = ChangeRefused::VersionMismatch {
        expected: 0,
        actual: 1,
    };
    assert_eq!(stale, ChangeOutcome::Refused(mismatch));
    applied_levels(apply(store, "cas", 2, &expecting(1)).await);
    assert_eq!(on_hand(store, "cas").await, 9);
}

/// Reads every movement of a level in pages, newest first.
async fn ledger<Store: StockStore + StockChangeStore>(
    store: &Store,
    key: &LevelKey,
) -> Vec<Movement> {
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

async fn list_pages_levels_by_sku<Store: StockStore + StockChangeStore>(store: &Store) {
    let skus = ["apples", "bread", "eggs", "milk", "tea"];
    for (index, sku) in skus.iter().enumerate().rev() {
        let received =
            json!({"kind": "receipt", "location_id": "listed", "sku": sku, "quantity": 2});
        applied_levels(apply(store, "listed", index, &change(received)).await);
    }
    applied_levels(apply(store, "listed", 9, &receipt("listed-2", 1)).await);
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

async fn movement_is_recorded_once_and_never_replaced<
    Store: StockStore + StockChangeStore + Ledger,
>(
    store: &Store,
) {
    let milk = key("ledger", "milk");
    let movement = |cause: &str, quantity: i64| {
        let level = Level::empty(&milk);
        let context = ChangeContext {
            request: request(cause),
            index: 0,
            now: at(0),
            moved_since: 0,
            replenishment_order: None,
        };
        let settled = receipt("ledger", quantity).apply(&[level], &context);
        settled.unwrap().levels[0].movement_since(None).unwrap()
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
