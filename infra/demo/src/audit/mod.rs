//! The invariants of the design's section 3, recomputed from the raw tables and the exported files.
//!
//! Nothing here shares code with what wrote them: items are read attribute by attribute, and the files by `DuckDB`.

mod export;
mod history;
mod levels;
mod orders;
pub mod rows;
pub mod scan;
mod tasks;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rows::Snapshot;

use super::exported::ExportedLine;
use super::plan::PlannedOrder;
use super::trading::Traded;

pub use levels::unrecorded;
pub use tasks::open_lines;

/// So many broken cases are told of each invariant.
const TOLD: usize = 5;

/// Whether an invariant holds.
#[derive(Debug)]
pub struct Finding {
    /// Its name in the summary.
    pub name: &'static str,
    /// What it says.
    pub says: &'static str,
    /// How many cases were looked at.
    pub cases: usize,
    /// Cases in which it is broken.
    pub broken: Vec<String>,
}

impl Finding {
    fn new(name: &'static str, says: &'static str) -> Self {
        Self {
            name,
            says,
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

    /// Whether it holds, of at least one case: what was never looked at proves nothing.
    pub fn holds(&self) -> bool {
        self.broken.is_empty() && self.cases > 0
    }

    /// The first broken cases, for the terminal.
    pub fn told(&self) -> Vec<String> {
        let mut told: Vec<String> = self.broken.iter().take(TOLD).cloned().collect();
        if self.broken.len() > TOLD {
            told.push(format!("and {} more", self.broken.len() - TOLD));
        }
        if self.cases == 0 {
            told.push("there was nothing to look at".into());
        }
        told
    }
}

/// What the demo knows of what it did, to hold against what is stored.
pub struct Evidence<'a> {
    /// What the tables hold.
    pub snapshot: &'a Snapshot,
    /// What was sent.
    pub orders: &'a [PlannedOrder],
    /// What was answered.
    pub traded: &'a Traded,
    /// What the files hold.
    pub exported: &'a [ExportedLine],
    /// The day they are of.
    pub business_date: &'a str,
}

/// All five, in the design's order.
pub fn audit(evidence: &Evidence) -> Vec<Finding> {
    let Evidence {
        snapshot,
        orders,
        traded,
        exported,
        business_date,
    } = evidence;
    vec![
        levels::never_negative(snapshot),
        levels::movements_sum_to_levels(snapshot),
        orders::one_key_one_effect(snapshot, orders, traded),
        tasks::completed_once(snapshot),
        export::equals_orders(snapshot, exported, business_date),
    ]
}

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
