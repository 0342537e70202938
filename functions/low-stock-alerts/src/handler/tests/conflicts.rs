//! Two writers of one alert record.

use std::sync::Mutex;

use stockline_application::ports::alerts::AlertWriteOutcome;
use stockline_application::store_error::StoreError;

use super::*;

/// An alert store in which another writer wins the first write.
struct ConflictingAlerts {
    alerts: MemoryAlerts,
    winner: Mutex<Option<AlertRecord>>,
}

impl AlertStore for ConflictingAlerts {
    async fn find(&self, key: &LevelKey) -> Result<Option<AlertRecord>, StoreError> {
        self.alerts.find(key).await
    }

    async fn replace(
        &self,
        key: &LevelKey,
        before: Option<u64>,
        next: &AlertRecord,
    ) -> Result<AlertWriteOutcome, StoreError> {
        let other = self.winner.lock().unwrap().take();
        if let Some(other) = other {
            self.alerts.replace(key, before, &other).await?;
        }
        self.alerts.replace(key, before, next).await
    }

    async fn mark_published(&self, key: &LevelKey, version: u64) -> Result<(), StoreError> {
        self.alerts.mark_published(key, version).await
    }
}

#[tokio::test]
async fn write_conflict_is_evaluated_again() {
    for (state, version, expected) in [(Low, 4, vec![]), (Low, 2, vec![(OutOfStock, 3)])] {
        let topic = MemoryTopic::default();
        let other = AlertRecord {
            state,
            version,
            pending: None,
        };
        let store = ConflictingAlerts {
            alerts: MemoryAlerts::default(),
            winner: Mutex::new(Some(other)),
        };
        let alerter = StockAlerter {
            levels: MemoryShop::default(),
            alerts: store,
            topic: topic.clone(),
            reorders: MemoryReorders::default(),
            clock: FakeClock::at("2026-03-01T18:00:00Z"),
        };
        let change = level_change(&milk(3, 0)).unwrap().unwrap();
        assert_eq!(handle(&alerter, change).await, RecordOutcome::Done);
        let published: Vec<_> = topic
            .published()
            .iter()
            .map(|alert| (alert.data.kind, alert.data.level_version))
            .collect();
        assert_eq!(published, expected);
    }
}
