//! Scenarios: a few callers and little stock, small enough for exhaustive exploration, each with its own conflict.

pub mod orders;
mod requests;
mod sights;
pub mod split_levels;
pub mod stock;
pub mod tasks;

use stateright::Property;

use super::Protocol;
use super::requests::Request;
use super::tables::Tables;

/// How long callers wait for a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// A caller times out later than a function, so it retries only after the invocation ended.
    LongerThanAnInvocation,
    /// A caller may retry while an earlier attempt still runs.
    ShorterThanAnInvocation,
}

/// The initial data and the requests of a scenario.
#[derive(Clone)]
pub struct Story {
    /// Printed with the results.
    pub title: &'static str,
    /// The initial data.
    pub tables: Tables,
    /// One request per caller.
    pub requests: Vec<Request>,
    /// The most attempts per caller, in the same order.
    pub tries: Vec<u8>,
    /// How long callers wait.
    pub patience: Patience,
    /// States that the exploration must reach, so that a scenario cannot pass without exercising its conflict.
    pub sights: Vec<Property<Protocol>>,
}

const STORE: &str = "store-1";
const WAREHOUSE: &str = "warehouse-1";

/// All scenarios.
pub fn all() -> Vec<Story> {
    vec![
        orders::two_for_one(),
        orders::three_for_two(),
        orders::one_key_three_times(),
        orders::a_late_try(),
        orders::baskets_of_two(),
        orders::cancels(),
        orders::goods_out_and_back(),
        stock::corrections(),
        stock::counts(),
        stock::a_transfer(),
        split_levels::an_order_apart(),
        split_levels::a_short_level(),
        split_levels::a_split_level_filled(),
        split_levels::an_order_gathered(),
        split_levels::a_short_level_gathered(),
        split_levels::a_level_is_split(),
        split_levels::a_level_is_split_and_counted(),
        tasks::a_task(),
        tasks::a_task_called_off(),
    ]
}
