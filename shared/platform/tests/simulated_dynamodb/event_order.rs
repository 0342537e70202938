//! Tests that the order and delay in which events are reported do not change the resulting level.

use std::cell::Cell;
use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::json;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_application::stock_change::ChangeOutcome;
use stockline_application::store_error::StoreError;
use stockline_domain::order::Order;
use stockline_domain::stock_change::ChangeRefused;
use stockline_testkit::conformance::orders::{deadline, minute, request};
use stockline_testkit::conformance::stock::{change, receipt};
use stockline_testkit::orders::order;
use stockline_testkit::simulated_dynamodb::FaultRates;

use crate::test_store::{TestStore, count_change, policy_with_buckets, second};

/// Faults per 1,000 requests to DynamoDB.
const FAULTS: FaultRates = FaultRates {
    requests_lost: 5,
    responses_lost: 10,
    errors_before: 10,
    errors_after: 10,
};

/// On hand before the first event.
const OPENING_QUANTITY: i64 = 500;

#[derive(Debug, Clone, Copy)]
enum EventKind {
    Receipt(i64),
    Found(i64),
    Sale(i64),
    Transfer(i64),
    Count,
    Split(u8),
}

/// An event with the times when it occurred and when it is reported.
#[derive(Debug)]
struct Event {
    name: String,
    kind: EventKind,
    occurred_at: Timestamp,
    reported_at: Timestamp,
}

impl Event {
    /// Draws an event that is reported one to three minutes after the previous one and occurred in the hour before. Times of
    /// occurrence are multiples of five minutes, so that several events often share one.
    fn draw(number: i64, random: &mut Rng) -> Self {
        let reported_at = 3600 + 120 * number + random.i64(0..60);
        let delay = 300 * random.i64(0..12);
        let kind = match random.u8(0..10) {
            0 | 1 => EventKind::Receipt(random.i64(1..20)),
            2 => EventKind::Found(random.i64(1..3)),
            3..=5 => EventKind::Sale(random.i64(1..5)),
            6 => EventKind::Transfer(random.i64(1..5)),
            7 | 8 => EventKind::Count,
            _ => EventKind::Split(random.u8(1..6)),
        };
        Self {
            name: format!("event-{number}"),
            kind,
            occurred_at: second((reported_at - delay) / 300 * 300),
            reported_at: second(reported_at),
        }
    }

    fn delta(&self) -> i64 {
        match self.kind {
            EventKind::Receipt(quantity) | EventKind::Found(quantity) => quantity,
            EventKind::Sale(quantity) | EventKind::Transfer(quantity) => -quantity,
            EventKind::Count | EventKind::Split(_) => 0,
        }
    }
}

/// Returns the quantity on hand at `time`, before the events of that time.
fn on_hand_at(time: Timestamp, events: &[Event]) -> i64 {
    let earlier = events.iter().filter(|event| event.occurred_at < time);
    OPENING_QUANTITY + earlier.map(Event::delta).sum::<i64>()
}

impl TestStore {
    /// Reports `event` of `events`. Retries until there is a response.
    async fn report(&self, event: &Event, events: &[Event]) {
        loop {
            match self.try_report(event, events).await {
                Ok(()) => return,
                Err(StoreError::Busy | StoreError::Unanswered { .. }) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => panic!("{event:?}: {error:?}"),
            }
        }
    }

    async fn try_report(&self, event: &Event, events: &[Event]) -> Result<(), StoreError> {
        let occurred_at = event.occurred_at.to_string();
        let stock_change = match event.kind {
            EventKind::Sale(quantity) => {
                let sale = Order {
                    sold_at: event.occurred_at,
                    placed_at: event.reported_at,
                    ..order(&event.name, "store-1", "pos", &[("milk", quantity)])
                };
                let placed =
                    OrderStore::place(&self.shop, &sale, &request("a"), deadline()).await?;
                assert!(matches!(
                    placed,
                    PlaceOutcome::Placed | PlaceOutcome::Replayed(_)
                ));
                return Ok(());
            }
            EventKind::Split(buckets) => {
                self.set_policy(&policy_with_buckets(buckets), event.reported_at)
                    .await?;
                return Ok(());
            }
            EventKind::Count => {
                count_change(on_hand_at(event.occurred_at, events), event.occurred_at)
            }
            EventKind::Receipt(quantity) => change(
                json!({"kind": "receipt", "location_id": "store-1", "sku": "milk",
                "quantity": quantity, "occurred_at": occurred_at}),
            ),
            EventKind::Found(quantity) => change(
                json!({"kind": "adjustment", "location_id": "store-1", "sku": "milk",
                "delta": quantity, "reason": "found", "occurred_at": occurred_at}),
            ),
            EventKind::Transfer(quantity) => {
                change(json!({"kind": "transfer", "from_location_id": "store-1",
                "to_location_id": "store-2", "sku": "milk", "quantity": quantity,
                "occurred_at": occurred_at}))
            }
        };
        match self
            .send_change(&event.name, &stock_change, event.reported_at)
            .await?
        {
            // A count is outdated if a later count was reported before it.
            ChangeOutcome::Applied(_)
            | ChangeOutcome::AlreadyApplied(_)
            | ChangeOutcome::Refused(ChangeRefused::OutdatedCount { .. })
            | ChangeOutcome::AlreadyRefused(ChangeRefused::OutdatedCount { .. }) => {}
            other => panic!("{event:?}: {other:?}"),
        }
        Ok(())
    }
}

/// For each seed, reports 30 random events in concurrent batches while the ledger lags behind. Checks the final level, and
/// that an audit finds no difference.
async fn check_final_level(seeds: Range<u64>, batch_size: usize, faults: FaultRates) {
    for seed in seeds {
        let store = TestStore::new(seed);
        let opening = receipt("store-1", OPENING_QUANTITY);
        store
            .send_change("opening", &opening, minute(0))
            .await
            .unwrap();
        let mut random = Rng::with_seed(seed);
        let events: Vec<Event> = (0..30)
            .map(|number| Event::draw(number, &mut random))
            .collect();
        store.database.set_fault_rates(faults);
        let lag = Duration::from_millis(random.u64(1..400));
        let all_reported = Cell::new(false);
        let recording = async {
            while !all_reported.get() {
                tokio::time::sleep(lag).await;
                store.record_stream().await;
            }
        };
        let reporting = async {
            for batch in events.chunks(batch_size) {
                join_all(batch.iter().map(|event| store.report(event, &events))).await;
            }
            all_reported.set(true);
        };
        tokio::join!(recording, reporting);
        store.database.set_fault_rates(FaultRates::default());
        store.record_stream().await;
        let on_hand = store.level().await.on_hand;
        assert_eq!(
            on_hand,
            on_hand_at(Timestamp::MAX, &events),
            "seed {seed}: {events:#?}"
        );
        assert_eq!(
            store.findings("2026-03-02T12:00:00Z").await,
            [],
            "seed {seed}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn sequential_late_events_reach_the_same_level() {
    check_final_level(0..40, 1, FaultRates::default()).await;
}

#[tokio::test(start_paused = true)]
async fn concurrent_late_events_reach_the_same_level() {
    check_final_level(0..40, 4, FaultRates::default()).await;
}

#[tokio::test(start_paused = true)]
async fn concurrent_late_events_survive_lost_messages() {
    check_final_level(0..40, 4, FAULTS).await;
}
