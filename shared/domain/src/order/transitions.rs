//! The states of an order and its lines, and the transitions that each action allows.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Line;

/// The status of an order, derived from its lines by [`OrderStatus::of`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Allocated; nothing has left.
    Allocated,
    /// Some has left, and some is open.
    PartiallyFulfilled,
    /// Nothing is open, and some has left.
    Fulfilled,
    /// Canceled before anything left.
    Canceled,
}

/// The state of an order line, see [`Line::state`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineState {
    /// Allocated; nothing has left.
    Open,
    /// Some has left, and some is open.
    PartlyFulfilled,
    /// Nothing is open, some has left, and not all of that was returned.
    Fulfilled,
    /// Nothing is open, some has left, and all of that was returned.
    Returned,
    /// Canceled before anything left.
    Canceled,
}

/// An action on an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderAction {
    /// Goods leave.
    Fulfil,
    /// The open quantities are given up.
    Cancel,
    /// Quantities that have left are paid back.
    Refund,
}

/// All allowed transitions of an order, as (from, action, to). Any other is refused.
const ORDER_TRANSITIONS: [(OrderStatus, OrderAction, &[OrderStatus]); 6] = {
    use OrderStatus as S;
    [
        (
            S::Allocated,
            OrderAction::Fulfil,
            &[S::PartiallyFulfilled, S::Fulfilled],
        ),
        (S::Allocated, OrderAction::Cancel, &[S::Canceled]),
        (
            S::PartiallyFulfilled,
            OrderAction::Fulfil,
            &[S::PartiallyFulfilled, S::Fulfilled],
        ),
        (S::PartiallyFulfilled, OrderAction::Cancel, &[S::Fulfilled]),
        (
            S::PartiallyFulfilled,
            OrderAction::Refund,
            &[S::PartiallyFulfilled],
        ),
        (S::Fulfilled, OrderAction::Refund, &[S::Fulfilled]),
    ]
};

/// All allowed transitions of a line, as (from, action, to). Any other is refused.
const LINE_TRANSITIONS: [(LineState, OrderAction, &[LineState]); 6] = {
    use LineState as S;
    [
        (
            S::Open,
            OrderAction::Fulfil,
            &[S::PartlyFulfilled, S::Fulfilled],
        ),
        (S::Open, OrderAction::Cancel, &[S::Canceled]),
        (
            S::PartlyFulfilled,
            OrderAction::Fulfil,
            &[S::PartlyFulfilled, S::Fulfilled],
        ),
        // All that had left may have been returned before.
        (
            S::PartlyFulfilled,
            OrderAction::Cancel,
            &[S::Fulfilled, S::Returned],
        ),
        (
            S::PartlyFulfilled,
            OrderAction::Refund,
            &[S::PartlyFulfilled],
        ),
        (
            S::Fulfilled,
            OrderAction::Refund,
            &[S::Fulfilled, S::Returned],
        ),
    ]
};

/// An order of this status refuses the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order that is {status} cannot be {action}")]
pub struct ActionRefused {
    /// The status of the order.
    pub status: OrderStatus,
    /// The refused action.
    pub action: OrderAction,
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

impl fmt::Display for OrderAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fulfil => "fulfilled",
            Self::Cancel => "canceled",
            Self::Refund => "refunded",
        })
    }
}

fn next<S: PartialEq>(
    table: &'static [(S, OrderAction, &'static [S])],
    from: &S,
    action: OrderAction,
) -> &'static [S] {
    table
        .iter()
        .find(|(state, by, _)| state == from && *by == action)
        .map_or(&[], |(_, _, to)| *to)
}

impl OrderStatus {
    /// Returns the status of an order with `lines`.
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

    /// Returns the states that `action` may lead to from this one. Empty if the action is refused.
    pub fn next(self, action: OrderAction) -> &'static [Self] {
        next(&ORDER_TRANSITIONS, &self, action)
    }

    pub(super) fn allows(self, action: OrderAction, to: Self) -> bool {
        self.next(action).contains(&to)
    }
}

impl LineState {
    /// Returns the states that `action` may lead to from this one. Empty if the action is refused.
    pub fn next(self, action: OrderAction) -> &'static [Self] {
        next(&LINE_TRANSITIONS, &self, action)
    }

    pub(super) fn allows(self, action: OrderAction, to: Self) -> bool {
        self.next(action).contains(&to)
    }
}
