//! What every audit must find and every repair mend: each fault is planted behind the back of the stores.

use std::future::Future;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::audit_data::{
    AuditData, AuditRecord, AuditRecordStore, RepairOutcome, StockRepairer,
};
use stockline_application::ports::clock::Clock;
use stockline_application::ports::orders::{OpenOrders, OrderStore, PlaceOutcome};
use stockline_application::ports::stock::{ChangeOutcome, Ledger, StockStore};
use stockline_application::stock_audit::{Finding, Patience, StockAudit};
use stockline_domain::audit::{Difference, repair};
use stockline_domain::ids::OrderId;
use stockline_domain::level::LevelKey;

use super::stock::{apply, deadline, key, receipt};
use crate::orders::order;

/// What goes wrong with the books of milk at a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The level's attribute of that name is set by hand.
    Level(&'static str, i64),
    /// The movement of that version is deleted.
    Deleted(u64),
    /// The change of `on_hand` of the movement of that version is altered.
    Altered(u64, i64),
    /// The first line of that order is set by hand as canceled, so much of it.
    Canceled(OrderId, i64),
}

/// A shop whose books can be spoilt.
pub trait Spoilt: Sync {
    /// Its levels and movements.
    type Stock: StockStore + Ledger + AuditData + StockRepairer + Clone;
    /// Its orders.
    type Orders: OrderStore + OpenOrders + Clone;

    /// Its levels and movements.
    fn stock(&self) -> &Self::Stock;

    /// Its orders.
    fn orders(&self) -> &Self::Orders;

    /// Records what happened to milk at `location` last, as the stream would.
    fn tell(&self, location: &str) -> impl Future<Output = ()> + Send;

    /// Plants `fault` at `location`.
    fn plant(&self, location: &str, fault: Fault) -> impl Future<Output = ()> + Send;
}

/// A clock a day after everything that happened.
#[derive(Debug, Clone, Copy)]
pub struct NextDay;

impl Clock for NextDay {
    fn now(&self) -> Timestamp {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }
}

/// Runs every story.
pub async fn all<S: Spoilt>(shop: &S) {
    each_fault_is_found_and_mended(shop).await;
    a_mend_that_another_write_overtook_does_nothing(shop).await;
    a_movement_that_is_on_its_way_is_no_difference(shop).await;
}

/// An audit of `shop` that waits for nothing.
pub fn audit<S: Spoilt, C: Clock>(shop: &S, clock: C) -> StockAudit<S::Stock, S::Orders, C> {
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

/// Ten received, one sold, three and two promised; versions 1 to 4.
async fn open_shop<S: Spoilt>(shop: &S, location: &str) -> Vec<OrderId> {
    let received = apply(shop.stock(), location, 0, &receipt(location, 10)).await;
    assert!(
        matches!(received, ChangeOutcome::Applied(_)),
        "{received:?}"
    );
    shop.tell(location).await;
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
        shop.tell(location).await;
        ids.push(placed.order_id);
    }
    ids
}

async fn findings<S: Spoilt, C: Clock>(shop: &S, clock: C, location: &str) -> Vec<Finding> {
    let (audit, location) = (audit(shop, clock), location.parse().unwrap());
    let held = audit.held_at(&location).await.unwrap();
    let page = audit.page(&location, &held, None).await.unwrap();
    assert_eq!((page.looked_at, page.next), (1, None));
    page.findings
}

async fn each_fault_is_found_and_mended<S: Spoilt>(shop: &S) {
    // A level that holds 9 of which 5 are promised; and what each fault leaves of it once it is mended.
    let faults = [
        ("on-hand", Fault::Level("on_hand", 12), (12, 5)),
        ("negative", Fault::Level("on_hand", -2), (9, 5)),
        ("damaged", Fault::Level("damaged", -1), (9, 5)),
        ("too-high", Fault::Level("allocated", 7), (9, 5)),
        ("too-low", Fault::Level("allocated", 1), (9, 5)),
        ("available", Fault::Level("available", 40), (9, 5)),
        ("last-gone", Fault::Deleted(4), (9, 5)),
        ("first-gone", Fault::Deleted(1), (9, 5)),
        ("between-gone", Fault::Deleted(3), (9, 5)),
        ("altered", Fault::Altered(2, -4), (9, 5)),
    ];
    for (location, fault, mended) in faults {
        open_shop(shop, location).await;
        found_and_mended(shop, location, fault, mended).await;
    }
    let ids = open_shop(shop, "canceled").await;
    let canceled = Fault::Canceled(ids[1], 3);
    found_and_mended(shop, "canceled", canceled, (9, 2)).await;
}

async fn found_and_mended<S: Spoilt>(
    shop: &S,
    location: &str,
    fault: Fault,
    (on_hand, allocated): (i64, i64),
) {
    let healthy = findings(shop, NextDay, location).await;
    assert_eq!(healthy, [], "nothing is wrong before {fault:?}");
    shop.plant(location, fault).await;
    let found = findings(shop, NextDay, location).await;
    assert_eq!(found.len(), 1, "{fault:?} was not found");
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
    // And trade goes on.
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
    shop.tell(location).await;
    let later = findings(shop, NextDay, location).await;
    assert_eq!(later, [], "after a sale after the repair of {fault:?}");
}

async fn a_mend_that_another_write_overtook_does_nothing<S: Spoilt>(shop: &S) {
    let at = "overtaken";
    open_shop(shop, at).await;
    shop.plant(at, Fault::Level("allocated", 7)).await;
    let found = findings(shop, NextDay, at).await;
    let writes = repair(&found[0].books, NextDay.now());
    let more = apply(shop.stock(), at, 1, &receipt(at, 1)).await;
    assert!(matches!(more, ChangeOutcome::Applied(_)), "{more:?}");
    shop.tell(at).await;
    for write in &writes {
        assert_eq!(
            shop.stock().repair(write, deadline()).await.unwrap(),
            RepairOutcome::Conflict
        );
    }
    let level = shop.stock().find(&key(at, "milk")).await.unwrap().unwrap();
    assert_eq!((level.on_hand, level.allocated), (10, 7));
}

async fn a_movement_that_is_on_its_way_is_no_difference<S: Spoilt>(shop: &S) {
    let at = "on-its-way";
    open_shop(shop, at).await;
    shop.plant(at, Fault::Deleted(4)).await;
    let same_minute = crate::clock::FakeClock::at("2026-03-01T12:00:30Z");
    let found = findings(shop, same_minute, at).await;
    assert_eq!(found.len(), 1);
    assert!(!found[0].confirmed && found[0].verdict.ledger_is_behind);
    assert_eq!(found[0].verdict.differences, []);
}

/// What is found is kept by day, and forgotten when a later run of the day did not find it.
pub async fn what_is_found_is_kept_by_day<R: AuditRecordStore>(records: &R) {
    let location = "kept".parse().unwrap();
    let day = jiff::civil::date(2026, 3, 2);
    let found = |sku: &str, run_at: &str| AuditRecord {
        location_id: "kept".parse().unwrap(),
        sku: sku.parse().unwrap(),
        run_at: run_at.parse().unwrap(),
        confirmed: true,
        versions: vec![7],
        differences: vec![Difference::Orders {
            allocated: 3,
            open: 2,
        }],
    };
    let (one, two) = ("2026-03-02T01:00:00.25Z", "2026-03-02T02:00:00Z");
    for sku in ["milk", "bread"] {
        records.keep(day, &found(sku, one)).await.unwrap();
    }
    records.keep(day, &found("milk", two)).await.unwrap();
    let kept = records.found_on(&location, day).await.unwrap();
    assert_eq!(kept, [found("bread", one), found("milk", two)]);

    let second = two.parse().unwrap();
    records.forget_before(&location, day, second).await.unwrap();
    let kept = records.found_on(&location, day).await.unwrap();
    assert_eq!(kept, [found("milk", two)]);
    let other_day = jiff::civil::date(2026, 3, 3);
    assert_eq!(records.found_on(&location, other_day).await.unwrap(), []);
}

impl Spoilt for crate::memory::shop::MemoryShop {
    type Stock = Self;
    type Orders = Self;

    fn stock(&self) -> &Self {
        self
    }

    fn orders(&self) -> &Self {
        self
    }

    async fn tell(&self, _location: &str) {}

    async fn plant(&self, location: &str, fault: Fault) {
        let key: LevelKey = key(location, "milk");
        let mut shelves = self.open();
        match fault {
            Fault::Level("available", quantity) => {
                shelves.wrongly_available.insert(key, Some(quantity));
            }
            Fault::Level(name, quantity) => {
                let before = shelves.levels[&key].available();
                let level = shelves.levels.get_mut(&key).unwrap();
                match name {
                    "on_hand" => level.on_hand = quantity,
                    "allocated" => level.allocated = quantity,
                    "damaged" => level.damaged = quantity,
                    other => panic!("a level has no {other}"),
                }
                shelves.wrongly_available.insert(key, Some(before));
            }
            Fault::Deleted(version) => shelves
                .movements
                .retain(|one| one.location_id != key.location_id || one.version != version),
            Fault::Altered(version, delta) => {
                let mut movements = shelves.movements.iter_mut();
                let movement = movements
                    .find(|one| one.location_id == key.location_id && one.version == version)
                    .unwrap();
                movement.change.on_hand_delta = delta;
            }
            Fault::Canceled(id, quantity) => {
                let (order, _) = shelves.orders.get_mut(&id).unwrap();
                order.lines[0].canceled_quantity = quantity;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::memory::books::MemoryAuditRecords;
    use crate::memory::shop::MemoryShop;

    #[tokio::test]
    async fn books_in_memory_conform() {
        super::all(&MemoryShop::default()).await;
    }

    #[tokio::test]
    async fn audit_records_in_memory_conform() {
        super::what_is_found_is_kept_by_day(&MemoryAuditRecords::default()).await;
    }
}
