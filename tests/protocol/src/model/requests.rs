//! The requests of callers. Each request is a sequence of steps, and each step is one read or one transaction.
//!
//! A new request kind is a file here, a variant of [`Request`] and, if it reads before it writes, a variant of
//! [`Progress`].

mod change_order;
mod change_stock;
mod place_order;
mod report_task;
mod split_level;
mod write_levels;

use stockline_domain::ids::{OrderId, RequestId, TaskId};
use stockline_domain::level::{Level, LevelKey, ReorderPolicy};
use stockline_domain::order::{KeyedDelta, Order};
use stockline_domain::stock_change::RequestedChange;
use stockline_domain::task::{Report, Task};

pub use change_order::OrderChange;
pub use write_levels::LevelWriteProgress;

use super::faults::Fault;
use super::shared_value::Shared;
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
    ChangeOrder(OrderId, OrderChange),
    /// `POST /v1/stock/changes` with one change.
    ChangeStock {
        /// Derived from caller and idempotency key.
        request: RequestId,
        /// The change.
        change: RequestedChange,
    },
    /// `POST /v1/tasks/{task_id}/reports`.
    ReportTask {
        /// The task.
        task: TaskId,
        /// The report.
        report: Report,
    },
    /// The task planner cancels the task of a canceled order.
    CancelTask(TaskId),
    /// `PUT /v1/locations/{location_id}/stock/{sku}/policy` with a bucket count that splits the level.
    SplitLevel {
        /// The level.
        key: LevelKey,
        /// The policy, with the bucket count.
        policy: ReorderPolicy,
    },
}

/// What an invocation has read so far, and what it has written of a level change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Progress {
    /// Nothing was read yet.
    #[default]
    Started,
    /// An order was read.
    OrderRead(Shared<StoredOrder>),
    /// The levels of a stock change were read, with all their buckets.
    LevelsRead(Vec<Shared<Level>>),
    /// The levels were read, and by how much the first one moved since the time the change refers to.
    LevelsAndMovementsRead(Vec<Shared<Level>>, i64),
    /// A task was read.
    TaskRead(Shared<Task>),
    /// A task and its order were read.
    TaskAndOrderRead(Shared<Task>, Shared<StoredOrder>),
    /// A read showed sufficient stock. Used only by [`Fault::CheckThenWrite`].
    StockChecked,
    /// A level change needs more than one transaction. Holds the order that was read, unless the order is new.
    WritingLevels(Option<Shared<StoredOrder>>, LevelWriteProgress),
}

/// One step of an invocation.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// What the invocation has done so far.
    pub progress: &'a Progress,
    /// The nondeterministic choice, one of [`Request::choices`].
    pub choice: u8,
    /// The injected defect.
    pub fault: Option<Fault>,
}

/// The result of a step.
#[derive(Debug)]
pub enum NextStep {
    /// The invocation continues.
    Continue(Progress),
    /// The invocation ends with this response.
    Respond(Response),
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Response {
    /// The order is placed.
    Placed(Shared<Order>),
    /// An earlier attempt placed the order. Holds the order as it was placed.
    Replayed(Shared<Order>),
    /// The idempotency key was used with another body.
    KeyReused,
    /// Insufficient stock.
    Short,
    /// The order change is applied, by this request or an earlier one.
    Done,
    /// No such order, task or level.
    NotFound,
    /// The stock change is applied. Holds the resulting levels.
    Applied(Shared<Vec<Level>>),
    /// An earlier attempt applied the stock change. Holds the levels it resulted in.
    ReplayedChange(Shared<Vec<Level>>),
    /// A rule rejects the request.
    Rejected,
    /// The report or cancellation is processed.
    Processed,
    /// A server error (500).
    ServerError,
}

impl Response {
    /// Whether the caller stops after this response.
    pub fn is_final(&self) -> bool {
        *self != Self::ServerError
    }
}

impl Request {
    /// Whether an invocation with this progress waits for the ledger.
    pub fn waits_for_ledger(&self, progress: &Progress, tables: &Tables) -> bool {
        match (self, progress) {
            (Self::ChangeStock { change, .. }, Progress::LevelsRead(read)) => {
                change_stock::moved_since(change, &read[0], tables).is_none()
            }
            _ => false,
        }
    }

    /// The number of nondeterministic choices for the next step. A change by deltas may address any bucket first,
    /// because the function's cached bucket count may be stale. A stock change may replace what it read or add its
    /// deltas.
    pub fn choices(&self, progress: &Progress, tables: &Tables) -> u8 {
        if let (Self::ChangeStock { change, .. }, Progress::LevelsAndMovementsRead(read, _)) =
            (self, progress)
        {
            return if change_stock::can_use_deltas(change, read) {
                2
            } else {
                1
            };
        }
        let changes: Vec<KeyedDelta> = match (self, progress) {
            (
                Self::Place { order, .. },
                Progress::Started
                | Progress::WritingLevels(_, LevelWriteProgress::LevelInsufficient),
            ) => order.placement_deltas(),
            (
                Self::ChangeOrder(_, order_change),
                Progress::OrderRead(read)
                | Progress::WritingLevels(Some(read), LevelWriteProgress::LevelInsufficient),
            ) => order_change.changes(&read.order),
            _ => Vec::new(),
        };
        let first_buckets = changes
            .iter()
            .filter_map(|change| tables.bucket(&change.key, 0));
        first_buckets.map(|first| first.split_over).fold(1, u8::max)
    }

    /// Runs the next step of an invocation, with one of the [`Self::choices`].
    pub fn run(
        &self,
        progress: &Progress,
        choice: u8,
        tables: &mut Tables,
        fault: Option<Fault>,
    ) -> NextStep {
        let step = Step {
            progress,
            choice,
            fault,
        };
        match self {
            Self::Place { order, body } => place_order::run(order, *body, step, tables),
            Self::ChangeOrder(order, order_change) => {
                change_order::run(*order, order_change, step, tables)
            }
            Self::ChangeStock { request, change } => {
                change_stock::run(*request, change, step, tables)
            }
            Self::ReportTask { task, report } => {
                report_task::run(*task, report, progress, tables, fault)
            }
            Self::CancelTask(task) => report_task::cancel(*task, progress, tables),
            Self::SplitLevel { key, policy } => {
                split_level::run(key, policy, progress, tables, fault)
            }
        }
    }
}
