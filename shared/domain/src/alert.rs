//! Stock alerts: one when a level crosses a threshold downwards, and one when it has recovered.

use serde::{Deserialize, Serialize};

use crate::ids::{AlertId, LocationId, Sku};
use crate::level::{Level, LevelKey, ReorderPolicy};

/// The kind of a stock alert, ordered by severity.
///
/// The kind of the last alert is also the alert state of the level. Until the level has recovered, only a more severe kind
/// raises another alert.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// Clearly above the reorder point. Also the state of a level that never raised an alert.
    #[default]
    Recovered,
    /// At or below the reorder point.
    Low,
    /// Nothing is available.
    OutOfStock,
    /// The available quantity is negative: more is allocated than can be delivered.
    Short,
}

/// How urgent an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// No action needed.
    Info,
    /// Act soon.
    Warning,
    /// Act now: customers are affected.
    Critical,
}

/// A stock alert as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockAlert {
    /// The store or warehouse.
    pub location_id: LocationId,
    /// The stock keeping unit.
    pub sku: Sku,
    /// The kind of the alert.
    pub kind: AlertKind,
    /// The severity of that kind.
    pub severity: Severity,
    /// The available quantity; negative when short.
    pub available: i64,
    /// The reorder point; absent where the level has no policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reorder_point: Option<i64>,
    /// The version of the level that raised the alert.
    pub level_version: u64,
}

impl AlertKind {
    /// The name as it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::Low => "low",
            Self::OutOfStock => "out_of_stock",
            Self::Short => "short",
        }
    }

    /// Returns the severity of the kind.
    pub fn severity(self) -> Severity {
        match self {
            Self::Recovered => Severity::Info,
            Self::Low => Severity::Warning,
            Self::OutOfStock | Self::Short => Severity::Critical,
        }
    }
}

impl Severity {
    /// The name as it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl StockAlert {
    /// Returns the alert that `level` raises in alert state `state`, if it raises one.
    pub fn raised_by(level: &Level, state: AlertKind) -> Option<Self> {
        let reorder_point = level.policy.as_ref().map(|policy| policy.reorder_point);
        let kind = crossing(state, level.available(), level.policy.as_ref())?;
        Some(Self {
            location_id: level.location_id.clone(),
            sku: level.sku.clone(),
            kind,
            severity: kind.severity(),
            available: level.available(),
            reorder_point,
            level_version: level.version,
        })
    }

    /// Returns the level that raised it.
    pub fn level_key(&self) -> LevelKey {
        LevelKey {
            location_id: self.location_id.clone(),
            sku: self.sku.clone(),
        }
    }

    /// Returns the id of the alert: the same for the same crossing, however often it is detected or delivered.
    pub fn id(&self) -> AlertId {
        AlertId::derive(
            &self.location_id,
            &self.sku,
            self.level_version,
            self.kind.as_str(),
        )
    }
}

/// Returns the kind of alert that a level in alert state `state` raises, which is also its next state; none where the state
/// does not change.
///
/// A level without a policy is never low. A level recovers only when it exceeds its reorder point by more than a tenth and by
/// more than 1, so that sales and returns around the reorder point do not raise an alert each. A level above its reorder point
/// that reaches its target level has recovered too, because no replenishment order fills it further.
pub fn crossing(
    state: AlertKind,
    available: i64,
    policy: Option<&ReorderPolicy>,
) -> Option<AlertKind> {
    let threshold = policy.map_or(0, |policy| policy.reorder_point.max(0));
    let kind = match available {
        ..0 => AlertKind::Short,
        0 => AlertKind::OutOfStock,
        _ if available <= threshold => AlertKind::Low,
        _ => AlertKind::Recovered,
    };
    if kind > state {
        return Some(kind);
    }
    let is_full = policy.is_some_and(|policy| available >= policy.target_level);
    let is_above_band = available > threshold.saturating_add((threshold / 10).max(1));
    let is_recovered = available > threshold && (is_above_band || is_full);
    (state > AlertKind::Recovered && is_recovered).then_some(AlertKind::Recovered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::ReplenishmentMode;
    use AlertKind::{Low, OutOfStock, Recovered, Short};
    use proptest::prelude::*;

    fn policy(reorder_point: i64, target_level: i64) -> ReorderPolicy {
        ReorderPolicy {
            reorder_point,
            target_level,
            order_multiple: 1,
            safety_stock: 0,
            lead_time_days: 0,
            buckets: 1,
            mode: ReplenishmentMode::MinMax,
        }
    }

    /// A policy whose target level is out of reach.
    fn reorder_at(reorder_point: i64) -> ReorderPolicy {
        policy(reorder_point, i64::MAX)
    }

    /// The alerts raised while the available quantity takes these values.
    fn alerts(reorder_point: Option<i64>, available: &[i64]) -> Vec<AlertKind> {
        alerts_of(reorder_point.map(reorder_at).as_ref(), available)
    }

    fn alerts_of(policy: Option<&ReorderPolicy>, available: &[i64]) -> Vec<AlertKind> {
        let mut state = AlertKind::default();
        let mut alerts = Vec::new();
        for quantity in available {
            if let Some(kind) = crossing(state, *quantity, policy) {
                state = kind;
                alerts.push(kind);
            }
        }
        alerts
    }

    #[test]
    fn selling_out_and_refilling_raises_one_alert_per_crossing() {
        let day = [12, 11, 10, 9, 4, 0, 0, 3, 10, 11, 40, 39];
        assert_eq!(alerts(Some(10), &day), [Low, OutOfStock, Recovered]);
    }

    #[test]
    fn one_large_sale_raises_one_alert() {
        assert_eq!(alerts(Some(10), &[50, 0]), [OutOfStock]);
    }

    #[test]
    fn count_below_allocated_raises_a_critical_alert() {
        assert_eq!(
            alerts(Some(10), &[5, 0, -2, -1, 0]),
            [Low, OutOfStock, Short]
        );
        assert_eq!(Short.severity(), Severity::Critical);
    }

    #[test]
    fn changes_around_the_reorder_point_raise_one_alert() {
        assert_eq!(alerts(Some(100), &[101, 100, 101, 100, 110, 99]), [Low]);
        assert_eq!(alerts(Some(100), &[100, 111]), [Low, Recovered]);
        assert_eq!(alerts(Some(3), &[3, 4, 3, 4]), [Low]);
        assert_eq!(alerts(Some(3), &[3, 5]), [Low, Recovered]);
    }

    #[test]
    fn level_without_policy_is_never_low() {
        assert_eq!(
            alerts(None, &[3, 1, 0, 1, 0, 2, -1]),
            [OutOfStock, Recovered, Short]
        );
    }

    #[test]
    fn reorder_point_moved_across_the_level_raises_an_alert() {
        assert_eq!(crossing(Recovered, 8, Some(&reorder_at(10))), Some(Low));
        assert_eq!(crossing(Low, 8, Some(&reorder_at(4))), Some(Recovered));
    }

    #[test]
    fn level_filled_to_a_target_within_the_band_has_recovered() {
        let narrow = policy(1, 2);
        assert_eq!(
            alerts_of(Some(&narrow), &[2, 1, 0, 2, 1, 0]),
            [Low, OutOfStock, Recovered, Low, OutOfStock]
        );
        let tenth = policy(100, 110);
        assert_eq!(
            alerts_of(Some(&tenth), &[110, 100, 109, 110, 100]),
            [Low, Recovered, Low]
        );
    }

    #[test]
    fn alert_states_level_available_and_reorder_point() {
        let milk = LevelKey {
            location_id: "store-1".parse().unwrap(),
            sku: "milk".parse().unwrap(),
        };
        let level = Level {
            on_hand: 9,
            allocated: 2,
            version: 7,
            policy: Some(policy(10, 40)),
            ..Level::empty(&milk)
        };
        let alert = StockAlert {
            location_id: milk.location_id,
            sku: milk.sku,
            kind: Low,
            severity: Severity::Warning,
            available: 7,
            reorder_point: Some(10),
            level_version: 7,
        };
        assert_eq!(StockAlert::raised_by(&level, Recovered), Some(alert));
        assert_eq!(StockAlert::raised_by(&level, Low), None);
    }

    #[test]
    fn kind_and_severity_serialize_to_their_names() {
        for kind in [Recovered, Low, OutOfStock, Short] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            let severity = kind.severity();
            assert_eq!(serde_json::to_value(severity).unwrap(), severity.as_str());
        }
    }

    #[test]
    fn id_is_the_same_for_the_same_crossing_only() {
        let alert = |version| StockAlert {
            location_id: "store-1".parse().unwrap(),
            sku: "milk".parse().unwrap(),
            kind: Low,
            severity: Severity::Warning,
            available: 1,
            reorder_point: Some(2),
            level_version: version,
        };
        assert_eq!(alert(7).id(), alert(7).id());
        assert_ne!(alert(7).id(), alert(8).id());
    }

    proptest! {
        #[test]
        fn each_alert_is_more_severe_than_the_last_or_a_recovery(
            reorder_point in prop::option::of(0_i64..30),
            available in prop::collection::vec(-5_i64..50, 0..200),
        ) {
            let mut state = AlertKind::default();
            for kind in alerts(reorder_point, &available) {
                prop_assert!(kind > state || (kind == Recovered && state > Recovered), "{kind:?} after {state:?}");
                state = kind;
            }
        }

        #[test]
        fn flapping_within_the_band_raises_at_most_one_alert(
            reorder_point in 1_i64..1_000_000,
            steps in prop::collection::vec(any::<bool>(), 0..100),
        ) {
            let top = reorder_point + (reorder_point / 10).max(1);
            let available: Vec<i64> = steps.iter().map(|up| if *up { top } else { reorder_point }).collect();
            prop_assert!(alerts(Some(reorder_point), &available).len() <= 1);
        }

        #[test]
        fn processing_a_level_again_raises_no_alert(
            state in prop::sample::select(vec![Recovered, Low, OutOfStock, Short]),
            available: i64,
            levels: Option<(i64, i64)>,
        ) {
            let policy = levels.map(|(reorder_point, target_level)| policy(reorder_point, target_level));
            if let Some(next) = crossing(state, available, policy.as_ref()) {
                prop_assert_eq!(crossing(next, available, policy.as_ref()), None);
            }
        }

        #[test]
        fn level_that_is_refilled_alerts_again_when_it_falls(
            state in prop::sample::select(vec![Recovered, Low, OutOfStock, Short]),
            reorder_point in 0_i64..1000,
            above in 1_i64..1000,
        ) {
            let policy = policy(reorder_point, reorder_point + above);
            let refilled = crossing(state, policy.target_level, Some(&policy)).unwrap_or(state);
            prop_assert_eq!(refilled, Recovered);
            prop_assert!(crossing(refilled, reorder_point, Some(&policy)).is_some());
        }
    }
}
