//! Explores every scenario exhaustively, with the correct protocol and with each injected fault.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use stateright::{Checker, Expectation, HasDiscoveries, Model};
use stockline_protocol::model::Protocol;
use stockline_protocol::model::faults::Fault;
use stockline_protocol::model::invariants::{
    ALLOCATED_MATCHES_ORDERS, MOVEMENTS_ADD_UP, NEVER_OVERSOLD, ONE_COMPLETION, ONE_KEY_ONE_EFFECT,
    REJECTION_IS_FINAL, SHORT_LEVEL_SELLS_NOTHING,
};
use stockline_protocol::model::scenarios::{self, Scenario};

/// Explores all states of `scenario`: every invariant holds in every state, and all expected states are reached.
fn assert_invariants(scenario: Scenario) {
    let name = scenario.name;
    let checker = Protocol::correct(scenario)
        .checker()
        .threads(2)
        .spawn_bfs()
        .join();
    println!(
        "{name}: {} states, {} steps deep",
        checker.unique_state_count(),
        checker.max_depth()
    );
    assert!(checker.is_done(), "{name}: not all states were explored");
    checker.assert_properties();
}

/// Checks that `fault` breaks `invariant` somewhere in `scenario`, on a path short enough to read.
fn assert_fault_breaks(fault: Fault, scenario: Scenario, invariant: &'static str) {
    let checker = Protocol::with_fault(fault, scenario)
        .checker()
        .finish_when(HasDiscoveries::AnyOf(BTreeSet::from([invariant])))
        .spawn_bfs()
        .join();
    let path = checker
        .discovery(invariant)
        .unwrap_or_else(|| panic!("{fault:?} does not break \"{invariant}\""));
    let steps = path.into_actions();
    println!(
        "{fault:?} breaks \"{invariant}\" in {} steps: {steps:?}",
        steps.len()
    );
    assert!((2..=20).contains(&steps.len()));
}

#[test]
fn two_orders_for_one_unit() {
    assert_invariants(scenarios::orders::two_orders_for_one_unit());
}

#[test]
fn three_orders_for_two_units() {
    assert_invariants(scenarios::orders::three_orders_for_two_units());
}

#[test]
fn one_key_with_two_bodies() {
    assert_invariants(scenarios::orders::one_key_with_two_bodies());
}

#[test]
fn early_caller_timeout() {
    assert_invariants(scenarios::orders::early_caller_timeout());
}

#[test]
fn orders_of_the_same_skus() {
    assert_invariants(scenarios::orders::orders_of_the_same_skus());
}

#[test]
fn concurrent_cancels() {
    assert_invariants(scenarios::orders::concurrent_cancels());
}

#[test]
fn fulfilment_refund_and_cancel() {
    assert_invariants(scenarios::orders::fulfilment_refund_and_cancel());
}

#[test]
fn adjustments_while_selling() {
    assert_invariants(scenarios::stock::adjustments_while_selling());
}

#[test]
fn counts_while_selling() {
    assert_invariants(scenarios::stock::counts_while_selling());
}

#[test]
fn transfer_and_arrival() {
    assert_invariants(scenarios::stock::transfer_and_arrival());
}

#[test]
fn order_across_buckets() {
    assert_invariants(scenarios::split_levels::order_across_buckets());
}

#[test]
fn split_level_becomes_short() {
    assert_invariants(scenarios::split_levels::short_level());
}

#[test]
fn split_level_receipt_and_theft() {
    assert_invariants(scenarios::split_levels::receipt_and_theft());
}

#[test]
fn order_of_more_buckets_than_a_transaction_allows() {
    assert_invariants(scenarios::split_levels::order_consolidated());
}

#[test]
fn cancels_of_more_buckets_than_a_transaction_allows() {
    assert_invariants(scenarios::split_levels::cancels_consolidated());
}

#[test]
fn level_is_split_while_short() {
    assert_invariants(scenarios::split_levels::split_while_short());
}

#[test]
fn level_is_split_while_counted() {
    assert_invariants(scenarios::split_levels::split_while_counted());
}

#[test]
fn task_with_two_leases() {
    assert_invariants(scenarios::tasks::two_leases());
}

#[test]
fn task_of_a_canceled_order() {
    assert_invariants(scenarios::tasks::order_canceled());
}

#[test]
fn every_scenario_checks_every_invariant_and_coverage() {
    for scenario in scenarios::all() {
        let name = scenario.name;
        let properties = Protocol::correct(scenario).properties();
        let count = |kind| properties.iter().filter(|p| p.expectation == kind).count();
        assert!(count(Expectation::Sometimes) >= 2, "{name}");
        assert_eq!(count(Expectation::Always), 10, "{name}");
    }
}

#[test]
fn check_then_write_oversells() {
    assert_fault_breaks(
        Fault::CheckThenWrite,
        scenarios::orders::two_orders_for_one_unit(),
        NEVER_OVERSOLD,
    );
}

#[test]
fn order_without_condition_takes_stock_twice() {
    assert_fault_breaks(
        Fault::PlaceWithoutCondition,
        scenarios::orders::three_orders_for_two_units(),
        ONE_KEY_ONE_EFFECT,
    );
    assert_fault_breaks(
        Fault::PlaceWithoutCondition,
        scenarios::orders::three_orders_for_two_units(),
        MOVEMENTS_ADD_UP,
    );
}

#[test]
fn shortage_before_replay_rejects_a_placed_order() {
    assert_fault_breaks(
        Fault::ShortageBeforeReplay,
        scenarios::orders::two_orders_for_one_unit(),
        REJECTION_IS_FINAL,
    );
}

#[test]
fn cancel_without_revision_releases_twice() {
    assert_fault_breaks(
        Fault::UpdateOrderWithoutRevision,
        scenarios::orders::concurrent_cancels(),
        ALLOCATED_MATCHES_ORDERS,
    );
}

#[test]
fn replace_without_version_loses_a_sale() {
    assert_fault_breaks(
        Fault::ReplaceWithoutVersion,
        scenarios::stock::adjustments_while_selling(),
        NEVER_OVERSOLD,
    );
}

#[test]
fn change_without_marker_is_applied_twice() {
    assert_fault_breaks(
        Fault::ChangeWithoutMarker,
        scenarios::stock::adjustments_while_selling(),
        ONE_KEY_ONE_EFFECT,
    );
    assert_fault_breaks(
        Fault::ChangeWithoutMarker,
        scenarios::split_levels::receipt_and_theft(),
        ONE_KEY_ONE_EFFECT,
    );
}

#[test]
fn ignoring_whole_short_sells_owed_units() {
    assert_fault_breaks(
        Fault::IgnoreWholeShort,
        scenarios::split_levels::short_level(),
        NEVER_OVERSOLD,
    );
    assert_fault_breaks(
        Fault::IgnoreWholeShort,
        scenarios::split_levels::short_level(),
        SHORT_LEVEL_SELLS_NOTHING,
    );
}

#[test]
fn checking_only_the_first_bucket_loses_a_sale() {
    assert_fault_breaks(
        Fault::CheckFirstBucketOnly,
        scenarios::split_levels::short_level(),
        NEVER_OVERSOLD,
    );
    assert_fault_breaks(
        Fault::CheckFirstBucketOnly,
        scenarios::split_levels::cancels_consolidated(),
        NEVER_OVERSOLD,
    );
}

#[test]
fn rebalancing_twice_loses_a_movement() {
    assert_fault_breaks(
        Fault::RebalanceTwice,
        scenarios::split_levels::order_across_buckets(),
        MOVEMENTS_ADD_UP,
    );
}

#[test]
fn split_without_short_flag_sells_owed_units() {
    assert_fault_breaks(
        Fault::SplitWithoutShortFlag,
        scenarios::split_levels::split_while_short(),
        SHORT_LEVEL_SELLS_NOTHING,
    );
}

#[test]
fn split_by_stale_read_misses_a_count_and_a_shortage() {
    assert_fault_breaks(
        Fault::SplitByStaleRead,
        scenarios::split_levels::split_while_counted(),
        NEVER_OVERSOLD,
    );
    assert_fault_breaks(
        Fault::SplitByStaleRead,
        scenarios::split_levels::split_while_short(),
        SHORT_LEVEL_SELLS_NOTHING,
    );
}

#[test]
fn completion_without_conditions_moves_stock_twice() {
    assert_fault_breaks(
        Fault::CompleteWithoutConditions,
        scenarios::tasks::two_leases(),
        ONE_COMPLETION,
    );
}

#[test]
fn appending_ledger_counts_a_record_twice() {
    assert_fault_breaks(
        Fault::AppendMovements,
        scenarios::orders::two_orders_for_one_unit(),
        MOVEMENTS_ADD_UP,
    );
}
