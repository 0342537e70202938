//! Audits one SKU at one location: compares its levels, its movements and its open orders, and plans repairs.

#[cfg(test)]
mod fixture;
mod repair;
mod replay;
#[cfg(test)]
mod tests;
mod window;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::level::{Level, Quantity};

pub use repair::{RepairWrite, Replacement, repair};
pub use replay::LedgerReplay;
pub use window::{AuditWindow, WindowMovements};

/// A contradiction between a level, its movements and the open orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Difference {
    /// A quantity of the level differs from the sum of its movements.
    Movements {
        /// The quantity that differs.
        quantity: Quantity,
        /// Its value on the level.
        level: i64,
        /// Its sum over the movements.
        movements: i64,
    },
    /// A movement's result does not follow from the movement before: one was deleted or altered.
    Gap {
        /// The version of the first such movement.
        version: u64,
    },
    /// The level's last movement was not recorded within the time allowed for it.
    Unrecorded {
        /// The version of the level.
        version: u64,
    },
    /// The allocated quantity differs from the open quantity of the orders.
    Orders {
        /// Allocated on the level.
        allocated: i64,
        /// Open in orders.
        open: i64,
    },
    /// A quantity of the level is negative.
    Negative {
        /// The negative quantity.
        quantity: Quantity,
        /// Its value on the level.
        level: i64,
    },
    /// The stored available quantity differs from the one computed from the level.
    Available {
        /// The stored value; absent where none is stored.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stored: Option<i64>,
        /// The computed value.
        #[serde(rename = "is")]
        computed: i64,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Movements {
                quantity,
                level,
                movements,
            } => write!(
                f,
                "{} is {level}, but its movements add up to {movements}",
                quantity.as_str()
            ),
            Self::Gap { version } => {
                write!(
                    f,
                    "movement {version} does not follow from the one before it"
                )
            }
            Self::Unrecorded { version } => write!(f, "movement {version} is not recorded"),
            Self::Orders { allocated, open } => {
                write!(f, "allocated is {allocated}, but open orders hold {open}")
            }
            Self::Negative { quantity, level } => {
                write!(f, "{} is negative: {level}", quantity.as_str())
            }
            Self::Available {
                stored: Some(stored),
                computed,
            } => {
                write!(f, "available is stored as {stored}, but it is {computed}")
            }
            Self::Available {
                stored: None,
                computed,
            } => {
                write!(f, "available is not stored, but it is {computed}")
            }
        }
    }
}

/// A level as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLevel {
    /// The level.
    pub level: Level,
    /// The available quantity stored beside the level for condition expressions; absent where none is stored.
    pub available: Option<i64>,
}

/// One level and the replay of its movements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditedLevel {
    /// The level as it is stored.
    pub stored: StoredLevel,
    /// The replay of its movements.
    pub replay: LedgerReplay,
}

/// The input of an audit of one SKU at one location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkuAuditData {
    /// One level, or one for each bucket of a split level.
    pub levels: Vec<AuditedLevel>,
    /// The open quantity of the SKU in all open orders.
    pub open_quantity: i64,
}

/// The result of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditResult {
    /// The contradictions found.
    pub differences: Vec<Difference>,
    /// Whether movements may still arrive in the ledger. Differences with the ledger are then not reported.
    pub ledger_is_behind: bool,
}

impl AuditResult {
    /// Whether the ledger is complete and no difference was found.
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty() && !self.ledger_is_behind
    }
}

impl SkuAuditData {
    /// Builds the data from `levels` and the movements of each, up to the version of that level.
    ///
    /// The open quantity is set to the allocated quantity, so orders are not compared unless the caller sets it.
    pub fn of(levels: Vec<StoredLevel>, movements: Vec<WindowMovements>) -> Self {
        let open_quantity = levels.iter().map(|stored| stored.level.allocated).sum();
        let levels = levels.into_iter().zip(movements);
        let levels = levels.map(|(stored, movements)| AuditedLevel {
            stored,
            replay: movements.replay,
        });
        Self {
            levels: levels.collect(),
            open_quantity,
        }
    }

    /// Returns what contradicts itself at `now`.
    ///
    /// The ledger is written after the level. A missing movement counts as late, not as lost, until `ledger_patience` has
    /// passed since the movement that shows that it is missing.
    pub fn audit(&self, now: Timestamp, ledger_patience: SignedDuration) -> AuditResult {
        let mut result = AuditResult {
            differences: Vec::new(),
            ledger_is_behind: false,
        };
        for level in &self.levels {
            if level.awaits_movement(now, ledger_patience) {
                result.ledger_is_behind = true;
            } else {
                level.compare_with_ledger(&mut result.differences);
            }
            level.check_quantities(&mut result.differences);
        }
        let allocated: i64 = self
            .levels
            .iter()
            .map(|audited| audited.stored.level.allocated)
            .sum();
        if allocated != self.open_quantity {
            result.differences.push(Difference::Orders {
                allocated,
                open: self.open_quantity,
            });
        }
        result
    }

    /// Returns the version of each level.
    pub fn versions(&self) -> Vec<u64> {
        self.levels
            .iter()
            .map(|audited| audited.stored.level.version)
            .collect()
    }
}

impl AuditedLevel {
    /// Whether the ledger holds the level's last movement.
    pub fn is_recorded(&self) -> bool {
        let last = self.stored.level.last_change.as_ref();
        last.map(|change| change.movement_id) == self.replay.last_movement()
    }

    /// Whether a movement may still arrive: the last one, or one that is missing before recorded ones.
    fn awaits_movement(&self, now: Timestamp, patience: SignedDuration) -> bool {
        let last = self.stored.level.last_change.as_ref();
        let unrecorded = last.filter(|_| !self.is_recorded());
        let skipped = self.replay.recorded_after_skip();
        let (level, sum) = (self.stored.level.quantities(), self.replay.sum());
        let awaited = [
            unrecorded.map(|change| change.recorded_at),
            self.replay.recorded_after_hole(),
            skipped.filter(|_| level.states() != sum.states()),
        ];
        awaited.into_iter().flatten().any(|recorded_at| {
            let awaited_until = recorded_at.checked_add(patience);
            awaited_until.is_ok_and(|until| now < until)
        })
    }

    fn compare_with_ledger(&self, differences: &mut Vec<Difference>) {
        let level = &self.stored.level;
        if let Some(version) = self.replay.gap() {
            differences.push(Difference::Gap { version });
        }
        if !self.is_recorded() {
            differences.push(Difference::Unrecorded {
                version: level.version,
            });
        }
        let (stored, summed) = (level.quantities().each(), self.replay.sum().each());
        for ((quantity, level), (_, movements)) in stored.into_iter().zip(summed) {
            if level != movements {
                differences.push(Difference::Movements {
                    quantity,
                    level,
                    movements,
                });
            }
        }
    }

    fn check_quantities(&self, differences: &mut Vec<Difference>) {
        let level = &self.stored.level;
        for (quantity, level) in level.quantities().each() {
            if level < 0 {
                differences.push(Difference::Negative { quantity, level });
            }
        }
        if self.stored.available != Some(level.available()) {
            differences.push(Difference::Available {
                stored: self.stored.available,
                computed: level.available(),
            });
        }
    }
}
