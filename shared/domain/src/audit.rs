//! Whether the books are right: what a level, its movements and the open orders say of one another.

mod ledger;
mod mend;
#[cfg(test)]
mod milk;
mod span;
#[cfg(test)]
mod tests;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::level::{LastChange, Level};

pub use ledger::Ledger;
pub use mend::{Mend, Replacement, mend};
pub use span::{Followed, Span};

/// A quantity of a level that movements change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Physically there.
    OnHand,
    /// Promised to orders.
    Allocated,
    /// There, and unfit for sale.
    Damaged,
    /// There, and kept back.
    OnHold,
    /// On its way here.
    InTransit,
}

impl Quantity {
    /// Its name, as it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnHand => "on_hand",
            Self::Allocated => "allocated",
            Self::Damaged => "damaged",
            Self::OnHold => "on_hold",
            Self::InTransit => "in_transit",
        }
    }
}

/// Every quantity of a level that movements change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quantities {
    /// Physically there.
    pub on_hand: i64,
    /// Promised to orders.
    pub allocated: i64,
    /// There, and unfit for sale.
    pub damaged: i64,
    /// There, and kept back.
    pub on_hold: i64,
    /// On its way here.
    pub in_transit: i64,
}

impl Quantities {
    /// Those of `level`.
    pub fn of(level: &Level) -> Self {
        Self {
            on_hand: level.on_hand,
            allocated: level.allocated,
            damaged: level.damaged,
            on_hold: level.on_hold,
            in_transit: level.in_transit,
        }
    }

    /// How much is damaged, on hold and in transit.
    fn states(&self) -> [i64; 3] {
        [self.damaged, self.on_hold, self.in_transit]
    }

    /// What may still be promised of them.
    pub fn available(&self) -> i64 {
        self.on_hand - self.allocated - self.damaged - self.on_hold
    }

    /// These after `change`.
    pub fn after(self, change: &LastChange) -> Self {
        Self {
            on_hand: self.on_hand.saturating_add(change.on_hand_delta),
            allocated: self.allocated.saturating_add(change.allocated_delta),
            damaged: self.damaged.saturating_add(change.states.damaged_delta),
            on_hold: self.on_hold.saturating_add(change.states.on_hold_delta),
            in_transit: self
                .in_transit
                .saturating_add(change.states.in_transit_delta),
        }
    }

    /// Each with its name.
    pub fn each(self) -> [(Quantity, i64); 5] {
        [
            (Quantity::OnHand, self.on_hand),
            (Quantity::Allocated, self.allocated),
            (Quantity::Damaged, self.damaged),
            (Quantity::OnHold, self.on_hold),
            (Quantity::InTransit, self.in_transit),
        ]
    }
}

/// Two parts of the books that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Difference {
    /// A quantity of the level is not what its movements sum up to.
    Movements {
        /// Which.
        quantity: Quantity,
        /// What the level says.
        level: i64,
        /// What the movements sum up to.
        movements: i64,
    },
    /// A movement's result does not follow from the one before: one was taken away, or altered.
    Gap {
        /// The version of the first such movement.
        version: u64,
    },
    /// The level's last movement was never recorded, and nobody will any more.
    Unrecorded {
        /// The version of the level.
        version: u64,
    },
    /// More or less is allocated than the open orders hold.
    Orders {
        /// What the level says.
        allocated: i64,
        /// What the open orders hold.
        open: i64,
    },
    /// A quantity is below zero.
    Negative {
        /// Which.
        quantity: Quantity,
        /// What the level says.
        level: i64,
    },
    /// What is stored as available is not what follows from the level.
    Available {
        /// What is stored; none where nothing is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stored: Option<i64>,
        /// What follows.
        is: i64,
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
                "{} is {level}, and its movements sum up to {movements}",
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
                write!(f, "{allocated} are allocated, and open orders hold {open}")
            }
            Self::Negative { quantity, level } => write!(f, "{} is {level}", quantity.as_str()),
            Self::Available {
                stored: Some(stored),
                is,
            } => {
                write!(f, "{stored} is stored as available, and {is} is right")
            }
            Self::Available { stored: None, is } => {
                write!(f, "nothing is stored as available, and {is} is right")
            }
        }
    }
}

/// A level as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLevel {
    /// The level.
    pub level: Level,
    /// What is stored beside it as available, for conditions to compare; none where nothing is.
    pub available: Option<i64>,
}

/// A level, and what its movements come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The level.
    pub stored: StoredLevel,
    /// Its movements.
    pub ledger: Ledger,
}

/// The books of one SKU at one location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    /// Its levels: more than one where a level is split.
    pub accounts: Vec<Account>,
    /// What the open orders hold of it.
    pub open: i64,
}

/// What the books say at one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What contradicts itself.
    pub differences: Vec<Difference>,
    /// Whether the ledger is still on its way: what it says is then left out.
    pub ledger_is_behind: bool,
}

impl Verdict {
    /// Whether there is nothing to say.
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty() && !self.ledger_is_behind
    }
}

impl Books {
    /// The books of `levels`, each with its movements up to its version, as if open orders held what is allocated.
    pub fn of(levels: Vec<StoredLevel>, followed: Vec<Followed>) -> Self {
        let open = levels.iter().map(|stored| stored.level.allocated).sum();
        let accounts = levels.into_iter().zip(followed);
        let accounts = accounts.map(|(stored, followed)| Account {
            stored,
            ledger: followed.ledger,
        });
        Self {
            accounts: accounts.collect(),
            open,
        }
    }

    /// What contradicts itself at `now`.
    ///
    /// The ledger follows the level: until `patience` has passed since the level's last movement, one that is not recorded
    /// is on its way.
    pub fn verdict(&self, now: Timestamp, patience: SignedDuration) -> Verdict {
        let mut verdict = Verdict {
            differences: Vec::new(),
            ledger_is_behind: false,
        };
        for account in &self.accounts {
            if account.is_awaited(now, patience) {
                verdict.ledger_is_behind = true;
            } else {
                account.against_ledger(&mut verdict.differences);
            }
            account.in_itself(&mut verdict.differences);
        }
        let allocated: i64 = self
            .accounts
            .iter()
            .map(|account| account.stored.level.allocated)
            .sum();
        if allocated != self.open {
            verdict.differences.push(Difference::Orders {
                allocated,
                open: self.open,
            });
        }
        verdict
    }

    /// The version of each level.
    pub fn versions(&self) -> Vec<u64> {
        self.accounts
            .iter()
            .map(|account| account.stored.level.version)
            .collect()
    }
}

impl Account {
    /// Whether the ledger holds the level's last movement.
    pub fn is_recorded(&self) -> bool {
        let last = self.stored.level.last_change.as_ref();
        last.map(|change| change.movement_id) == self.ledger.last_movement()
    }

    /// Whether a movement may still come: the last one, or one that is missing before others.
    fn is_awaited(&self, now: Timestamp, patience: SignedDuration) -> bool {
        let last = self.stored.level.last_change.as_ref();
        let unrecorded = last.filter(|_| !self.is_recorded());
        let skipped = self.ledger.skipped_before();
        let (is, sum) = (Quantities::of(&self.stored.level), self.ledger.sum());
        let awaited = [
            unrecorded.map(|change| change.recorded_at),
            self.ledger.hole_before(),
            skipped.filter(|_| is.states() != sum.states()),
        ];
        awaited.into_iter().flatten().any(|recorded_at| {
            let awaited_until = recorded_at.checked_add(patience);
            awaited_until.is_ok_and(|until| now < until)
        })
    }

    fn against_ledger(&self, differences: &mut Vec<Difference>) {
        let level = &self.stored.level;
        if let Some(version) = self.ledger.gap() {
            differences.push(Difference::Gap { version });
        }
        if !self.is_recorded() {
            differences.push(Difference::Unrecorded {
                version: level.version,
            });
        }
        let (said, summed) = (Quantities::of(level).each(), self.ledger.sum().each());
        for ((quantity, level), (_, movements)) in said.into_iter().zip(summed) {
            if level != movements {
                differences.push(Difference::Movements {
                    quantity,
                    level,
                    movements,
                });
            }
        }
    }

    fn in_itself(&self, differences: &mut Vec<Difference>) {
        let level = &self.stored.level;
        for (quantity, level) in Quantities::of(level).each() {
            if level < 0 {
                differences.push(Difference::Negative { quantity, level });
            }
        }
        if self.stored.available != Some(level.available()) {
            differences.push(Difference::Available {
                stored: self.stored.available,
                is: level.available(),
            });
        }
    }
}
