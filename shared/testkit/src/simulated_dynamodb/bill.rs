//! The billed requests and capacity units, and the cost tables of the READMEs.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// The requests and the capacity units they consumed. It includes writes whose condition failed, although their responses
/// do not report consumed capacity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bill {
    requests: BTreeMap<String, u64>,
    // Capacity is counted in half units.
    reads: u64,
    table_writes: u64,
    index_writes: u64,
}

impl Bill {
    /// Adds a request of `operation`.
    pub(super) fn add_request(&mut self, operation: &str) {
        *self.requests.entry(operation.to_owned()).or_default() += 1;
    }

    /// Adds consumed capacity of one kind.
    pub(super) fn add_capacity(&mut self, kind: CapacityKind, half_units: u64) {
        let units = match kind {
            CapacityKind::Read => &mut self.reads,
            CapacityKind::TableWrite => &mut self.table_writes,
            CapacityKind::IndexWrite => &mut self.index_writes,
        };
        *units += half_units;
    }
}

/// The kinds of capacity that a bill lists apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CapacityKind {
    /// Read units of tables and indexes.
    Read,
    /// Write units of tables.
    TableWrite,
    /// Write units of indexes.
    IndexWrite,
}

/// Formats the cells of a [`CostTable`] row: write units of items and of indexes, read units, requests.
impl Display for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", units(self.table_writes))?;
        if self.index_writes > 0 {
            write!(f, " + {}", units(self.index_writes))?;
        }
        let request_count: u64 = self.requests.values().sum();
        write!(f, " | {} | {request_count}", units(self.reads))?;
        for (index, (operation, count)) in self.requests.iter().enumerate() {
            f.write_str(if index > 0 { ", " } else { ": " })?;
            match count {
                1 => write!(f, "`{operation}`")?,
                _ => write!(f, "{count} `{operation}`")?,
            }
        }
        Ok(())
    }
}

fn units(half_units: u64) -> String {
    let fraction = if half_units % 2 == 1 { ".5" } else { "" };
    format!("{}{fraction}", half_units / 2)
}

/// The table in a README that lists what each operation costs.
#[derive(Debug, Clone)]
pub struct CostTable(String);

impl CostTable {
    /// Creates a table without rows.
    pub fn new() -> Self {
        Self(
            "| | write units + of indexes | read units | requests |\n| --- | --- | --- | --- |\n"
                .to_owned(),
        )
    }

    /// Adds a row for `operation` with its measured `bill`.
    pub fn add(&mut self, operation: &str, bill: &Bill) {
        let bill = bill.to_string();
        self.0.extend(["| ", operation, " | ", &bill, " |\n"]);
    }

    /// Asserts that `readme` contains exactly this table.
    ///
    /// # Panics
    ///
    /// Panics with the measured table if `readme` differs.
    pub fn assert_in_readme(&self, readme: &str) {
        let expected = format!("\n\n{}\n", self.0);
        assert!(
            format!("{readme}\n").contains(&expected),
            "the cost table in the README differs from the measured costs; replace it by:\n\n{}",
            self.0
        );
    }
}

impl Default for CostTable {
    fn default() -> Self {
        Self::new()
    }
}
