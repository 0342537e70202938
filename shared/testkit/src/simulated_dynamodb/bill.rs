//! What was asked of the service and what that consumed, as its operator is billed.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use super::capacity::Partition;

/// The requests since the last look, and their units. A write that its condition refused is on it, though its answer says
/// nothing of what it consumed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bill {
    requests: BTreeMap<String, u64>,
    // In halves of a unit.
    reads: u64,
    table_writes: u64,
    index_writes: u64,
}

impl Bill {
    /// Adds a request of `operation`.
    pub(super) fn asked(&mut self, operation: &str) {
        *self.requests.entry(operation.to_owned()).or_default() += 1;
    }

    /// Adds `halves` of a unit that `partition` gave.
    pub(super) fn gave(&mut self, partition: &Partition, halves: u64) {
        let units = match (partition.of_writes, partition.index) {
            (false, _) => &mut self.reads,
            (true, None) => &mut self.table_writes,
            (true, Some(_)) => &mut self.index_writes,
        };
        *units += halves;
    }
}

/// The cells of a table's row: write units of items and of indexes, read units, requests.
impl Display for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", units(self.table_writes))?;
        if self.index_writes > 0 {
            write!(f, " + {}", units(self.index_writes))?;
        }
        let sent: u64 = self.requests.values().sum();
        write!(f, " | {} | {sent}", units(self.reads))?;
        for (place, (operation, count)) in self.requests.iter().enumerate() {
            f.write_str(if place > 0 { ", " } else { ": " })?;
            match count {
                1 => write!(f, "`{operation}`")?,
                _ => write!(f, "{count} `{operation}`")?,
            }
        }
        Ok(())
    }
}

fn units(halves: u64) -> String {
    let half = if halves % 2 == 1 { ".5" } else { "" };
    format!("{}{half}", halves / 2)
}

/// A README's table of what each operation costs.
#[derive(Debug, Clone)]
pub struct CostTable(String);

impl CostTable {
    /// Of no operation yet.
    pub fn new() -> Self {
        Self(
            "| | write units + of indexes | read units | requests |\n| --- | --- | --- | --- |\n"
                .to_owned(),
        )
    }

    /// Adds the row of `operation`, which led to `bill`.
    pub fn add(&mut self, operation: &str, bill: &Bill) {
        let bill = bill.to_string();
        self.0.extend(["| ", operation, " | ", &bill, " |\n"]);
    }

    /// Fails unless the whole of it stands in `readme`, and no row more.
    pub fn must_stand_in(&self, readme: &str) {
        let whole = format!("\n\n{}\n", self.0);
        assert!(
            format!("{readme}\n").contains(&whole),
            "what it costs is not what the README says; measured was:\n\n{}",
            self.0
        );
    }
}

impl Default for CostTable {
    fn default() -> Self {
        Self::new()
    }
}
