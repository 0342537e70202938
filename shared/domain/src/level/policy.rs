//! The reorder policy of a level.

use serde::{Deserialize, Serialize};

use super::MAX_QUANTITY;
use crate::invalid::{Checks, Invalid};

/// Who places the replenishment orders of a level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplenishmentMode {
    /// An order is placed when the level falls to its reorder point, and fills it up to its target level.
    #[default]
    MinMax,
    /// People order; no order is placed automatically. The level raises alerts all the same.
    Manual,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_default(mode: &ReplenishmentMode) -> bool {
    *mode == ReplenishmentMode::default()
}

/// When and how much to reorder, per SKU and location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReorderPolicy {
    /// Replenishment is due when the available quantity is at or below this, 0 to 1,000,000.
    pub reorder_point: i64,
    /// Replenishment orders fill the level up to this quantity, `reorder_point` to 1,000,000.
    pub target_level: i64,
    /// Replenishment orders are rounded up to multiples of this, 1 to 1,000,000. Default 1.
    #[serde(default = "one")]
    pub order_multiple: i64,
    /// Buffer for unexpected demand or late delivery, 0 to 1,000,000. Default 0.
    #[serde(default)]
    pub safety_stock: i64,
    /// Days from order to receipt, 0 to 365. Default 0.
    #[serde(default)]
    pub lead_time_days: u16,
    /// Number of buckets that the level is split over, 1 to 16. Default 1. One bucket takes about 500 orders a second.
    #[serde(default = "one_bucket")]
    pub buckets: u8,
    /// Who places replenishment orders. Default `min_max`. The default is not stored, so that a policy that was stored
    /// before the field existed equals the same policy set again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mode: ReplenishmentMode,
}

/// Maximum number of buckets of a level.
pub const MAX_BUCKETS: u8 = 16;

fn one_bucket() -> u8 {
    1
}

fn one() -> i64 {
    1
}

impl ReorderPolicy {
    /// Returns the policy if its fields are valid.
    ///
    /// # Errors
    /// Every invalid field.
    pub fn check(self) -> Result<Self, Invalid> {
        let mut checks = Checks::new();
        for (pointer, value, minimum) in [
            ("/reorder_point", self.reorder_point, 0),
            (
                "/target_level",
                self.target_level,
                self.reorder_point.max(0),
            ),
            ("/order_multiple", self.order_multiple, 1),
            ("/safety_stock", self.safety_stock, 0),
        ] {
            checks.require(
                (minimum..=MAX_QUANTITY).contains(&value),
                pointer,
                format!("must be {minimum} to {MAX_QUANTITY}, got {value}"),
            );
        }
        checks.require(
            self.lead_time_days <= 365,
            "/lead_time_days",
            format!("must be 0 to 365, got {}", self.lead_time_days),
        );
        checks.require(
            (1..=MAX_BUCKETS).contains(&self.buckets),
            "/buckets",
            format!("must be 1 to {MAX_BUCKETS}, got {}", self.buckets),
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
    fn policy_defaults_to_multiple_of_one_and_one_bucket() {
        let minimal: ReorderPolicy =
            serde_json::from_value(json!({"reorder_point": 1, "target_level": 2})).unwrap();
        assert_eq!((minimal.order_multiple, minimal.buckets), (1, 1));
        assert_eq!((minimal.safety_stock, minimal.lead_time_days), (0, 0));
        assert_eq!(minimal.mode, ReplenishmentMode::MinMax);
        assert_eq!(minimal.clone().check(), Ok(minimal));
    }

    #[test]
    fn only_another_mode_than_the_default_is_stored() {
        for (mode, stored) in [
            (ReplenishmentMode::MinMax, None),
            (ReplenishmentMode::Manual, Some(json!("manual"))),
        ] {
            let policy = ReorderPolicy {
                mode,
                ..policy(1, 0)
            };
            let item = serde_json::to_value(&policy).unwrap();
            assert_eq!(item.get("mode").cloned(), stored);
            assert_eq!(
                serde_json::from_value::<ReorderPolicy>(item).unwrap(),
                policy
            );
        }
    }

    #[test]
    fn policy_limits_lead_time_buckets_and_target_level() {
        let invalid_fields = |policy: ReorderPolicy| {
            let errors = policy.check().err().into_iter();
            let pointers = errors.flat_map(|invalid| invalid.errors);
            pointers.map(|error| error.pointer).collect::<Vec<_>>()
        };
        assert!(invalid_fields(policy(MAX_BUCKETS, 365)).is_empty());
        assert_eq!(
            invalid_fields(policy(MAX_BUCKETS + 1, 366)),
            ["/lead_time_days", "/buckets"]
        );
        let below = ReorderPolicy {
            target_level: 9,
            ..policy(1, 0)
        };
        assert_eq!(invalid_fields(below), ["/target_level"]);
    }
}
