//! The linearizability checker accepts sequential histories and rejects impossible ones.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Mutex;

use stockline_protocol::history::{
    History, LevelModel, LevelSnapshot, RecordingConfig, Request, RequestMix, RequestOutcome,
    StockService, is_linearizable, record_history,
};
use tokio::task::yield_now;

/// An in-process store that applies one request at a time.
struct AtomicService(Mutex<LevelModel>);

/// An in-process store with lost updates: it reads, yields, and then writes what it computed from the stale read.
struct LostUpdateService(Mutex<LevelModel>);

fn full_level() -> Mutex<LevelModel> {
    Mutex::new(LevelModel::new(LevelSnapshot {
        on_hand: 10,
        allocated: 0,
        version: 1,
    }))
}

async fn yield_randomly() {
    for _ in 0..fastrand::u32(0..4) {
        yield_now().await;
    }
}

impl StockService for AtomicService {
    async fn execute(&self, _: &str, request: &Request) -> RequestOutcome {
        yield_randomly().await;
        let outcome = {
            let mut level = self.0.lock().unwrap();
            let (outcome, next) = level.apply(request);
            *level = next;
            outcome
        };
        yield_randomly().await;
        outcome
    }
}

impl StockService for LostUpdateService {
    async fn execute(&self, _: &str, request: &Request) -> RequestOutcome {
        let read = self.0.lock().unwrap().clone();
        yield_randomly().await;
        let (outcome, next) = read.apply(request);
        if next != read {
            *self.0.lock().unwrap() = next;
        }
        outcome
    }
}

fn config(seed: u64, mix: RequestMix) -> RecordingConfig {
    RecordingConfig {
        seed,
        clients: 8,
        requests_per_client: 125,
        mix,
    }
}

async fn record_atomic(seed: u64, mix: RequestMix) -> History {
    record_history(&AtomicService(full_level()), config(seed, mix)).await
}

#[tokio::test]
async fn atomic_service_history_is_linearizable() {
    for (seed, mix) in [
        (1, RequestMix::WithSales),
        (2, RequestMix::WithCounts),
        (3, RequestMix::WithSales),
    ] {
        let history = record_atomic(seed, mix).await;
        assert_eq!(history.len(), 1001);
        assert!(is_linearizable(&history));
        let contains = |matches: fn(&RequestOutcome) -> bool| {
            history.iter().any(|entry| matches(&entry.outcome))
        };
        assert!(contains(|outcome| *outcome == RequestOutcome::Placed));
        assert!(contains(|outcome| *outcome == RequestOutcome::Canceled));
        assert!(contains(|outcome| matches!(
            outcome,
            RequestOutcome::Short(_)
        )));
    }
}

#[tokio::test]
async fn lost_updates_are_not_linearizable() {
    for (seed, mix) in [
        (1, RequestMix::WithSales),
        (2, RequestMix::WithCounts),
        (3, RequestMix::WithSales),
    ] {
        let history = record_history(&LostUpdateService(full_level()), config(seed, mix)).await;
        assert!(!is_linearizable(&history), "seed {seed}");
    }
}

#[tokio::test]
async fn history_without_one_sale_is_not_linearizable() {
    let mut history = record_atomic(4, RequestMix::WithSales).await;
    let sale = history
        .iter()
        .position(|entry| entry.outcome == RequestOutcome::Placed)
        .unwrap();
    history.remove(sale);
    assert!(!is_linearizable(&history));
}

#[tokio::test]
async fn history_with_one_stale_read_is_not_linearizable() {
    let mut history = record_atomic(5, RequestMix::WithSales).await;
    let first = history[0].outcome.clone();
    let last = history
        .iter_mut()
        .rfind(|entry| entry.request == Request::Read)
        .unwrap();
    last.outcome = first;
    assert!(!is_linearizable(&history));
}

#[tokio::test]
async fn unknown_outcome_allows_applied_and_not_applied() {
    for has_happened in [true, false] {
        let mut history = record_atomic(6, RequestMix::WithSales).await;
        let sale = history
            .iter()
            .position(|entry| entry.outcome == RequestOutcome::Placed)
            .unwrap();
        if has_happened {
            history[sale].outcome = RequestOutcome::Unknown;
            history[sale].settled_ns = u64::MAX;
        } else {
            let mut not_applied = history[sale].clone();
            not_applied.request = Request::Adjust {
                delta: 1,
                expected: None,
            };
            not_applied.outcome = RequestOutcome::Unknown;
            not_applied.settled_ns = u64::MAX;
            history.push(not_applied);
        }
        assert!(is_linearizable(&history));
    }
}
