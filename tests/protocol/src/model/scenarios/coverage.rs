//! Predicates over states, and the states that an exploration must reach.

use stateright::Property;

use stockline_domain::level::MovementKind;

use crate::model::requests::Response;
use crate::model::tables::BucketItem;
use crate::model::{Protocol, State};

pub(super) fn count_responses(state: &State, matches: impl Fn(&Response) -> bool) -> usize {
    let responses = state
        .callers
        .iter()
        .filter_map(|caller| caller.response.as_ref());
    responses.filter(|response| matches(response)).count()
}

pub(super) fn placed(response: &Response) -> bool {
    matches!(response, Response::Placed(_) | Response::Replayed(_))
}

pub(super) fn replayed(response: &Response) -> bool {
    matches!(response, Response::Replayed(_))
}

pub(super) fn applied(response: &Response) -> bool {
    matches!(response, Response::Applied(_) | Response::ReplayedChange(_))
}

pub(super) fn on_hand(state: &State) -> Vec<i64> {
    let bucket_items = state.tables.bucket_items().iter();
    bucket_items
        .map(|bucket_item| bucket_item.level().on_hand)
        .collect()
}

/// Whether the item has a write with a movement of this kind.
pub(super) fn moved(bucket_item: &BucketItem, kind: MovementKind) -> bool {
    let mut changes = bucket_item
        .writes()
        .filter_map(|(_, after)| after.last_change.as_ref());
    changes.any(|change| change.kind == kind)
}

/// A state that the exploration must reach.
pub(super) fn reachable(
    name: &'static str,
    is_expected: fn(&Protocol, &State) -> bool,
) -> Property<Protocol> {
    Property::sometimes(name, is_expected)
}

pub(super) fn ledger_got_duplicates() -> Property<Protocol> {
    reachable("the ledger receives every record again", |_, state| {
        state.tables.bucket_items().iter().any(|bucket_item| {
            bucket_item.replays_left() == 0
                && bucket_item.is_drained()
                && bucket_item.movements().len() > 1
        })
    })
}
