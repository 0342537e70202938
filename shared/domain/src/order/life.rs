//! Where an order and its lines are in their life, and where each step may lead.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Line;

/// Where an order is in its life. Its lines say so: see [`OrderStatus::of`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Promised; nothing has left.
    Allocated,
    /// Some of it has left, and some is still to leave.
    PartiallyFulfilled,
    /// Nothing is to leave any more, and some has left.
    Fulfilled,
    /// Taken back before anything left.
    Canceled,
}

/// Where a line is in its life: see [`Line::state`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineState {
    /// Promised; nothing has left.
    Open,
    /// Some of it has left, and some is still to leave.
    PartlyFulfilled,
    /// Nothing is to leave any more, some has left, and not all of that has come back.
    Fulfilled,
    /// All that had left has come back.
    Returned,
    /// Taken back before anything left.
    Canceled,
}

/// What may be done to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Goods leave.
    Fulfil,
    /// What has not left is given up.
    Cancel,
    /// What has left is paid back.
    Refund,
}

/// Every step that an order may take, and where it leads; all else is refused.
const ORDER: [(OrderStatus, Step, &[OrderStatus]); 6] = {
    use OrderStatus as S;
    [
        (
            S::Allocated,
            Step::Fulfil,
            &[S::PartiallyFulfilled, S::Fulfilled],
        ),
        (S::Allocated, Step::Cancel, &[S::Canceled]),
        (
            S::PartiallyFulfilled,
            Step::Fulfil,
            &[S::PartiallyFulfilled, S::Fulfilled],
        ),
        (S::PartiallyFulfilled, Step::Cancel, &[S::Fulfilled]),
        (
            S::PartiallyFulfilled,
            Step::Refund,
            &[S::PartiallyFulfilled],
        ),
        (S::Fulfilled, Step::Refund, &[S::Fulfilled]),
    ]
};

/// Every step that a line may take, and where it leads; all else is refused.
const LINE: [(LineState, Step, &[LineState]); 6] = {
    use LineState as S;
    [
        (S::Open, Step::Fulfil, &[S::PartlyFulfilled, S::Fulfilled]),
        (S::Open, Step::Cancel, &[S::Canceled]),
        (
            S::PartlyFulfilled,
            Step::Fulfil,
            &[S::PartlyFulfilled, S::Fulfilled],
        ),
        // What had left may all have come back by then.
        (
            S::PartlyFulfilled,
            Step::Cancel,
            &[S::Fulfilled, S::Returned],
        ),
        (S::PartlyFulfilled, Step::Refund, &[S::PartlyFulfilled]),
        (S::Fulfilled, Step::Refund, &[S::Fulfilled, S::Returned]),
    ]
};

/// An order that is where it is cannot take this step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order that is {status} cannot be {step}")]
pub struct StepRefused {
    /// Where it is.
    pub status: OrderStatus,
    /// What was to be done.
    pub step: Step,
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allocated => "allocated",
            Self::PartiallyFulfilled => "partially fulfilled",
            Self::Fulfilled => "fulfilled",
            Self::Canceled => "canceled",
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fulfil => "fulfilled",
            Self::Cancel => "canceled",
            Self::Refund => "refunded",
        })
    }
}

fn next<S: PartialEq>(
    table: &'static [(S, Step, &'static [S])],
    from: &S,
    step: Step,
) -> &'static [S] {
    table
        .iter()
        .find(|(state, taken, _)| state == from && *taken == step)
        .map_or(&[], |(_, _, to)| *to)
}

impl OrderStatus {
    /// The status of an order of `lines`.
    pub fn of(lines: &[Line]) -> Self {
        let open = lines.iter().any(|line| line.open_quantity() > 0);
        let left = lines.iter().any(|line| line.fulfilled_quantity > 0);
        match (open, left) {
            (true, false) => Self::Allocated,
            (true, true) => Self::PartiallyFulfilled,
            (false, true) => Self::Fulfilled,
            (false, false) => Self::Canceled,
        }
    }

    /// Where `step` may lead from here; nowhere, where it is refused.
    pub fn next(self, step: Step) -> &'static [Self] {
        next(&ORDER, &self, step)
    }

    pub(super) fn may(self, step: Step, to: Self) -> bool {
        self.next(step).contains(&to)
    }
}

impl LineState {
    /// Where `step` may lead from here; nowhere, where it is refused.
    pub fn next(self, step: Step) -> &'static [Self] {
        next(&LINE, &self, step)
    }

    pub(super) fn may(self, step: Step, to: Self) -> bool {
        self.next(step).contains(&to)
    }
}
