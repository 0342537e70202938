//! What every audit must find and every repair must fix. A story writes each fault directly, without the stores.

use std::future::Future;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::audit_data::{AuditData, RepairOutcome, StockRepairer};
use stockline_application::ports::clock::Clock;
use stockline_application::ports::orders::{OpenOrders, OrderStore, PlaceOutcome};
use stockline_application::ports::stock::{ChangeOutcome, Ledger, StockStore};
use stockline_application::stock_audit::{Finding, Patience, StockAudit};
use stockline_domain::audit::repair;
use stockline_domain::ids::OrderId;
use stockline_domain::level::LevelKey;

use super::stock::{apply, deadline, key, receipt};
use super::story_functions;
use crate::orders::order;

story_functions!(audit, [Shop: AuditedShop], [super], Shop);

/// A fault in the stored data of milk at a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataFault {
    /// The level's attribute of that name has this value.
    LevelAttribute(&'static str, i64),
    /// The movement of that version is missing.
    MissingMovement(u64),
    /// The movement of that version has this `on_hand_delta`.
    MovementDelta(u64, i64),
    /// The first line of that order has this canceled quantity.
    CanceledQuantity(OrderId, i64),
}

/// A shop under audit, into which a story can write faults.
pub trait AuditedShop: Sync {
    /// The store of its levels and movements.
    type Stock: StockStore + Ledger + AuditData + StockRepairer + Clone;
    /// The store of its orders.
    type Orders: OrderStore + OpenOrders + Clone;

    /// The store of its levels and movements.
    fn stock(&self) -> &Self::Stock;

    /// The store of its orders.
    fn orders(&self) -> &Self::Orders;

    /// Records the last movement of milk at `location`, as the stream would.
    fn record_last_movement(&self, location: &str) -> impl Future<Output = ()> + Send;

    /// Writes `fault` into the data of milk at `location`.
    fn inject(&self, location: &str, fault: DataFault) -> impl Future<Output = ()> + Send;
}

/// A clock that stands still, one day after every order and change of the stories.
#[derive(Debug, Clone, Copy)]
pub struct NextDay;

impl Clock for NextDay {
    fn now(&self) -> Timestamp {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }
}

/// An audit of `shop` with short waits between its reads.
pub fn audit<Shop: AuditedShop, C: Clock>(
    shop: &Shop,
    clock: C,
) -> StockAudit<Shop::Stock, Shop::Orders, C> {
    StockAudit {
        books: shop.stock().clone(),
        orders: shop.orders().clone(),
        clock,
        patience: Patience {
            ledger: SignedDuration::from_hours(6),
            between_looks: Duration::from_millis(20),
            until_undecided: Duration::from_millis(800),
        },
    }
}

/// Receives ten units of milk, sells one, and allocates three and two, which makes the level's versions 1 to 4. Returns the ids
/// of the three orders.
async fn fill_shop<Shop: AuditedShop>(shop: &Shop, location: &str) -> Vec<OrderId> {
    let received = apply(shop.stock(), location, 0, &receipt(location, 10)).await;
    assert!(
        matches!(received, ChangeOutcome::Applied(_)),
        "{received:?}"
    );
    shop.record_last_movement(location).await;
    let mut ids = Vec::new();
    for (number, channel, quantity) in [(0, "pos", 1), (1, "online", 3), (2, "online", 2)] {
        let placed = order(
            &format!("{location}-{number}"),
            location,
            channel,
            &[("milk", quantity)],
        );
        let request = Fingerprint::of(&"a").unwrap();
        let placement = shop
            .orders()
            .place(&placed, &request, deadline())
            .await
            .unwrap();
        assert_eq!(placement, PlaceOutcome::Placed);
        shop.record_last_movement(location).await;
        ids.push(placed.order_id);
    }
    ids
}

async fn findings<Shop: AuditedShop, C: Clock>(
    shop: &Shop,
    clock: C,
    location: &str,
) -> Vec<Finding> {
    let (audit, location) = (audit(shop, clock), location.parse().unwrap());
    let held = audit.held_at(&location).await.unwrap();
    let page = audit.page(&location, &held, None).await.unwrap();
    assert_eq!((page.looked_at, page.next), (1, None));
    page.findings
}

async fn each_fault_is_found_and_repaired<Shop: AuditedShop>(shop: &Shop) {
    // Each level has 9 on hand and 5 allocated. The pair is what it has after the repair.
    let faults = [
        ("on-hand", DataFault::LevelAttribute("on_hand", 12), (12, 5)),
        ("negative", DataFault::LevelAttribute("on_hand", -2), (9, 5)),
        ("damaged", DataFault::LevelAttribute("damaged", -1), (9, 5)),
        (
            "too-high",
            DataFault::LevelAttribute("allocated", 7),
            (9, 5),
        ),
        ("too-low", DataFault::LevelAttribute("allocated", 1), (9, 5)),
        (
            "available",
            DataFault::LevelAttribute("available", 40),
            (9, 5),
        ),
        ("last-gone", DataFault::MissingMovement(4), (9, 5)),
        ("first-gone", DataFault::MissingMovement(1), (9, 5)),
        ("between-gone", DataFault::MissingMovement(3), (9, 5)),
        ("altered", DataFault::MovementDelta(2, -4), (9, 5)),
    ];
    for (location, fault, repaired) in faults {
        fill_shop(shop, location).await;
        assert_found_and_repaired(shop, location, fault, repaired).await;
    }
    let ids = fill_shop(shop, "canceled").await;
    let canceled = DataFault::CanceledQuantity(ids[1], 3);
    assert_found_and_repaired(shop, "canceled", canceled, (9, 2)).await;
}

async fn assert_found_and_repaired<Shop: AuditedShop>(
    shop: &Shop,
    location: &str,
    fault: DataFault,
    (on_hand, allocated): (i64, i64),
) {
    let before = findings(shop, NextDay, location).await;
    assert_eq!(before, [], "before {fault:?}");
    shop.inject(location, fault).await;
    let found = findings(shop, NextDay, location).await;
    assert_eq!(found.len(), 1, "{fault:?} is not found");
    assert!(found[0].confirmed, "{fault:?}: {:?}", found[0].verdict);
    for write in repair(&found[0].books, NextDay.now()) {
        assert_eq!(
            shop.stock().repair(&write, deadline()).await.unwrap(),
            RepairOutcome::Repaired
        );
    }
    let left = findings(shop, NextDay, location).await;
    assert_eq!(left, [], "after the repair of {fault:?}");
    let level = shop
        .stock()
        .find(&key(location, "milk"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (level.on_hand, level.allocated),
        (on_hand, allocated),
        "{fault:?}"
    );
    // The level still sells.
    let sale = order(
        &format!("{location}-after"),
        location,
        "pos",
        &[("milk", 1)],
    );
    let request = Fingerprint::of(&"a").unwrap();
    let placed = shop
        .orders()
        .place(&sale, &request, deadline())
        .await
        .unwrap();
    assert_eq!(placed, PlaceOutcome::Placed, "{fault:?}");
    shop.record_last_movement(location).await;
    let later = findings(shop, NextDay, location).await;
    assert_eq!(later, [], "after a sale after the repair of {fault:?}");
}

async fn conflicting_repair_changes_nothing<Shop: AuditedShop>(shop: &Shop) {
    let at = "conflict";
    fill_shop(shop, at).await;
    shop.inject(at, DataFault::LevelAttribute("allocated", 7))
        .await;
    let found = findings(shop, NextDay, at).await;
    let writes = repair(&found[0].books, NextDay.now());
    let received = apply(shop.stock(), at, 1, &receipt(at, 1)).await;
    assert!(
        matches!(received, ChangeOutcome::Applied(_)),
        "{received:?}"
    );
    shop.record_last_movement(at).await;
    for write in &writes {
        assert_eq!(
            shop.stock().repair(write, deadline()).await.unwrap(),
            RepairOutcome::Conflict
        );
    }
    let level = shop.stock().find(&key(at, "milk")).await.unwrap().unwrap();
    assert_eq!((level.on_hand, level.allocated), (10, 7));
}

async fn unrecorded_recent_movement_is_no_difference<Shop: AuditedShop>(shop: &Shop) {
    let at = "unrecorded";
    fill_shop(shop, at).await;
    shop.inject(at, DataFault::MissingMovement(4)).await;
    let same_minute = crate::clock::FakeClock::at("2026-03-01T12:00:30Z");
    let found = findings(shop, same_minute, at).await;
    assert_eq!(found.len(), 1);
    assert!(!found[0].confirmed && found[0].verdict.ledger_is_behind);
    assert_eq!(found[0].verdict.differences, []);
}

impl AuditedShop for crate::memory::shop::MemoryShop {
    type Stock = Self;
    type Orders = Self;

    fn stock(&self) -> &Self {
        self
    }

    fn orders(&self) -> &Self {
        self
    }

    async fn record_last_movement(&self, _location: &str) {}

    async fn inject(&self, location: &str, fault: DataFault) {
        let key: LevelKey = key(location, "milk");
        let mut data = self.lock();
        match fault {
            DataFault::LevelAttribute("available", quantity) => {
                data.available_overrides.insert(key, Some(quantity));
            }
            DataFault::LevelAttribute(name, quantity) => {
                let before = data.levels[&key].available();
                let level = data.levels.get_mut(&key).unwrap();
                match name {
                    "on_hand" => level.on_hand = quantity,
                    "allocated" => level.allocated = quantity,
                    "damaged" => level.damaged = quantity,
                    other => panic!("a level has no {other}"),
                }
                data.available_overrides.insert(key, Some(before));
            }
            DataFault::MissingMovement(version) => data
                .movements
                .retain(|one| one.location_id != key.location_id || one.version != version),
            DataFault::MovementDelta(version, delta) => {
                let mut movements = data.movements.iter_mut();
                let movement = movements
                    .find(|one| one.location_id == key.location_id && one.version == version)
                    .unwrap();
                movement.change.on_hand_delta = delta;
            }
            DataFault::CanceledQuantity(id, quantity) => {
                let (order, _) = data.orders.get_mut(&id).unwrap();
                order.lines[0].canceled_quantity = quantity;
            }
        }
    }
}
