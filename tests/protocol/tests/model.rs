//! Explores every scenario exhaustively, with the correct protocol and with each injected fault.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use stateright::{Checker, Expectation, HasDiscoveries, Model};
use stockline_protocol::model::Protocol;
use stockline_protocol::model::faults::Fault;
use stockline_protocol::model::invariants::{
    A_REFUSAL_IS_FINAL, MOVEMENTS_ADD_UP, NEVER_OVERSOLD, ONE_COMPLETION, ONE_KEY_ONE_EFFECT,
    PROMISES_ARE_KEPT, WHAT_IS_OWED_IS_NOT_SOLD,
};
use stockline_protocol::model::stories::{self, Story};

/// Explores all states of `scenario`: every invariant holds in every state, and all expected states are reached.
fn holds(story: Story) {
    let title = story.title;
    let checker = Protocol::right(story)
        .checker()
        .threads(2)
        .spawn_bfs()
        .join();
    println!(
        "{title}: {} states, {} steps deep",
        checker.unique_state_count(),
        checker.max_depth()
    );
    assert!(checker.is_done(), "{title}: not all was walked through");
    checker.assert_properties();
}

/// Checks that `fault` breaks `invariant` somewhere in `scenario`, on a path short enough to read.
fn is_found(fault: Fault, story: Story, invariant: &'static str) {
    let checker = Protocol::with(fault, story)
        .checker()
        .finish_when(HasDiscoveries::AnyOf(BTreeSet::from([invariant])))
        .spawn_bfs()
        .join();
    let path = checker.discovery(invariant).unwrap_or_else(|| {
        panic!("{fault:?} breaks nothing: the checker sees less than it should")
    });
    let steps = path.into_actions();
    println!(
        "{fault:?} breaks \"{invariant}\" in {} steps: {steps:?}",
        steps.len()
    );
    assert!((2..=20).contains(&steps.len()));
}

#[test]
fn two_orders_for_the_last_unit() {
    holds(stories::orders::two_for_one());
}

#[test]
fn three_orders_for_two_units() {
    holds(stories::orders::three_for_two());
}

#[test]
fn one_key_from_three_callers() {
    holds(stories::orders::one_key_three_times());
}

#[test]
fn a_try_that_comes_after_the_answer_to_a_later_one() {
    holds(stories::orders::a_late_try());
}

#[test]
fn baskets_of_two_skus() {
    holds(stories::orders::baskets_of_two());
}

#[test]
fn cancels_race_with_a_replay_and_with_each_other() {
    holds(stories::orders::cancels());
}

#[test]
fn a_hand_over_a_refund_and_a_cancel() {
    holds(stories::orders::goods_out_and_back());
}

#[test]
fn corrections_by_what_was_read() {
    holds(stories::stock::corrections());
}

#[test]
fn counts_of_the_past() {
    holds(stories::stock::counts());
}

#[test]
fn a_transfer_and_its_arrival() {
    holds(stories::stock::a_transfer());
}

#[test]
fn an_order_of_what_two_items_have_together() {
    holds(stories::split_levels::an_order_apart());
}

#[test]
fn a_split_level_that_is_short() {
    holds(stories::split_levels::a_short_level());
}

#[test]
fn a_split_level_into_which_goods_come_while_it_sells() {
    holds(stories::split_levels::a_split_level_filled());
}

#[test]
fn an_order_of_more_items_of_a_level_than_a_transaction_takes() {
    holds(stories::split_levels::an_order_gathered());
}

#[test]
fn cancels_of_more_items_of_a_short_level_than_a_transaction_takes() {
    holds(stories::split_levels::a_short_level_gathered());
}

#[test]
fn a_level_that_is_split_while_it_sells() {
    holds(stories::split_levels::a_level_is_split());
}

#[test]
fn a_level_that_is_split_while_it_is_counted() {
    holds(stories::split_levels::a_level_is_split_and_counted());
}

#[test]
fn a_task_with_two_leases() {
    holds(stories::tasks::a_task());
}

#[test]
fn a_task_whose_order_is_canceled() {
    holds(stories::tasks::a_task_called_off());
}

#[test]
fn every_story_has_sights_of_its_own_and_every_invariant() {
    for story in stories::all() {
        let title = story.title;
        let properties = Protocol::right(story).properties();
        let count = |kind| properties.iter().filter(|p| p.expectation == kind).count();
        assert!(count(Expectation::Sometimes) >= 2, "{title}");
        assert_eq!(count(Expectation::Always), 10, "{title}");
    }
}

#[test]
fn checking_before_writing_oversells() {
    is_found(
        Fault::CheckThenWrite,
        stories::orders::two_for_one(),
        NEVER_OVERSOLD,
    );
}

#[test]
fn adding_blindly_takes_twice() {
    is_found(
        Fault::BlindAdd,
        stories::orders::three_for_two(),
        ONE_KEY_ONE_EFFECT,
    );
    is_found(
        Fault::BlindAdd,
        stories::orders::three_for_two(),
        MOVEMENTS_ADD_UP,
    );
}

#[test]
fn a_shortage_looked_at_before_the_order_refuses_what_is_placed() {
    is_found(
        Fault::ShortBeforeReplay,
        stories::orders::two_for_one(),
        A_REFUSAL_IS_FINAL,
    );
}

#[test]
fn canceling_without_a_revision_releases_what_is_anothers() {
    is_found(
        Fault::ReleaseTwice,
        stories::orders::cancels(),
        PROMISES_ARE_KEPT,
    );
}

#[test]
fn writing_a_level_by_an_old_reading_loses_a_sale() {
    is_found(
        Fault::LostUpdate,
        stories::stock::corrections(),
        NEVER_OVERSOLD,
    );
}

#[test]
fn a_change_without_a_mark_is_made_twice() {
    is_found(
        Fault::ChangeWithoutMark,
        stories::stock::corrections(),
        ONE_KEY_ONE_EFFECT,
    );
    is_found(
        Fault::ChangeWithoutMark,
        stories::split_levels::a_split_level_filled(),
        ONE_KEY_ONE_EFFECT,
    );
}

#[test]
fn what_comes_back_to_one_item_is_sold_while_another_owes_it() {
    is_found(
        Fault::OwedIsSold,
        stories::split_levels::a_short_level(),
        NEVER_OVERSOLD,
    );
    is_found(
        Fault::OwedIsSold,
        stories::split_levels::a_short_level(),
        WHAT_IS_OWED_IS_NOT_SOLD,
    );
}

#[test]
fn writing_a_split_level_anew_by_the_version_of_its_first_item_loses_a_sale() {
    is_found(
        Fault::AnewByTheFirst,
        stories::split_levels::a_short_level(),
        NEVER_OVERSOLD,
    );
    is_found(
        Fault::AnewByTheFirst,
        stories::split_levels::a_short_level_gathered(),
        NEVER_OVERSOLD,
    );
}

#[test]
fn evening_out_twice_by_one_reading_loses_a_movement() {
    is_found(
        Fault::EvenedTwice,
        stories::split_levels::an_order_apart(),
        MOVEMENTS_ADD_UP,
    );
}

#[test]
fn an_item_that_is_not_told_of_a_short_level_sells_what_is_owed() {
    is_found(
        Fault::SplitUntold,
        stories::split_levels::a_level_is_split(),
        WHAT_IS_OWED_IS_NOT_SOLD,
    );
}

#[test]
fn splitting_a_level_by_an_old_reading_leaves_an_item_that_missed_a_count() {
    is_found(
        Fault::SplitByAnOldReading,
        stories::split_levels::a_level_is_split_and_counted(),
        NEVER_OVERSOLD,
    );
    is_found(
        Fault::SplitByAnOldReading,
        stories::split_levels::a_level_is_split(),
        WHAT_IS_OWED_IS_NOT_SOLD,
    );
}

#[test]
fn completing_without_conditions_moves_stock_twice() {
    is_found(
        Fault::CompleteTwice,
        stories::tasks::a_task(),
        ONE_COMPLETION,
    );
}

#[test]
fn a_ledger_that_appends_counts_a_record_twice() {
    is_found(
        Fault::MovementsAreAppended,
        stories::orders::two_for_one(),
        MOVEMENTS_ADD_UP,
    );
}
