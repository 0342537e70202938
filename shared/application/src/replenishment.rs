//! Places a replenishment order for a level that is low or due, and cancels orders.

use std::time::Duration;

use jiff::Timestamp;
use stockline_domain::alert::{AlertKind, StockAlert};
use stockline_domain::caller::{Action, Caller};
use stockline_domain::ids::ReplenishmentOrderId;
use stockline_domain::level::LevelKey;
use stockline_domain::replenishment::{ClosedOrder, NoOrder, OrderTrigger, ReplenishmentOrder};

use crate::deadline::Deadline;
use crate::message::UnreadableMessage;
use crate::metrics::{Metric, count};
use crate::ports::alerts::{AlertMessage, read_alert};
use crate::ports::replenishment::{OrderWriteOutcome, ReplenishmentStore};
use crate::reorder_messages::{ReorderDue, ReorderMessage, read_reorder};
use crate::store_error::StoreError;

/// For how long conflicts on the level of one message are retried. A batch has up to 10 messages and 30 s; a message that gives
/// up is delivered again.
const MESSAGE_TIMEOUT: Duration = Duration::from_millis(2500);

/// A message that may call for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplenishmentMessage {
    /// A level crossed a threshold.
    Alert(AlertMessage),
    /// A level is due without a new alert.
    Due(ReorderMessage),
}

impl ReplenishmentMessage {
    /// Parses a message.
    ///
    /// # Errors
    /// It is malformed, or of another type or version.
    pub fn read(text: &str) -> Result<Self, UnreadableMessage> {
        match read_alert(text) {
            Err(UnreadableMessage::Other { .. }) => read_reorder(text).map(Self::Due),
            alert => alert.map(Self::Alert),
        }
    }
}

/// The outcome of an alert or a request to order.
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

/// Places the order that `message` calls for, if any, and logs what was decided. Repeated calls place at most one order.
///
/// # Errors
/// [`StoreError::Busy`] if conflicts last for some seconds.
pub async fn answer_message<Store: ReplenishmentStore>(
    store: &Store,
    message: &ReplenishmentMessage,
    now: Timestamp,
) -> Result<(), StoreError> {
    let deadline = Deadline::within(MESSAGE_TIMEOUT);
    let (id, level, outcome) = match message {
        ReplenishmentMessage::Alert(alert) => (
            alert.id,
            alert.data.level_key(),
            replenish(store, &alert.data, now, deadline).await?,
        ),
        ReplenishmentMessage::Due(due) => (
            due.id,
            due.data.level_key(),
            replenish_due(store, &due.data, now, deadline).await?,
        ),
    };
    let reason = match outcome {
        ReplenishOutcome::Placed(order) => {
            count(Metric::ReplenishmentOrdersPlaced, 1);
            tracing::info!(
                message_id = %id,
                replenishment_order_id = %order.replenishment_order_id,
                location_id = %order.location_id,
                sku = %order.sku,
                quantity = order.quantity,
                available = order.reasons.available,
                incoming = order.reasons.incoming,
                "replenishment order placed"
            );
            return Ok(());
        }
        ReplenishOutcome::NotNeeded(reason) => reason.to_string(),
        ReplenishOutcome::Recovered => "the level has recovered".to_owned(),
        ReplenishOutcome::UnknownLevel => "the level does not exist".to_owned(),
    };
    tracing::info!(
        message_id = %id,
        location_id = %level.location_id,
        sku = %level.sku,
        reason,
        "no replenishment order placed"
    );
    Ok(())
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

/// The outcome of a request to cancel an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The order is canceled, by this request or an earlier one.
    Canceled(Box<ReplenishmentOrder>),
    /// The order is closed otherwise.
    TooLate(ClosedOrder),
    /// There is no such order that the caller may see.
    NotFound,
}

/// Cancels what an order still expects. The level expects that much less. If less is incoming, because the level was altered by
/// other means, nothing is incoming afterwards, as after a receipt.
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
        let incoming = store.incoming(&before.level_key()).await?;
        let released = before.expected().min(incoming);
        let written = store
            .close(&before, &after, released, request.deadline)
            .await?;
        if written == OrderWriteOutcome::Written {
            return Ok(CancelOutcome::Canceled(Box::new(after)));
        }
        if !attempts.wait_for_next().await {
            return Err(StoreError::Busy);
        }
    }
}
