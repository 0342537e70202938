//! The requests of callers. Each request is a sequence of steps, and each step is one read or one transaction.
//!
//! A new request kind is a file here, a variant of [`Request`] and, if it reads before it writes, a variant of
//! [`Progress`].

mod change;
mod go_on;
mod levels;
mod place;
mod report;
mod split;

use stockline_domain::ids::{OrderId, RequestId, TaskId};
use stockline_domain::level::{Level, LevelKey, ReorderPolicy};
use stockline_domain::order::{LevelChange, Order};
use stockline_domain::stock_change::StockChange;
use stockline_domain::task::{Report, Task};

pub use go_on::Deed;
pub use levels::Attempt;

use super::faults::Fault;
use super::item::Item;
use super::tables::{StoredOrder, Tables};

/// The time of every request. The protocol does not depend on clocks.
pub const NOW: &str = "2026-03-01T12:00:00Z";

/// A request. Its ids are derived from its idempotency key.
#[derive(Debug, Clone)]
pub enum Request {
    /// `POST /v1/orders`.
    Place {
        /// The order described by the body.
        order: Order,
        /// Identifies the body.
        body: u8,
    },
    /// `POST /v1/orders/{order_id}/cancel`, `.../refunds` and `.../fulfilments`.
    GoOn(OrderId, Deed),
    /// `POST /v1/stock/changes` with one change.
    Change {
        /// Derived from caller and idempotency key.
        request: RequestId,
        /// The change.
        change: StockChange,
    },
    /// `POST /v1/tasks/{task_id}/reports`.
    Report {
        /// The task.
        task: TaskId,
        /// The report.
        report: Report,
    },
    /// The task planner cancels the task of a canceled order.
    Withdraw(TaskId),
    /// `PUT /v1/locations/{location_id}/stock/{sku}/policy` with a bucket count that splits the level.
    Split {
        /// The level.
        key: LevelKey,
        /// The policy, with the bucket count.
        policy: ReorderPolicy,
    },
}

/// What an invocation has read so far, and what it has written of a level change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Step {
    /// Nothing was read yet.
    #[default]
    Begun,
    /// An order was read.
    Order(Item<StoredOrder>),
    /// The levels of a stock change were read, with all their buckets.
    Levels(Vec<Item<Level>>),
    /// The levels were read, and by how much the first one moved since the time the change refers to.
    LevelsAndMoved(Vec<Item<Level>>, i64),
    /// A task was read.
    Task(Item<Task>),
    /// A task and its order were read.
    TaskAndOrder(Item<Task>, Item<StoredOrder>),
    /// A read showed sufficient stock. Used only by [`Fault::CheckThenWrite`].
    Enough,
    /// A level change needs more than one transaction. Holds the order that was read, unless the order is new.
    Attempt(Option<Item<StoredOrder>>, Attempt),
}

/// The result of a step.
#[derive(Debug)]
pub enum Next {
    /// The invocation continues.
    Step(Step),
    /// The invocation ends with this response.
    Answer(Answer),
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The order is placed.
    Placed(Item<Order>),
    /// An earlier attempt placed the order. Holds the order as it was placed.
    Replayed(Item<Order>),
    /// The idempotency key was used with another body.
    KeyReused,
    /// Insufficient stock.
    Short,
    /// The order change is applied, by this request or an earlier one.
    Done,
    /// No such order, task or level.
    Unknown,
    /// The stock change is applied. Holds the resulting levels.
    Applied(Item<Vec<Level>>),
    /// An earlier attempt applied the stock change. Holds the levels it resulted in.
    AppliedBefore(Item<Vec<Level>>),
    /// A rule rejects the request.
    Refused,
    /// The report or cancellation is processed.
    Counted,
    /// A server error (500).
    Failed,
}

impl Answer {
    /// Whether the caller stops after this response.
    pub fn is_final(&self) -> bool {
        *self != Self::Failed
    }
}

impl Request {
    /// Whether an invocation with this progress waits for the ledger.
    pub fn waits(&self, step: &Step, tables: &Tables) -> bool {
        match (self, step) {
            (Self::Change { change, .. }, Step::Levels(read)) => {
                change::moved(change, &read[0], tables).is_none()
            }
            _ => false,
        }
    }

    /// The number of nondeterministic choices for the next step. A change by deltas may address any bucket first,
    /// because the function's cached bucket count may be stale. A stock change may replace what it read or add its
    /// deltas.
    pub fn ways(&self, step: &Step, tables: &Tables) -> u8 {
        if let (Self::Change { change, .. }, Step::LevelsAndMoved(read, _)) = (self, step) {
            return if change::may_be_added(change, read) {
                2
            } else {
                1
            };
        }
        let changes: Vec<LevelChange> = match (self, step) {
            (
                Self::Place { order, .. },
                Step::Begun | Step::Attempt(_, Attempt::RefusedByTheWhole),
            ) => order.takes(),
            (
                Self::GoOn(_, deed),
                Step::Order(read) | Step::Attempt(Some(read), Attempt::RefusedByTheWhole),
            ) => deed.changes(&read.order),
            _ => Vec::new(),
        };
        let firsts = changes
            .iter()
            .filter_map(|change| tables.bucket(&change.key, 0));
        firsts.map(|first| first.split_over).fold(1, u8::max)
    }

    /// Runs the next step of an invocation, with one of the [`Self::choices`].
    pub fn run(&self, step: &Step, way: u8, tables: &mut Tables, fault: Option<Fault>) -> Next {
        match self {
            Self::Place { order, body } => place::run(order, *body, step, way, tables, fault),
            Self::GoOn(order, deed) => go_on::run(*order, deed, step, way, tables, fault),
            Self::Change { request, change } => {
                change::run(*request, change, step, way > 0, tables, fault)
            }
            Self::Report { task, report } => report::run(*task, report, step, tables, fault),
            Self::Withdraw(task) => report::withdraw(*task, step, tables),
            Self::Split { key, policy } => split::run(key, policy, step, tables, fault),
        }
    }
}
