//! The changes of one request, one after another: each is applied or refused on its own.

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
use stockline_domain::stock_change::{ChangeRefused, StockChange};
use stockline_platform::problem::{Problem, ProblemKind};

use crate::views::LevelView;

/// What became of one change.
#[derive(Debug, Serialize)]
pub struct ChangeResult {
    index: usize,
    outcome: Outcome,
    levels: Vec<LevelView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    ChangeOutcome,
    Refused,
}

impl ChangeResult {
    fn applied(index: usize, levels: Vec<Level>) -> Self {
        Self {
            index,
            outcome: Outcome::Applied,
            levels: levels.into_iter().map(LevelView::from).collect(),
            problem: None,
        }
    }

    fn refused(index: usize, problem: Problem) -> Self {
        Self {
            index,
            outcome: Outcome::Refused,
            levels: Vec::new(),
            problem: Some(problem),
        }
    }
}

/// Applies the changes of one request.
pub struct Changer<'a, S, C> {
    /// Where levels are.
    pub stock: &'a S,
    /// What may be stocked where.
    pub catalog: &'a C,
    /// Who asks.
    pub caller: &'a Caller,
    /// The request.
    pub request: RequestId,
    /// When it came.
    pub at: Timestamp,
    /// When its caller gives up.
    pub deadline: Deadline,
}

impl<S: StockStore, C: StockableCatalog> Changer<'_, S, C> {
    /// What becomes of each of `changes`, of which `done` had been applied before, by index.
    ///
    /// One that others leave no moment for keeps none waiting but those of its levels; it takes half of what time is left.
    ///
    /// # Errors
    /// [`StoreError::Busy`] where that became of any.
    pub async fn apply_all(
        &self,
        changes: &[StockChange],
        mut done: BTreeMap<usize, Vec<Level>>,
    ) -> Result<Vec<ChangeResult>, StoreError> {
        let mut results = Vec::with_capacity(changes.len());
        let mut waiting: BTreeSet<LevelKey> = BTreeSet::new();
        for (index, change) in changes.iter().enumerate() {
            let result = match done.remove(&index) {
                Some(levels) => ChangeResult::applied(index, levels),
                None if change.keys().iter().any(|key| waiting.contains(key)) => {
                    waiting.extend(change.keys());
                    continue;
                }
                None => {
                    let is_last = index + 1 == changes.len();
                    match self.apply(index, change, self.share(is_last)).await {
                        Err(StoreError::Busy) => {
                            waiting.extend(change.keys());
                            continue;
                        }
                        applied => applied?,
                    }
                }
            };
            let metric = match result.outcome {
                Outcome::Applied => Metric::ChangesApplied,
                Outcome::Refused => Metric::ChangesRefused,
            };
            count(metric, 1);
            results.push(result);
        }
        if waiting.is_empty() {
            Ok(results)
        } else {
            Err(StoreError::Busy)
        }
    }

    /// How long one change may take.
    fn share(&self, is_last: bool) -> Deadline {
        if is_last {
            self.deadline
        } else {
            Deadline::within(self.deadline.remaining() / 2)
        }
    }

    async fn apply(
        &self,
        index: usize,
        change: &StockChange,
        deadline: Deadline,
    ) -> Result<ChangeResult, StoreError> {
        let keys = change.keys();
        let hidden = keys.iter().find(|key| {
            self.caller
                .may_at(Action::WriteStock, &key.location_id)
                .is_err()
        });
        if let Some(key) = hidden {
            return Ok(ChangeResult::refused(
                index,
                no_such_location(&key.location_id),
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
                let reason = format!("{} levels were neither there nor created", keys.len());
                return Err(StoreError::failed("apply a change")(reason));
            }
        })
    }
}

/// Why the first of `keys` that cannot be stocked cannot.
pub async fn not_stockable<C: StockableCatalog>(
    catalog: &C,
    keys: &[LevelKey],
) -> Result<Option<Problem>, StoreError> {
    for key in keys {
        if !catalog.has_location(&key.location_id).await? {
            return Ok(Some(no_such_location(&key.location_id)));
        }
        if !catalog.has_product(&key.sku).await? {
            return Ok(Some(no_such_product(&key.sku)));
        }
    }
    Ok(None)
}

/// One text for a location that is not there and for one that is another's.
fn no_such_location(id: &LocationId) -> Problem {
    Problem::new(
        ProblemKind::NotFound,
        format!("There is no location {id} among the caller's."),
    )
}

fn no_such_product(sku: &Sku) -> Problem {
    Problem::new(
        ProblemKind::NotFound,
        format!("There is no product {sku} in the catalog, so it cannot be stocked."),
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
