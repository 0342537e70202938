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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(buckets: u8, lead_time_days: u16) -> ReorderPolicy {
        serde_json::from_value(
            json!({"reorder_point": 10, "target_level": 10, "buckets": buckets,
            "lead_time_days": lead_time_days}),
        )
        .unwrap()
    }

    #[test]
    fn a_policy_that_says_no_more_orders_one_by_one_and_splits_nothing() {
        let least: ReorderPolicy =
            serde_json::from_value(json!({"reorder_point": 1, "target_level": 2})).unwrap();
        assert_eq!((least.order_multiple, least.buckets), (1, 1));
        assert_eq!((least.safety_stock, least.lead_time_days), (0, 0));
        assert_eq!(least.clone().check(), Ok(least));
    }

    #[test]
    fn goods_come_within_a_year_and_a_level_is_split_over_sixteen_items_at_most() {
        let broken = |policy: ReorderPolicy| {
            let errors = policy.check().err().into_iter();
            let pointers = errors.flat_map(|invalid| invalid.errors);
            pointers.map(|error| error.pointer).collect::<Vec<_>>()
        };
        assert!(broken(policy(MAX_BUCKETS, 365)).is_empty());
        assert_eq!(
            broken(policy(MAX_BUCKETS + 1, 366)),
            ["/lead_time_days", "/buckets"]
        );
        let below = ReorderPolicy {
            target_level: 9,
            ..policy(1, 0)
        };
        assert_eq!(broken(below), ["/target_level"]);
    }
}
