//! The JSON forms of levels, explanations and change results.

use jiff::Timestamp;
use serde::Serialize;
use stockline_application::level_explanation::ExplainedLevel;
use stockline_application::ports::stock_changes::ChangeResult;
use stockline_domain::explanation::Explanation;
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::level::{Level, ReorderPolicy};
use stockline_domain::millis;
use stockline_platform::problem::Problem;

use crate::problems;

/// A level with its derived fields `available` and `short`, without `last_change`, which only the ledger needs.
#[derive(Debug, Serialize)]
pub struct LevelView {
    location_id: LocationId,
    sku: Sku,
    on_hand: i64,
    allocated: i64,
    damaged: i64,
    on_hold: i64,
    in_transit: i64,
    available: i64,
    incoming: i64,
    version: u64,
    short: bool,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "millis::optional"
    )]
    counted_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<ReorderPolicy>,
}

impl From<Level> for LevelView {
    fn from(level: Level) -> Self {
        Self {
            available: level.available(),
            short: level.is_short(),
            location_id: level.location_id,
            sku: level.sku,
            on_hand: level.on_hand,
            allocated: level.allocated,
            damaged: level.damaged,
            on_hold: level.on_hold,
            in_transit: level.in_transit,
            incoming: level.incoming,
            version: level.version,
            counted_at: level.counted_at,
            policy: level.policy,
        }
    }
}

/// The body of `GET .../stock/{sku}/explain`.
#[derive(Debug, Serialize)]
pub struct ExplanationView {
    level: LevelView,
    #[serde(flatten)]
    explanation: Explanation,
}

impl From<ExplainedLevel> for ExplanationView {
    fn from(explained: ExplainedLevel) -> Self {
        Self {
            level: explained.level.into(),
            explanation: explained.explanation,
        }
    }
}

/// The result of one change in the response to `POST /v1/stock/changes`.
#[derive(Debug, Serialize)]
pub struct ChangeResultView {
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

impl ChangeResultView {
    /// The result of change `index` of the request, from 0.
    pub fn new(index: usize, result: ChangeResult) -> Self {
        let problem = match result {
            ChangeResult::Applied(levels) => {
                return Self {
                    index,
                    outcome: ChangeStatus::Applied,
                    levels: levels.into_iter().map(LevelView::from).collect(),
                    problem: None,
                };
            }
            ChangeResult::Refused(refused) => problems::change_refused(&refused),
            ChangeResult::NotStockable(reason) => problems::not_stockable(&reason),
        };
        Self {
            index,
            outcome: ChangeStatus::Refused,
            levels: Vec::new(),
            problem: Some(problem),
        }
    }
}
