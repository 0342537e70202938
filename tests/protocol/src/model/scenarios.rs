//! Scenarios: a few callers and little stock, small enough for exhaustive exploration, each with its own conflict.

mod coverage;
mod fixtures;
pub mod orders;
pub mod split_levels;
pub mod stock;
pub mod tasks;

use stateright::Property;

use super::Protocol;
use super::requests::Request;
use super::tables::Tables;

/// How long callers wait for a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerTimeout {
    /// A caller times out later than a function, so it retries only after the invocation ended.
    LongerThanInvocation,
    /// A caller may retry while an earlier attempt still runs.
    ShorterThanInvocation,
}

/// The initial data and the requests of a scenario.
#[derive(Clone)]
pub struct Scenario {
    /// Printed with the results.
    pub name: &'static str,
    /// The initial data.
    pub tables: Tables,
    /// One request per caller.
    pub requests: Vec<Request>,
    /// The most attempts per caller, in the same order.
    pub attempts: Vec<u8>,
    /// How long callers wait.
    pub caller_timeout: CallerTimeout,
    /// States that the exploration must reach, so that a scenario cannot pass without exercising its conflict.
    pub expected_states: Vec<Property<Protocol>>,
}

const STORE: &str = "store-1";
const WAREHOUSE: &str = "warehouse-1";

/// All scenarios.
pub fn all() -> Vec<Scenario> {
    vec![
        orders::two_orders_for_one_unit(),
        orders::three_orders_for_two_units(),
        orders::one_key_with_two_bodies(),
        orders::early_caller_timeout(),
        orders::orders_of_the_same_skus(),
        orders::concurrent_cancels(),
        orders::fulfilment_refund_and_cancel(),
        stock::adjustments_while_selling(),
        stock::counts_while_selling(),
        stock::transfer_and_arrival(),
        split_levels::order_across_buckets(),
        split_levels::short_level(),
        split_levels::receipt_and_theft(),
        split_levels::order_consolidated(),
        split_levels::cancels_consolidated(),
        split_levels::split_while_short(),
        split_levels::split_while_counted(),
        tasks::two_leases(),
        tasks::order_canceled(),
    ]
}
