//! Applies the changes of one request in order. Each change is applied or refused on its own, and at most once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use stockline_domain::caller::{Action, Caller};
use stockline_domain::ids::RequestId;
use stockline_domain::invalid::Invalid;
use stockline_domain::level::LevelKey;
use stockline_domain::stock_change::{RequestedChange, StockChanges};

use crate::deadline::Deadline;
use crate::fingerprint::Fingerprint;
use crate::level_creation::NotStockable;
use crate::metrics::{Metric, count};
use crate::ports::stock::{RequestStatus, StockStore, StockableCatalog};
use crate::ports::stock_changes::{ChangeResult, PendingChange, StockChangeStore};
use crate::stock_change::{apply_change, refuse_change};
use crate::store_error::StoreError;

/// One request of stock changes.
#[derive(Debug, Clone, Copy)]
pub struct StockRequest<'a> {
    /// The id, derived from caller and idempotency key.
    pub id: RequestId,
    /// The caller. Changes at other locations than the caller's are refused.
    pub caller: &'a Caller,
    /// The requested changes.
    pub body: &'a StockChanges,
    /// When this request arrived, written as `recorded_at`.
    pub at: Timestamp,
    /// When the response is due.
    pub deadline: Deadline,
}

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestOutcome {
    /// Every change is applied or refused.
    Settled {
        /// The result of each change, in the order of the request.
        results: Vec<ChangeResult>,
        /// Whether earlier or concurrent requests under the same key settled every change.
        is_replay: bool,
    },
    /// Nothing changed: a change writes stock off, which the caller's role does not allow.
    WriteOffDenied,
    /// Another request used the same idempotency key.
    KeyReused,
    /// The changes break a rule.
    Invalid(Invalid),
}

/// Applies or refuses the changes of `request`. A repeated request returns the recorded results, settles the rest, and applies
/// nothing twice. A refused change stays refused, whatever has happened to its levels since. Reported times are relative to the
/// first arrival of the request.
///
/// A change that keeps losing write conflicts is given up after half of the remaining time. Later changes of its levels are
/// then skipped, to keep their order; all others are applied.
///
/// # Errors
/// [`StoreError::Busy`] if any change was given up or skipped. After any error some changes may be settled; the same request
/// settles the rest.
pub async fn settle_request<Stock, Catalog>(
    stock: &Stock,
    catalog: &Catalog,
    request: StockRequest<'_>,
) -> Result<RequestOutcome, StoreError>
where
    Stock: StockStore + StockChangeStore,
    Catalog: StockableCatalog,
{
    let StockRequest { id, body, at, .. } = request;
    if body.has_write_off() && request.caller.may(Action::WriteOffStock).is_err() {
        return Ok(RequestOutcome::WriteOffDenied);
    }
    let fingerprint = Fingerprint::of(body).map_err(StoreError::failed("serialize a request"))?;
    let status = match body.check(at) {
        Ok(()) => stock.open(id, &fingerprint, at).await?,
        // A retry of an accepted request stays valid after its times have passed their age limits.
        Err(invalid) => match stock.recall(id, &fingerprint).await? {
            Some(RequestStatus::Known(earlier)) => RequestStatus::Known(earlier),
            _ => return Ok(RequestOutcome::Invalid(invalid)),
        },
    };
    let (received_at, settled) = match status {
        RequestStatus::New => (at, BTreeMap::new()),
        RequestStatus::Known(earlier) => (earlier.received_at, earlier.settled),
        RequestStatus::KeyReused => return Ok(RequestOutcome::KeyReused),
    };
    let changes = body.resolve_times(received_at);
    let applier = Applier {
        stock,
        catalog,
        request,
    };
    let (results, is_replay) = applier.apply_all(&changes, settled).await?;
    Ok(RequestOutcome::Settled { results, is_replay })
}

struct Applier<'a, Stock, Catalog> {
    stock: &'a Stock,
    catalog: &'a Catalog,
    request: StockRequest<'a>,
}

impl<Stock: StockChangeStore, Catalog: StockableCatalog> Applier<'_, Stock, Catalog> {
    /// Applies `changes` and returns one result for each, and whether all of them were recorded before. `settled` holds the
    /// results of earlier requests, by index; these changes are not decided again.
    async fn apply_all(
        &self,
        changes: &[RequestedChange],
        mut settled: BTreeMap<usize, ChangeResult>,
    ) -> Result<(Vec<ChangeResult>, bool), StoreError> {
        let (mut results, mut is_replay) = (Vec::with_capacity(changes.len()), true);
        let mut blocked: BTreeSet<LevelKey> = BTreeSet::new();
        for (index, change) in changes.iter().enumerate() {
            let (result, was_recorded) = match settled.remove(&index) {
                Some(result) => (result, true),
                None if change.keys().iter().any(|key| blocked.contains(key)) => {
                    blocked.extend(change.keys());
                    continue;
                }
                None => {
                    let is_last = index + 1 == changes.len();
                    match self.apply(index, change, self.time_limit(is_last)).await {
                        Err(StoreError::Busy) => {
                            blocked.extend(change.keys());
                            continue;
                        }
                        result => result?,
                    }
                }
            };
            let metric = match result {
                ChangeResult::Applied(_) => Metric::ChangesApplied,
                ChangeResult::Refused(_) | ChangeResult::NotStockable(_) => Metric::ChangesRefused,
            };
            count(metric, 1);
            is_replay &= was_recorded;
            results.push(result);
        }
        if blocked.is_empty() {
            Ok((results, is_replay))
        } else {
            Err(StoreError::Busy)
        }
    }

    /// The deadline of one change: half of the remaining time, or all of it for the last change.
    fn time_limit(&self, is_last: bool) -> Deadline {
        let deadline = self.request.deadline;
        if is_last {
            deadline
        } else {
            Deadline::within(deadline.remaining() / 2)
        }
    }

    async fn apply(
        &self,
        index: usize,
        change: &RequestedChange,
        deadline: Deadline,
    ) -> Result<(ChangeResult, bool), StoreError> {
        let pending = PendingChange {
            request: self.request.id,
            index,
            change,
            at: self.request.at,
        };
        let is_inaccessible = |key: &LevelKey| {
            let allowed = self
                .request
                .caller
                .may_at(Action::WriteStock, &key.location_id);
            allowed.is_err()
        };
        if let Some(key) = change.keys().into_iter().find(is_inaccessible) {
            let unknown = NotStockable::UnknownLocation(key.location_id);
            let refusal = ChangeResult::NotStockable(unknown);
            let outcome = refuse_change(self.stock, pending, refusal, deadline).await?;
            return Ok(outcome.into_result());
        }
        let outcome = apply_change(self.stock, self.catalog, pending, deadline).await?;
        Ok(outcome.into_result())
    }
}
