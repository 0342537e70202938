//! Places a replenishment order for a level that is low or due, and cancels orders.

use jiff::Timestamp;
use stockline_domain::alert::{AlertKind, StockAlert};
use stockline_domain::caller::{Action, Caller};
use stockline_domain::ids::ReplenishmentOrderId;
use stockline_domain::level::LevelKey;
use stockline_domain::replenishment::{ClosedOrder, NoOrder, OrderTrigger, ReplenishmentOrder};

use crate::deadline::Deadline;
use crate::ports::replenishment::{OrderWriteOutcome, ReplenishmentStore};
use crate::reorder_messages::ReorderDue;
use crate::store_error::StoreError;

/// What came of an alert or a request to order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplenishOutcome {
    /// An order is placed.
    Placed(Box<ReplenishmentOrder>),
    /// There is nothing to order, for this reason.
    NotNeeded(NoOrder),
    /// The alert says that the level has recovered.
    Recovered,
    /// The level does not exist.
    UnknownLevel,
}

/// Decides on the present state of the level of `alert` whether it needs an order, and places it.
///
/// Any number of calls for one alert, concurrent or after a lost response, place at most one order: the store refuses a
/// second open order of a level, and the next attempt finds the first one.
///
/// # Errors
/// [`StoreError::Busy`] if conflicts last until `deadline`.
pub async fn replenish<Store: ReplenishmentStore>(
    store: &Store,
    alert: &StockAlert,
    now: Timestamp,
    deadline: Deadline,
) -> Result<ReplenishOutcome, StoreError> {
    if alert.kind == AlertKind::Recovered {
        return Ok(ReplenishOutcome::Recovered);
    }
    let trigger = OrderTrigger::Alert(alert.level_version);
    order(store, &alert.level_key(), trigger, now, deadline).await
}

/// Decides on the present state of the level of `due` whether it needs an order, and places it, like [`replenish`]. A level
/// whose last order was canceled by a person is left to the next alert.
///
/// # Errors
/// [`StoreError::Busy`] if conflicts last until `deadline`.
pub async fn replenish_due<Store: ReplenishmentStore>(
    store: &Store,
    due: &ReorderDue,
    now: Timestamp,
    deadline: Deadline,
) -> Result<ReplenishOutcome, StoreError> {
    let trigger = OrderTrigger::Due(due.level_version);
    order(store, &due.level_key(), trigger, now, deadline).await
}

async fn order<Store: ReplenishmentStore>(
    store: &Store,
    key: &LevelKey,
    trigger: OrderTrigger,
    now: Timestamp,
    deadline: Deadline,
) -> Result<ReplenishOutcome, StoreError> {
    let mut attempts = deadline.attempts();
    loop {
        let Some(status) = store.status(key, deadline).await? else {
            return Ok(ReplenishOutcome::UnknownLevel);
        };
        let placed = ReplenishmentOrder::place(&status.level, &status.cycle, trigger, now);
        let order = match placed {
            Ok(order) => order,
            Err(reason) => return Ok(ReplenishOutcome::NotNeeded(reason)),
        };
        if store.place(&order, deadline).await? == OrderWriteOutcome::Written {
            return Ok(ReplenishOutcome::Placed(Box::new(order)));
        }
        if !attempts.wait_for_next().await {
            return Err(StoreError::Busy);
        }
    }
}

/// The request of a person to cancel an order.
#[derive(Debug, Clone, Copy)]
pub struct CancelRequest<'a> {
    /// The order.
    pub order: ReplenishmentOrderId,
    /// Who asks. Orders of other locations than the caller's are not found.
    pub caller: &'a Caller,
    /// When the caller asks.
    pub at: Timestamp,
    /// Until when conflicts are retried.
    pub deadline: Deadline,
}

/// What came of a request to cancel an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The order is canceled, by this request or an earlier one.
    Canceled(Box<ReplenishmentOrder>),
    /// The order is closed otherwise.
    TooLate(ClosedOrder),
    /// There is no such order that the caller may see.
    NotFound,
}

/// Cancels what an order still expects. The level expects that much less.
///
/// Canceling is idempotent by the order's state: a repeated request finds the order canceled.
///
/// # Errors
/// [`StoreError::Busy`] if conflicts last until the deadline.
pub async fn cancel_order<Store: ReplenishmentStore>(
    store: &Store,
    request: CancelRequest<'_>,
) -> Result<CancelOutcome, StoreError> {
    let mut attempts = request.deadline.attempts();
    loop {
        let Some(before) = store.find_order(request.order).await? else {
            return Ok(CancelOutcome::NotFound);
        };
        let allowed = request
            .caller
            .may_at(Action::ManageReplenishment, &before.location_id);
        if allowed.is_err() {
            return Ok(CancelOutcome::NotFound);
        }
        let after = match before.cancel(&request.caller.subject, request.at) {
            Ok(Some(after)) => after,
            Ok(None) => return Ok(CancelOutcome::Canceled(Box::new(before))),
            Err(closed) => return Ok(CancelOutcome::TooLate(closed)),
        };
        let written = store.close(&before, &after, request.deadline).await?;
        if written == OrderWriteOutcome::Written {
            return Ok(CancelOutcome::Canceled(Box::new(after)));
        }
        if !attempts.wait_for_next().await {
            return Err(StoreError::Busy);
        }
    }
}
