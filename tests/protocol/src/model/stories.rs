//! A few callers, a little stock: small enough to be walked through whole, and each with its own trouble.

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

/// How long callers wait for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Until the invocation has ended, one way or another: a function's time is shorter than its callers' patience.
    LongerThanAnInvocation,
    /// A caller may send again while an earlier try still runs.
    ShorterThanAnInvocation,
}

/// Who wants what of which stock.
#[derive(Clone)]
pub struct Story {
    /// What it tells of.
    pub title: &'static str,
    /// What is stored when it begins.
    pub tables: Tables,
    /// What the callers ask for, one each.
    pub requests: Vec<Request>,
    /// How often each may send, in the same order.
    pub tries: Vec<u8>,
    /// How long they wait.
    pub patience: Patience,
    /// What must be seen somewhere on the way, lest the story tells of nothing.
    pub sights: Vec<Property<Protocol>>,
}

const STORE: &str = "store-1";
const WAREHOUSE: &str = "warehouse-1";

/// All of them.
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
