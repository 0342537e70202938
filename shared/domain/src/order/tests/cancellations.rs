//! Canceling the open quantities of an order.

use super::*;

#[test]
fn cancel_of_partly_fulfilled_order_releases_the_rest_once() {
    let order = online_order().fulfil(1, 1).unwrap();
    assert_eq!(order.status, OrderStatus::PartiallyFulfilled);
    let released: Vec<_> = order.release_deltas(Some("late"), now());
    let deltas: Vec<_> = released
        .iter()
        .map(|release| {
            (
                release.key.sku.as_str(),
                release.change.on_hand_delta,
                release.change.allocated_delta,
            )
        })
        .collect();
    assert_eq!(deltas, [("milk", 0, -1), ("bread", 0, -1)]);
    let canceled = order.cancel(now()).unwrap();
    assert_eq!(canceled.status, OrderStatus::Fulfilled);
    assert_eq!(canceled.lines[0].sold_quantity(), 1);
    assert_eq!(canceled.lines[1].sold_quantity(), 0);
    let later = "2026-03-01T13:00:00Z".parse().unwrap();
    assert_eq!(canceled.cancel(later), Ok(canceled.clone()));
    assert_eq!(canceled.release_deltas(None, later), []);
    assert_eq!(canceled.as_placed(), online_order());
}

#[test]
fn canceled_order_is_replayed_without_later_refunds() {
    let order = online_order().fulfil(1, 2).unwrap();
    let (_, order) = refund(&order, &[(1, 1, true)]).unwrap();
    let canceled = order.cancel(now()).unwrap();
    let id = CancellationId::derive(order.order_id, "till", "c1");
    let cancellation = Cancellation::of(id, &canceled, None);
    assert_eq!(
        cancellation.returned,
        [(1, 1)],
        "lines without returns are left out"
    );
    let (_, later) = refund(&canceled, &[(1, 1, true)]).unwrap();
    assert_ne!(later.lines, canceled.lines);
    assert_eq!(later.as_canceled(&cancellation).lines, canceled.lines);
}

#[test]
fn cancel_reason_is_optional_and_1_to_200_characters() {
    let cancel = |reason: Option<&str>| CancelOrder {
        reason: reason.map(str::to_owned),
    };
    assert!(cancel(None).check().is_ok());
    assert!(cancel(Some("too late")).check().is_ok());
    let refused = cancel(Some(&"x".repeat(201))).check().unwrap_err();
    assert_eq!(refused.errors[0].pointer, "/reason");
    assert!(cancel(Some("")).check().is_err());
}

#[test]
fn canceled_order_refuses_actions_and_replays_as_placed() {
    let canceled = online_order().cancel(now()).unwrap();
    assert_eq!(canceled.status, OrderStatus::Canceled);
    assert_eq!(canceled.fulfil(1, 1), Err(NotFulfillable::Canceled));
    assert_eq!(excess(refund(&canceled, &[(1, 1, true)])), [(1, 1, 0)]);
    assert_eq!(
        fulfilment(&canceled, None).unwrap_err(),
        OrderRequestRefused::Canceled
    );
    assert_eq!(canceled.as_placed(), online_order());
}

#[test]
fn pos_order_can_be_refunded_but_not_canceled() {
    let sale = order("pos", "inclusive", &[(2, 100, 0, 0)]);
    let refused = sale.cancel(now()).unwrap_err();
    assert_eq!(refused.status, OrderStatus::Fulfilled);
    assert_eq!(
        refused.to_string(),
        "an order that is fulfilled cannot be canceled"
    );
    let (_, after) = refund(&sale, &[(1, 2, true)]).unwrap();
    assert_eq!(after.status, OrderStatus::Fulfilled);
    assert_eq!(after.lines[0].state(), LineState::Returned);
    assert_eq!(after.as_placed(), sale);
    assert!(after.cancel(now()).is_err());
}
