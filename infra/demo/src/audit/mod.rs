//! Checks the invariants on the raw tables and the exported files.
//!
//! The audit shares no code with the functions: it reads items attribute by attribute, and `DuckDB` reads the files.

mod export;
mod history;
mod levels;
mod orders;
mod quantities;
mod replenishment;
mod reports;
pub mod rows;
pub mod scan;
mod tasks;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rows::Snapshot;

use super::exported::ExportedDay;
use super::plan::PlannedOrder;
use super::report::Reports;
use super::trading::Traded;

pub use levels::count_unrecorded;
pub use replenishment::count_unordered;
pub use reports::expected_reports;
pub use tasks::count_open_lines;

/// Number of broken cases that are printed for each invariant.
const SHOWN_CASES: usize = 5;

/// The result of checking an invariant.
#[derive(Debug)]
pub struct Finding {
    /// Name in the summary.
    pub name: &'static str,
    /// The invariant as a sentence.
    pub description: &'static str,
    /// Number of checked cases.
    pub cases: usize,
    /// Descriptions of the cases that break the invariant.
    pub broken: Vec<String>,
}

impl Finding {
    fn new(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            description,
            cases: 0,
            broken: Vec::new(),
        }
    }

    fn check(&mut self, holds: bool, broken: impl FnOnce() -> String) {
        self.cases += 1;
        if !holds {
            self.broken.push(broken());
        }
    }

    /// Whether all cases hold. Without any case the invariant is not proven, so this is false.
    pub fn holds(&self) -> bool {
        self.broken.is_empty() && self.cases > 0
    }

    /// The first broken cases, for the terminal.
    pub fn shown_cases(&self) -> Vec<String> {
        let mut shown: Vec<String> = self.broken.iter().take(SHOWN_CASES).cloned().collect();
        if self.broken.len() > SHOWN_CASES {
            shown.push(format!("and {} more", self.broken.len() - SHOWN_CASES));
        }
        if self.cases == 0 {
            shown.push("there was no case to check".into());
        }
        shown
    }
}

/// The input of the audit: the requests of the demo, and the stored state.
pub struct Evidence<'a> {
    /// The content of the tables.
    pub snapshot: &'a Snapshot,
    /// The orders that were sent.
    pub orders: &'a [PlannedOrder],
    /// The responses to them.
    pub traded: &'a Traded,
    /// The exported rows in force.
    pub exported: &'a ExportedDay,
    /// The sales reports of the API.
    pub reports: &'a Reports,
    pub business_date: &'a str,
}

/// Checks all invariants.
pub fn audit(evidence: &Evidence) -> Vec<Finding> {
    let Evidence {
        snapshot,
        orders,
        traded,
        exported,
        reports,
        business_date,
    } = evidence;
    vec![
        levels::never_negative(snapshot),
        levels::movements_sum_to_levels(snapshot),
        orders::one_key_one_effect(snapshot, orders, traded),
        tasks::complete_once(snapshot),
        export::equals_orders(snapshot, exported, business_date),
        reports::equal_orders(snapshot, reports, business_date),
        replenishment::incoming_is_on_order(snapshot),
    ]
}

/// Location and SKU.
type LevelId = (String, String);

fn by_level<'a, T>(
    rows: impl IntoIterator<Item = &'a T>,
    id: impl Fn(&T) -> LevelId,
) -> BTreeMap<LevelId, Vec<&'a T>> {
    let mut groups: BTreeMap<LevelId, Vec<&T>> = BTreeMap::new();
    for row in rows {
        groups.entry(id(row)).or_default().push(row);
    }
    groups
}
