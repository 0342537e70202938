//! What every alert store must do.

use futures::future::join_all;
use stockline_application::ports::alerts::{
    AlertRecord, AlertStore, AlertWriteOutcome, alert_message,
};
use stockline_domain::alert::{AlertKind, StockAlert};
use stockline_domain::level::LevelKey;

use super::story_functions;

story_functions!(alerts, [Store: AlertStore], [super], Store);

fn level(sku: &str) -> LevelKey {
    LevelKey {
        location_id: "alerts".parse().unwrap(),
        sku: sku.parse().unwrap(),
    }
}

/// A record of version `version` with a pending alert that `cause` caused.
fn record(key: &LevelKey, version: u64, cause: &str) -> AlertRecord {
    let alert = StockAlert {
        location_id: key.location_id.clone(),
        sku: key.sku.clone(),
        kind: AlertKind::Low,
        severity: AlertKind::Low.severity(),
        available: 2,
        reorder_point: Some(5),
        level_version: version,
    };
    let at = "2026-03-01T12:00:00.123Z".parse().unwrap();
    AlertRecord {
        state: AlertKind::Low,
        version,
        pending: Some(alert_message(alert, at, cause.to_owned())),
    }
}

async fn record_is_found_with_its_pending_alert<Store: AlertStore>(store: &Store) {
    let key = level("found");
    assert_eq!(store.find(&key).await.unwrap(), None);
    let first = record(&key, 7, "a");
    assert_eq!(
        store.replace(&key, None, &first).await.unwrap(),
        AlertWriteOutcome::Written
    );
    assert_eq!(store.find(&key).await.unwrap(), Some(first));
    assert_eq!(store.find(&level("other")).await.unwrap(), None);
}

async fn published_alert_is_not_pending<Store: AlertStore>(store: &Store) {
    let key = level("published");
    let first = record(&key, 7, "a");
    store.replace(&key, None, &first).await.unwrap();
    store.mark_published(&key, 7).await.unwrap();
    store.mark_published(&key, 7).await.unwrap();
    let found = store.find(&key).await.unwrap();
    assert_eq!(
        found,
        Some(AlertRecord {
            pending: None,
            ..first
        })
    );
}

async fn later_alert_stays_pending_when_earlier_is_published<Store: AlertStore>(store: &Store) {
    let key = level("later");
    store
        .replace(&key, None, &record(&key, 7, "a"))
        .await
        .unwrap();
    let later = record(&key, 9, "b");
    assert_eq!(
        store.replace(&key, Some(7), &later).await.unwrap(),
        AlertWriteOutcome::Written
    );
    store.mark_published(&key, 7).await.unwrap();
    assert_eq!(store.find(&key).await.unwrap(), Some(later));
    store.mark_published(&level("unknown"), 7).await.unwrap();
    assert_eq!(store.find(&level("unknown")).await.unwrap(), None);
}

async fn one_of_concurrent_advances_succeeds<Store: AlertStore>(store: &Store) {
    let key = level("race");
    let records: Vec<_> = (0..8)
        .map(|number| record(&key, 7, &format!("cause-{number}")))
        .collect();
    let advanced = join_all(
        records
            .iter()
            .map(|record| store.replace(&key, None, record)),
    )
    .await;
    let done = advanced
        .iter()
        .filter(|advance| matches!(advance, Ok(AlertWriteOutcome::Written)))
        .count();
    assert_eq!(done, 1, "{advanced:?}");
    let outdated = store
        .replace(&key, Some(3), &record(&key, 8, "x"))
        .await
        .unwrap();
    assert_eq!(outdated, AlertWriteOutcome::Conflict);
}

async fn repeated_advance_is_no_conflict<Store: AlertStore>(store: &Store) {
    let key = level("twice");
    let first = record(&key, 7, "a");
    assert_eq!(
        store.replace(&key, None, &first).await.unwrap(),
        AlertWriteOutcome::Written
    );
    assert_eq!(
        store.replace(&key, None, &first).await.unwrap(),
        AlertWriteOutcome::Written
    );
}
