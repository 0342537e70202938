//! What of an order has not left is given up once.

use super::*;

#[test]
fn canceling_an_order_of_which_a_part_has_left_gives_up_the_rest_once() {
    let order = promised().fulfil(1, 1).unwrap();
    assert_eq!(order.status, OrderStatus::PartiallyFulfilled);
    let released: Vec<_> = order.releases(Some("late"), now());
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
    assert_eq!(canceled.releases(None, later), []);
    assert_eq!(canceled.as_placed(), promised());
}

#[test]
fn a_cancellation_is_replayed_as_it_was_answered_whatever_came_back_since() {
    let order = promised().fulfil(1, 2).unwrap();
    let (_, order) = refund(&order, &[(1, 1, true)]).unwrap();
    let canceled = order.cancel(now()).unwrap();
    let id = CancellationId::derive(order.order_id, "till", "c1");
    let made = Cancellation::of(id, &canceled);
    assert_eq!(made.returned, [(1, 1)], "only what had come back");
    let (_, later) = refund(&canceled, &[(1, 1, true)]).unwrap();
    assert_ne!(later.lines, canceled.lines);
    assert_eq!(later.as_canceled(&made).lines, canceled.lines);
}

#[test]
fn why_an_order_is_canceled_is_said_in_200_characters_or_not_at_all() {
    let because = |reason: Option<&str>| CancelOrder {
        reason: reason.map(str::to_owned),
    };
    assert!(because(None).check().is_ok());
    assert!(because(Some("too late")).check().is_ok());
    let refused = because(Some(&"x".repeat(201))).check().unwrap_err();
    assert_eq!(refused.errors[0].pointer, "/reason");
    assert!(because(Some("")).check().is_err());
}

#[test]
fn a_canceled_order_takes_nothing_more_and_its_replay_still_reads_as_placed() {
    let canceled = promised().cancel(now()).unwrap();
    assert_eq!(canceled.status, OrderStatus::Canceled);
    assert_eq!(canceled.fulfil(1, 1), Err(NotFulfillable::Canceled));
    assert_eq!(excess(refund(&canceled, &[(1, 1, true)])), [(1, 1, 0)]);
    assert_eq!(excess(fulfilment(&canceled, None)), []);
    assert_eq!(canceled.as_placed(), promised());
}

#[test]
fn a_sale_at_the_till_is_refunded_and_never_canceled() {
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
