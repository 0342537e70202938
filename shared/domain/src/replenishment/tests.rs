mod properties;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::ids::RequestId;
use crate::level::{LevelError, LevelKey};
use crate::stock_change::{ChangeContext, ChangeRefused, RequestedChange, SettledChange};
use ReplenishmentState::{Canceled, Open, PartlyReceived, Received};

const NOON: Timestamp = Timestamp::UNIX_EPOCH;

fn key() -> LevelKey {
    LevelKey {
        location_id: "store-1".parse().unwrap(),
        sku: "milk".parse().unwrap(),
    }
}

/// A level with a reorder point of 10 and a target level of 40, ordered in crates of 6.
fn level(on_hand: i64, allocated: i64) -> Level {
    let policy = json!({"reorder_point": 10, "target_level": 40, "order_multiple": 6});
    Level {
        on_hand,
        allocated,
        version: 7,
        policy: Some(serde_json::from_value(policy).unwrap()),
        ..Level::empty(&key())
    }
}

fn place(level: &Level) -> Result<ReplenishmentOrder, NoOrder> {
    let alert = OrderTrigger::Alert(level.version);
    ReplenishmentOrder::place(level, &ReplenishmentCycle::default(), alert, NOON)
}

fn receipt(quantity: i64, order: ReplenishmentOrderId) -> RequestedChange {
    let body = json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": quantity,
        "replenishment_order_id": order});
    serde_json::from_value(body).unwrap()
}

/// Applies `change`, number `index` of its request, to `level`, as the store of levels does.
fn settle(
    change: &RequestedChange,
    order: Option<&ReplenishmentOrder>,
    level: &Level,
    index: usize,
) -> Result<SettledChange, ChangeRefused> {
    let context = ChangeContext {
        request: RequestId::derive("ana", "k1"),
        index,
        now: NOON,
        moved_since: 0,
        replenishment_order: order,
    };
    change.apply(std::slice::from_ref(level), &context)
}

#[test]
fn low_level_is_filled_to_target_in_whole_multiples() {
    let order = place(&level(12, 3)).unwrap();
    assert_eq!(
        order.reasons,
        OrderReasons {
            available: 9,
            incoming: 0,
            reorder_point: 10,
            target_level: 40,
            order_multiple: 6,
            rounded_from: 31,
        }
    );
    assert_eq!((order.quantity, order.expected()), (36, 36));
    assert_eq!((order.state, order.cycle), (Open, 1));
}

#[test]
fn quantity_that_is_a_multiple_is_not_rounded() {
    assert_eq!(place(&level(10, 0)).unwrap().quantity, 30);
}

#[test]
fn level_above_its_reorder_point_is_not_ordered() {
    assert_eq!(place(&level(11, 0)), Err(NoOrder::Enough { projected: 11 }));
    assert!(place(&level(10, 0)).is_ok());
}

#[test]
fn incoming_quantity_counts_as_available() {
    let expecting = |incoming| Level {
        incoming,
        ..level(4, 0)
    };
    assert_eq!(place(&expecting(7)), Err(NoOrder::Enough { projected: 11 }));
    let order = place(&expecting(6)).unwrap();
    assert_eq!((order.reasons.rounded_from, order.quantity), (30, 30));
}

#[test]
fn shortage_is_ordered_on_top_of_the_target() {
    let order = place(&level(2, 7)).unwrap();
    assert_eq!((order.reasons.available, order.quantity), (-5, 48));
}

#[test]
fn manual_or_missing_policy_orders_nothing() {
    let mut manual = level(0, 0);
    manual.policy.as_mut().unwrap().mode = ReplenishmentMode::Manual;
    assert_eq!(place(&manual), Err(NoOrder::Manual));
    let without = Level {
        policy: None,
        ..level(0, 0)
    };
    assert_eq!(place(&without), Err(NoOrder::NoPolicy));
}

#[test]
fn level_at_its_target_is_not_ordered() {
    let mut full = level(40, 0);
    full.policy.as_mut().unwrap().reorder_point = 40;
    assert_eq!(place(&full), Err(NoOrder::Enough { projected: 40 }));
}

#[test]
fn open_order_or_handled_alert_places_no_second_order() {
    let low = level(5, 0);
    let order = place(&low).unwrap();
    let again = |cycle: &ReplenishmentCycle, alert_version| {
        let alert = OrderTrigger::Alert(alert_version);
        ReplenishmentOrder::place(&low, cycle, alert, NOON).map(|order| order.cycle)
    };
    let open = NoOrder::OrderOpen(order.replenishment_order_id);
    assert_eq!(again(&order.as_cycle(), 8), Err(open));
    let canceled = order.cancel("ana", NOON).unwrap().unwrap();
    assert_eq!(again(&canceled.as_cycle(), 7), Err(NoOrder::AlertHandled));
    assert_eq!(again(&canceled.as_cycle(), 8), Ok(2));
    // An order that was decided on a later version has answered the alerts in between.
    let decided_later = Level {
        version: 9,
        ..level(5, 0)
    };
    let alert = OrderTrigger::Alert(7);
    let order =
        ReplenishmentOrder::place(&decided_later, &ReplenishmentCycle::default(), alert, NOON);
    let canceled = order.unwrap().cancel("ana", NOON).unwrap().unwrap();
    assert_eq!(again(&canceled.as_cycle(), 9), Err(NoOrder::AlertHandled));
}

#[test]
fn due_level_is_ordered_unless_its_last_order_was_canceled() {
    let low = level(5, 0);
    let again = |cycle: &ReplenishmentCycle| {
        let due = OrderTrigger::Due(8);
        ReplenishmentOrder::place(&low, cycle, due, NOON).map(|order| order.cycle)
    };
    let order = place(&low).unwrap();
    let open = NoOrder::OrderOpen(order.replenishment_order_id);
    assert_eq!(again(&ReplenishmentCycle::default()), Ok(1));
    assert_eq!(again(&order.as_cycle()), Err(open));
    let received = order.receive(order.quantity, NOON).unwrap();
    assert_eq!(again(&received.as_cycle()), Ok(2));
    let canceled = order.cancel("ana", NOON).unwrap().unwrap();
    assert_eq!(again(&canceled.as_cycle()), Err(NoOrder::Canceled));
}

#[test]
fn level_is_due_when_it_is_low_and_expects_nothing() {
    assert!(is_order_due(&level(10, 0)));
    assert!(!is_order_due(&level(11, 0)));
    let expecting = Level {
        incoming: 1,
        ..level(2, 0)
    };
    assert!(!is_order_due(&expecting));
}

#[test]
fn order_id_is_derived_from_level_and_cycle() {
    let first = place(&level(5, 0)).unwrap();
    let same = place(&level(1, 0)).unwrap();
    assert_eq!(first.replenishment_order_id, same.replenishment_order_id);
    let cycle = ReplenishmentCycle {
        last_cycle: 1,
        ..ReplenishmentCycle::default()
    };
    let alert = OrderTrigger::Alert(8);
    let second = ReplenishmentOrder::place(&level(5, 0), &cycle, alert, NOON).unwrap();
    assert_ne!(first.replenishment_order_id, second.replenishment_order_id);
}

#[test]
fn receipts_lower_incoming_until_the_order_is_received() {
    let order = place(&level(4, 0)).unwrap();
    let id = order.replenishment_order_id;
    let mut stocked = Level {
        incoming: order.expected(),
        ..level(4, 0)
    };
    let mut current = order;
    for (index, (quantity, expected)) in [
        (10, (14, 26, PartlyReceived)),
        (20, (34, 6, PartlyReceived)),
        (8, (42, 0, Received)),
    ]
    .into_iter()
    .enumerate()
    {
        let settled = settle(&receipt(quantity, id), Some(&current), &stocked, index).unwrap();
        stocked = settled.levels[0].clone();
        current = settled.order.unwrap().1;
        assert_eq!((stocked.on_hand, stocked.incoming, current.state), expected);
    }
    assert_eq!(current.received_quantity, 38);
    assert_eq!(current.closed_at, Some(NOON));
    let last_change = stocked.last_change.unwrap();
    assert_eq!(last_change.states.incoming_delta, -6);
    assert_eq!(last_change.reference, Some(id.to_string()));
}

#[test]
fn arrival_of_an_order_lowers_incoming_and_in_transit() {
    let order = place(&level(4, 0)).unwrap();
    let sent = Level {
        incoming: order.expected(),
        in_transit: 16,
        ..level(4, 0)
    };
    let body = json!({"kind": "arrival", "location_id": "store-1", "sku": "milk", "quantity": 16,
        "replenishment_order_id": order.replenishment_order_id});
    let arrival: RequestedChange = serde_json::from_value(body).unwrap();
    let settled = settle(&arrival, Some(&order), &sent, 0).unwrap();
    let level = &settled.levels[0];
    assert_eq!(
        (level.on_hand, level.in_transit, level.incoming),
        (20, 0, 20)
    );
    let (_, after) = settled.order.unwrap();
    assert_eq!((after.state, after.received_quantity), (PartlyReceived, 16));
    let unknown = ChangeRefused::ReplenishmentOrder(ReceiptRefused::Unknown);
    assert_eq!(settle(&arrival, None, &sent, 0).unwrap_err(), unknown);
}

#[test]
fn receipt_after_a_count_lowers_incoming_all_the_same() {
    let order = place(&level(4, 0)).unwrap();
    let counted = Level {
        incoming: order.expected(),
        counted_at: NOON.checked_add(jiff::SignedDuration::from_secs(1)).ok(),
        ..level(4, 0)
    };
    let change = receipt(10, order.replenishment_order_id);
    let settled = settle(&change, Some(&order), &counted, 0).unwrap();
    assert_eq!(
        (settled.levels[0].on_hand, settled.levels[0].incoming),
        (4, 26)
    );
}

#[test]
fn receipt_of_an_unknown_or_closed_order_is_refused() {
    let order = place(&level(4, 0)).unwrap();
    let change = receipt(1, order.replenishment_order_id);
    let refused =
        |order: Option<&ReplenishmentOrder>| settle(&change, order, &level(4, 0), 0).unwrap_err();
    let unknown = ChangeRefused::ReplenishmentOrder(ReceiptRefused::Unknown);
    assert_eq!(refused(None), unknown);
    let of_bread = ReplenishmentOrder {
        sku: "bread".parse().unwrap(),
        ..order.clone()
    };
    assert_eq!(refused(Some(&of_bread)), unknown);
    let canceled = order.cancel("ana", NOON).unwrap().unwrap();
    let closed = ChangeRefused::ReplenishmentOrder(ReceiptRefused::Closed(Canceled));
    assert_eq!(refused(Some(&canceled)), closed);
}

#[test]
fn goods_are_received_even_if_less_is_incoming() {
    let order = place(&level(4, 0)).unwrap();
    let altered = Level {
        incoming: 3,
        ..level(4, 0)
    };
    let change = receipt(10, order.replenishment_order_id);
    let settled = settle(&change, Some(&order), &altered, 0).unwrap();
    let level = &settled.levels[0];
    assert_eq!((level.on_hand, level.incoming), (14, 0));
}

#[test]
fn level_refuses_negative_incoming() {
    let order = place(&level(4, 0)).unwrap();
    let expecting = Level {
        incoming: 36,
        ..level(4, 0)
    };
    let change = receipt(10, order.replenishment_order_id);
    let settled = settle(&change, Some(&order), &expecting, 0).unwrap();
    let delta = settled.levels[0].last_change.clone().unwrap();
    assert_eq!(
        level(4, 0).after(delta),
        Err(LevelError::NotIncoming { incoming: 0 })
    );
}

#[test]
fn canceled_order_is_canceled_again_and_received_one_is_not() {
    let order = place(&level(4, 0)).unwrap();
    let partly = order.receive(10, NOON).unwrap();
    let canceled = partly.cancel("ana", NOON).unwrap().unwrap();
    assert_eq!((canceled.state, canceled.expected()), (Canceled, 0));
    assert_eq!(canceled.canceled_by.as_deref(), Some("ana"));
    assert_eq!(canceled.cancel("ben", NOON), Ok(None));
    let received = order.receive(36, NOON).unwrap();
    assert_eq!(
        received.cancel("ana", NOON),
        Err(ClosedOrder { state: Received })
    );
}

#[test]
fn state_parses_from_its_stored_name() {
    for state in ReplenishmentState::ALL {
        assert_eq!(state.as_str().parse(), Ok(state));
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
    }
    assert!("closed".parse::<ReplenishmentState>().is_err());
}
