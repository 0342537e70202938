//! Applies the changes of one request in order. Each change succeeds or is refused on its own.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use stockline_application::deadline::Deadline;
use stockline_application::metrics::{Metric, count};
use stockline_application::ports::stock::{
    ChangeOutcome, MissingLevel, PendingChange, StockStore, StockableCatalog,
};
use stockline_application::store_error::StoreError;
use stockline_domain::caller::{Action, Caller};
use stockline_domain::ids::{LocationId, RequestId, Sku};
use stockline_domain::level::{Level, LevelError, LevelKey};
use stockline_domain::stock_change::{ChangeRefused, RequestedChange};
use stockline_platform::problem::{Problem, ProblemKind};

use crate::views::LevelView;

/// The result of one change, as it is sent.
#[derive(Debug, Serialize)]
pub struct ChangeResult {
    index: usize,
    outcome: ChangeStatus,
    levels: Vec<LevelView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum ChangeStatus {
    Applied,
    Refused,
}

impl ChangeResult {
    fn applied(index: usize, levels: Vec<Level>) -> Self {
        Self {
            index,
            outcome: ChangeStatus::Applied,
            levels: levels.into_iter().map(LevelView::from).collect(),
            problem: None,
        }
    }

    fn refused(index: usize, problem: Problem) -> Self {
        Self {
            index,
            outcome: ChangeStatus::Refused,
            levels: Vec::new(),
            problem: Some(problem),
        }
    }
}

/// Applies the changes of one request.
pub struct Changer<'a, Stock, Catalog> {
    /// The store of levels.
    pub stock: &'a Stock,
    /// Decides which SKUs and locations may get a level.
    pub catalog: &'a Catalog,
    /// The caller; changes at other locations than the caller's are refused.
    pub caller: &'a Caller,
    /// The id derived from caller and idempotency key.
    pub request: RequestId,
    /// The time of this request, written as `recorded_at`.
    pub at: Timestamp,
    /// The deadline of the request.
    pub deadline: Deadline,
}

impl<Stock: StockStore, Catalog: StockableCatalog> Changer<'_, Stock, Catalog> {
    /// Applies `changes` and returns one result for each. `done` holds the levels of changes that an earlier attempt of
    /// the request applied, by index; they are not applied again.
    ///
    /// A change that keeps losing write conflicts is given up after half of the remaining time. Later changes of its
    /// levels are then skipped, to keep their order; all others are applied.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if any change was given up or skipped. The same request applies the rest.
    pub async fn apply_all(
        &self,
        changes: &[RequestedChange],
        mut done: BTreeMap<usize, Vec<Level>>,
    ) -> Result<Vec<ChangeResult>, StoreError> {
        let mut results = Vec::with_capacity(changes.len());
        let mut blocked: BTreeSet<LevelKey> = BTreeSet::new();
        for (index, change) in changes.iter().enumerate() {
            let result = match done.remove(&index) {
                Some(levels) => ChangeResult::applied(index, levels),
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
                        applied => applied?,
                    }
                }
            };
            let metric = match result.outcome {
                ChangeStatus::Applied => Metric::ChangesApplied,
                ChangeStatus::Refused => Metric::ChangesRefused,
            };
            count(metric, 1);
            results.push(result);
        }
        if blocked.is_empty() {
            Ok(results)
        } else {
            Err(StoreError::Busy)
        }
    }

    /// The deadline of one change: half of the remaining time, or all of it for the last change.
    fn time_limit(&self, is_last: bool) -> Deadline {
        if is_last {
            self.deadline
        } else {
            Deadline::within(self.deadline.remaining() / 2)
        }
    }

    async fn apply(
        &self,
        index: usize,
        change: &RequestedChange,
        deadline: Deadline,
    ) -> Result<ChangeResult, StoreError> {
        let keys = change.keys();
        let inaccessible = keys.iter().find(|key| {
            self.caller
                .may_at(Action::WriteStock, &key.location_id)
                .is_err()
        });
        if let Some(key) = inaccessible {
            return Ok(ChangeResult::refused(
                index,
                unknown_location(&key.location_id),
            ));
        }
        let mut pending = PendingChange {
            request: self.request,
            index,
            change,
            at: self.at,
            missing: MissingLevel::Report,
        };
        let mut applied = self.stock.apply(pending, deadline).await?;
        if let ChangeOutcome::MissingLevels(missing) = &applied {
            if let Some(problem) = not_stockable(self.catalog, missing).await? {
                return Ok(ChangeResult::refused(index, problem));
            }
            pending.missing = MissingLevel::Create;
            applied = self.stock.apply(pending, deadline).await?;
        }
        Ok(match applied {
            ChangeOutcome::Applied(levels) | ChangeOutcome::AlreadyApplied(levels) => {
                ChangeResult::applied(index, levels)
            }
            ChangeOutcome::Refused(refused) => ChangeResult::refused(index, refusal(refused)),
            ChangeOutcome::MissingLevels(keys) => {
                let reason = format!(
                    "{} levels are missing although their creation was requested",
                    keys.len()
                );
                return Err(StoreError::failed("apply a change")(reason));
            }
        })
    }
}

/// The problem of the first of `keys` whose location or product is not in the catalog; none if all are.
pub async fn not_stockable<Catalog: StockableCatalog>(
    catalog: &Catalog,
    keys: &[LevelKey],
) -> Result<Option<Problem>, StoreError> {
    for key in keys {
        if !catalog.has_location(&key.location_id).await? {
            return Ok(Some(unknown_location(&key.location_id)));
        }
        if !catalog.has_product(&key.sku).await? {
            return Ok(Some(unknown_product(&key.sku)));
        }
    }
    Ok(None)
}

/// The same text for a location that does not exist and one that the caller cannot access.
fn unknown_location(id: &LocationId) -> Problem {
    Problem::new(
        ProblemKind::NotFound,
        format!("Location {id} does not exist or is not one of the caller's locations."),
    )
}

fn unknown_product(sku: &Sku) -> Problem {
    Problem::new(
        ProblemKind::NotFound,
        format!("Product {sku} is not in the catalog."),
    )
}

fn refusal(refused: ChangeRefused) -> Problem {
    let kind = match refused {
        ChangeRefused::Level(
            LevelError::NotOnHand { .. }
            | LevelError::NotFitForSale { .. }
            | LevelError::NotAvailable { .. },
        ) => ProblemKind::InsufficientStock,
        _ => ProblemKind::ChangeRefused,
    };
    Problem::new(kind, format!("Nothing was changed: {refused}."))
}
