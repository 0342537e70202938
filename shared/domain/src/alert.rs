//! When a level wants somebody's attention: once when it crosses a line, and once when it is well above again.

use serde::{Deserialize, Serialize};

use crate::ids::{AlertId, LocationId, Sku};
use crate::level::Level;

/// What an alert says of a level.
///
/// The last one said is also the level's state: until it has recovered, only something worse is news. The order is
/// that of gravity.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// Well above the reorder point; also the state of a level that was never low.
    #[default]
    Recovered,
    /// At or below the reorder point.
    Low,
    /// Nothing may be promised.
    OutOfStock,
    /// Less is there than is promised.
    Short,
}

/// How soon somebody has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Soon.
    Warning,
    /// Now: customers meet it.
    Critical,
}

/// One alert, as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockAlert {
    /// The store or warehouse.
    pub location_id: LocationId,
    /// The stock keeping unit.
    pub sku: Sku,
    /// What it says.
    pub kind: AlertKind,
    /// How soon somebody has to act.
    pub severity: Severity,
    /// What may still be promised; negative when short.
    pub available: i64,
    /// The line that counts; none where the level has no policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reorder_point: Option<i64>,
    /// The version of the level that raised it.
    pub level_version: u64,
}

impl AlertKind {
    /// The kind as it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::Low => "low",
            Self::OutOfStock => "out_of_stock",
            Self::Short => "short",
        }
    }

    /// How soon somebody has to act on it.
    pub fn severity(self) -> Severity {
        match self {
            Self::Recovered => Severity::Info,
            Self::Low => Severity::Warning,
            Self::OutOfStock | Self::Short => Severity::Critical,
        }
    }
}

impl Severity {
    /// The severity as it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl StockAlert {
    /// The alert that `level` raises when `state` was the last thing said of it; none when there is nothing new.
    pub fn raised_by(level: &Level, state: AlertKind) -> Option<Self> {
        let reorder_point = level.policy.as_ref().map(|policy| policy.reorder_point);
        let kind = crossing(state, level.available(), reorder_point)?;
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

    /// The same for the same crossing, however often it is found or delivered.
    pub fn id(&self) -> AlertId {
        AlertId::derive(
            &self.location_id,
            &self.sku,
            self.level_version,
            self.kind.as_str(),
        )
    }
}

/// What to say of a level of which `state` was said last; none when it is no news. The answer is the next state.
///
/// A level without a reorder point is never low. It has recovered only when it is above its reorder point by more than
/// a tenth, and by more than one: sales and returns around the line are not worth an alert each.
pub fn crossing(state: AlertKind, available: i64, reorder_point: Option<i64>) -> Option<AlertKind> {
    let line = reorder_point.unwrap_or(0).max(0);
    let now = match available {
        ..0 => AlertKind::Short,
        0 => AlertKind::OutOfStock,
        _ if available <= line => AlertKind::Low,
        _ => AlertKind::Recovered,
    };
    if now > state {
        return Some(now);
    }
    let well_above = available > line.saturating_add((line / 10).max(1));
    (state > AlertKind::Recovered && well_above).then_some(AlertKind::Recovered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::{LevelKey, ReorderPolicy};
    use AlertKind::{Low, OutOfStock, Recovered, Short};
    use proptest::prelude::*;

    /// What is said while `available` goes through these quantities.
    fn said(reorder_point: Option<i64>, available: &[i64]) -> Vec<AlertKind> {
        let mut state = AlertKind::default();
        let mut said = Vec::new();
        for quantity in available {
            if let Some(kind) = crossing(state, *quantity, reorder_point) {
                state = kind;
                said.push(kind);
            }
        }
        said
    }

    #[test]
    fn a_level_that_sells_out_and_is_filled_up_is_told_once_per_line() {
        let day = [12, 11, 10, 9, 4, 0, 0, 3, 10, 11, 40, 39];
        assert_eq!(said(Some(10), &day), [Low, OutOfStock, Recovered]);
    }

    #[test]
    fn one_big_sale_is_one_alert() {
        assert_eq!(said(Some(10), &[50, 0]), [OutOfStock]);
    }

    #[test]
    fn a_count_that_finds_less_than_is_promised_is_critical() {
        assert_eq!(said(Some(10), &[5, 0, -2, -1, 0]), [Low, OutOfStock, Short]);
        assert_eq!(Short.severity(), Severity::Critical);
    }

    #[test]
    fn sales_and_returns_round_the_line_are_told_once() {
        assert_eq!(said(Some(100), &[101, 100, 101, 100, 110, 99]), [Low]);
        assert_eq!(said(Some(100), &[100, 111]), [Low, Recovered]);
        assert_eq!(said(Some(3), &[3, 4, 3, 4]), [Low]);
        assert_eq!(said(Some(3), &[3, 5]), [Low, Recovered]);
    }

    #[test]
    fn a_level_without_a_policy_is_never_low() {
        assert_eq!(
            said(None, &[3, 1, 0, 1, 0, 2, -1]),
            [OutOfStock, Recovered, Short]
        );
    }

    #[test]
    fn a_reorder_point_that_moves_past_the_level_is_a_crossing_too() {
        assert_eq!(crossing(Recovered, 8, Some(10)), Some(Low));
        assert_eq!(crossing(Low, 8, Some(4)), Some(Recovered));
    }

    #[test]
    fn an_alert_says_how_much_is_left_of_what_and_where_the_line_is() {
        let milk = LevelKey {
            location_id: "store-1".parse().unwrap(),
            sku: "milk".parse().unwrap(),
        };
        let level = Level {
            on_hand: 9,
            allocated: 2,
            version: 7,
            policy: Some(ReorderPolicy {
                reorder_point: 10,
                target_level: 40,
                order_multiple: 1,
                safety_stock: 0,
                lead_time_days: 0,
                buckets: 1,
            }),
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
    fn a_kind_and_a_severity_have_one_name_stored_or_sent() {
        for kind in [Recovered, Low, OutOfStock, Short] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            let severity = kind.severity();
            assert_eq!(serde_json::to_value(severity).unwrap(), severity.as_str());
        }
    }

    #[test]
    fn the_same_crossing_has_the_same_id_and_the_next_one_another() {
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
        fn no_alert_is_repeated_without_a_recovery_and_each_is_worse_than_the_last(
            reorder_point in prop::option::of(0_i64..30),
            available in prop::collection::vec(-5_i64..50, 0..200),
        ) {
            let mut state = AlertKind::default();
            for kind in said(reorder_point, &available) {
                prop_assert!(kind > state || (kind == Recovered && state > Recovered), "{kind:?} after {state:?}");
                state = kind;
            }
        }

        #[test]
        fn flapping_within_the_band_says_at_most_one_thing(
            reorder_point in 1_i64..1_000_000,
            steps in prop::collection::vec(any::<bool>(), 0..100),
        ) {
            let top = reorder_point + (reorder_point / 10).max(1);
            let available: Vec<i64> = steps.iter().map(|up| if *up { top } else { reorder_point }).collect();
            prop_assert!(said(Some(reorder_point), &available).len() <= 1);
        }

        #[test]
        fn a_level_seen_again_says_nothing_new(
            state in prop::sample::select(vec![Recovered, Low, OutOfStock, Short]),
            available: i64,
            reorder_point: Option<i64>,
        ) {
            if let Some(next) = crossing(state, available, reorder_point) {
                prop_assert_eq!(crossing(next, available, reorder_point), None);
            }
        }
    }
}
