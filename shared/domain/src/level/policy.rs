//! When and how much of a level is reordered.

use serde::{Deserialize, Serialize};

use super::MAX_QUANTITY;
use crate::invalid::{Checks, Invalid};

/// When and how much to reorder, per SKU and location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReorderPolicy {
    /// Available stock at or below this wants replenishing.
    pub reorder_point: i64,
    /// Order up to this.
    pub target_level: i64,
    /// Replenishment comes in multiples of this, at least 1.
    #[serde(default = "one")]
    pub order_multiple: i64,
    /// Held against the unexpected.
    #[serde(default)]
    pub safety_stock: i64,
    /// Days from order to receipt, 0 to 365.
    #[serde(default)]
    pub lead_time_days: u16,
    /// Over how many items the level is split, 1 to 16: each takes some 500 orders a second.
    #[serde(default = "one_bucket")]
    pub buckets: u8,
}

/// The most items that a level may be split over.
pub const MAX_BUCKETS: u8 = 16;

fn one_bucket() -> u8 {
    1
}

fn one() -> i64 {
    1
}

impl ReorderPolicy {
    /// The policy, or every field that breaks a rule.
    pub fn check(self) -> Result<Self, Invalid> {
        let mut checks = Checks::new();
        for (pointer, value, least) in [
            ("/reorder_point", self.reorder_point, 0),
            (
                "/target_level",
                self.target_level,
                self.reorder_point.max(0),
            ),
            ("/order_multiple", self.order_multiple, 1),
            ("/safety_stock", self.safety_stock, 0),
        ] {
            let most = MAX_QUANTITY;
            checks.require(
                (least..=most).contains(&value),
                pointer,
                format!("must be {least} to {most}"),
            );
        }
        checks.require(
            self.lead_time_days <= 365,
            "/lead_time_days",
            "must be 0 to 365",
        );
        checks.require(
            (1..=MAX_BUCKETS).contains(&self.buckets),
            "/buckets",
            format!("must be 1 to {MAX_BUCKETS}"),
        );
        checks.finish(self)
    }
}
