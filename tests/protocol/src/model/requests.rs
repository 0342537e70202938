//! What callers ask for: each verb as the steps that its function makes, one read or one transaction a step.
//!
//! A new verb is a file here, a variant of [`Request`] and, if it reads before it writes, one of [`Step`].

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

/// When everything happens: the protocol does not look at clocks.
pub const NOW: &str = "2026-03-01T12:00:00Z";

/// One request, with its idempotency key in its ids.
#[derive(Debug, Clone)]
pub enum Request {
    /// `POST /v1/orders`.
    Place {
        /// The order that the body makes.
        order: Order,
        /// Which body it was.
        body: u8,
    },
    /// `POST /v1/orders/{order_id}/cancel`, `.../refunds` and `.../fulfilments`.
    GoOn(OrderId, Deed),
    /// `POST /v1/stock/changes`, of one change.
    Change {
        /// From caller and key.
        request: RequestId,
        /// What it does.
        change: StockChange,
    },
    /// `POST /v1/tasks/{task_id}/reports`.
    Report {
        /// Which task.
        task: TaskId,
        /// What is said of it.
        report: Report,
    },
    /// The planner's answer to a canceled order, from its stream.
    Withdraw(TaskId),
    /// `PUT /v1/stock/{location_id}/{sku}/policy`, which splits the level over more items.
    Split {
        /// Which level.
        key: LevelKey,
        /// Over how many, among the rest.
        policy: ReorderPolicy,
    },
}

/// How far an invocation has come: what it has read and not yet written upon.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Step {
    /// It has just begun.
    #[default]
    Begun,
    /// It has read an order.
    Order(Item<StoredOrder>),
    /// It has read the levels of a change, all items of each.
    Levels(Vec<Item<Level>>),
    /// And by how much the first has moved since the moment that the change speaks of.
    LevelsAndMoved(Vec<Item<Level>>, i64),
    /// It has read a task.
    Task(Item<Task>),
    /// It has read a task and then its order.
    TaskAndOrder(Item<Task>, Item<StoredOrder>),
    /// It has read that there is enough.
    Enough,
    /// One try at a level that is split was not all, of an order that is placed or of one that was read.
    Attempt(Option<Item<StoredOrder>>, Attempt),
}

/// What a step leads to.
#[derive(Debug)]
pub enum Next {
    /// Another step.
    Step(Step),
    /// The end.
    Answer(Answer),
}

/// What a caller is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The order is placed.
    Placed(Item<Order>),
    /// An earlier try had placed it; this is what that try answered.
    Replayed(Item<Order>),
    /// The key belongs to another body.
    KeyReused,
    /// There is not enough.
    Short,
    /// What was to be done to the order is done, now or before.
    Done,
    /// There is no such order, or task.
    Unknown,
    /// The change is applied; these are the levels it led to.
    Applied(Item<Vec<Level>>),
    /// An earlier try had applied it, with these levels.
    AppliedBefore(Item<Vec<Level>>),
    /// A rule forbids it.
    Refused,
    /// The report counts.
    Counted,
    /// Something is wrong that no caller can help: a 500.
    Failed,
}

impl Answer {
    /// Whether a caller takes it for the end of the matter.
    pub fn is_final(&self) -> bool {
        *self != Self::Failed
    }
}

impl Request {
    /// Whether an invocation that has come to `step` waits for the ledger.
    pub fn waits(&self, step: &Step, tables: &Tables) -> bool {
        match (self, step) {
            (Self::Change { change, .. }, Step::Levels(read)) => {
                change::moved(change, &read[0], tables).is_none()
            }
            _ => false,
        }
    }

    /// In how many ways an invocation that has come to `step` may go on. Where it tries to take from a level, in any of the
    /// buckets, for what it knows of them may be old; where it changes what it read, over that or added to it.
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

    /// The next step of an invocation for this request, which goes on in the `way`-th of [`Self::ways`].
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
