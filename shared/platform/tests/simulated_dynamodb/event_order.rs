//! However late and in whatever order it is told what happened in a store, what is there is what is there.

use std::cell::Cell;
use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::json;
use stockline_domain::order::Order;
use stockline_domain::stock_change::ChangeRefused;
use stockline_platform::ports::orders::{OrderStore, Placement};
use stockline_platform::ports::stock::Applied;
use stockline_platform::store_error::StoreError;
use stockline_testkit::conformance::orders::{deadline, minute, request};
use stockline_testkit::conformance::stock::{change, receipt};
use stockline_testkit::orders::order;
use stockline_testkit::simulated_dynamodb::FaultRates;

use crate::store::{Store, count, over, second};

/// Of a thousand requests to DynamoDB.
const TROUBLE: FaultRates = FaultRates {
    requests_lost: 5,
    responses_lost: 10,
    errors_before: 10,
    errors_after: 10,
};

/// What there is before anything happens.
const OPENING: i64 = 500;

#[derive(Debug, Clone, Copy)]
enum What {
    CameIn(i64),
    Found(i64),
    Sold(i64),
    Sent(i64),
    Counted,
    Split(u8),
}

/// What happened, when, and when it was told.
#[derive(Debug)]
struct Event {
    name: String,
    what: What,
    at: Timestamp,
    told_at: Timestamp,
}

impl Event {
    /// Told a minute or two after the one before, of the last hour, and often of one moment with others.
    fn draw(number: i64, random: &mut Rng) -> Self {
        let told_at = 3600 + 120 * number + random.i64(0..60);
        let back = 300 * random.i64(0..12);
        let what = match random.u8(0..10) {
            0 | 1 => What::CameIn(random.i64(1..20)),
            2 => What::Found(random.i64(1..3)),
            3..=5 => What::Sold(random.i64(1..5)),
            6 => What::Sent(random.i64(1..5)),
            7 | 8 => What::Counted,
            _ => What::Split(random.u8(1..6)),
        };
        Self {
            name: format!("event-{number}"),
            what,
            at: second((told_at - back) / 300 * 300),
            told_at: second(told_at),
        }
    }

    fn moved(&self) -> i64 {
        match self.what {
            What::CameIn(quantity) | What::Found(quantity) => quantity,
            What::Sold(quantity) | What::Sent(quantity) => -quantity,
            What::Counted | What::Split(_) => 0,
        }
    }
}

/// What was there at `time`, before what happened in that moment.
fn there_at(time: Timestamp, events: &[Event]) -> i64 {
    let before = events.iter().filter(|event| event.at < time);
    OPENING + before.map(Event::moved).sum::<i64>()
}

impl Store {
    /// Tells `event` of `events` until it is answered.
    async fn hears(&self, event: &Event, events: &[Event]) {
        loop {
            match self.hears_once(event, events).await {
                Ok(()) => return,
                Err(StoreError::Busy | StoreError::Unanswered { .. }) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(failed) => panic!("{event:?}: {failed:?}"),
            }
        }
    }

    async fn hears_once(&self, event: &Event, events: &[Event]) -> Result<(), StoreError> {
        let at = event.at.to_string();
        let told = match event.what {
            What::Sold(quantity) => {
                let sale = Order {
                    sold_at: event.at,
                    placed_at: event.told_at,
                    ..order(&event.name, "store-1", "pos", &[("milk", quantity)])
                };
                let placed =
                    OrderStore::place(&self.shop, &sale, &request("a"), deadline()).await?;
                assert!(matches!(placed, Placement::Placed | Placement::Replayed(_)));
                return Ok(());
            }
            What::Split(buckets) => {
                self.set_policy(&over(buckets), event.told_at).await?;
                return Ok(());
            }
            What::Counted => count(there_at(event.at, events), event.at),
            What::CameIn(quantity) => change(
                json!({"kind": "receipt", "location_id": "store-1", "sku": "milk",
                "quantity": quantity, "occurred_at": at}),
            ),
            What::Found(quantity) => change(
                json!({"kind": "adjustment", "location_id": "store-1", "sku": "milk",
                "delta": quantity, "reason": "found", "occurred_at": at}),
            ),
            What::Sent(quantity) => {
                change(json!({"kind": "transfer", "from_location_id": "store-1",
                "to_location_id": "store-2", "sku": "milk", "quantity": quantity, "occurred_at": at}))
            }
        };
        match self.send(&event.name, &told, event.told_at).await? {
            // A count may come after a later one was told.
            Applied::Now(_)
            | Applied::Before(_)
            | Applied::Refused(ChangeRefused::OutdatedCount { .. }) => {}
            other => panic!("{event:?}: {other:?}"),
        }
        Ok(())
    }
}

/// Stories of thirty events, so many told at a time, while the ledger follows a moment later.
async fn what_is_there_is_what_is_there(seeds: Range<u64>, at_a_time: usize, trouble: FaultRates) {
    for seed in seeds {
        let store = Store::new(seed);
        let opening = receipt("store-1", OPENING);
        store.send("opening", &opening, minute(0)).await.unwrap();
        let mut random = Rng::with_seed(seed);
        let events: Vec<Event> = (0..30)
            .map(|number| Event::draw(number, &mut random))
            .collect();
        store.database.set_fault_rates(trouble);
        let lag = Duration::from_millis(random.u64(1..400));
        let all_is_told = Cell::new(false);
        let following = async {
            while !all_is_told.get() {
                tokio::time::sleep(lag).await;
                store.follow_the_stream().await;
            }
        };
        let telling = async {
            for events_at_once in events.chunks(at_a_time) {
                join_all(
                    events_at_once
                        .iter()
                        .map(|event| store.hears(event, &events)),
                )
                .await;
            }
            all_is_told.set(true);
        };
        tokio::join!(following, telling);
        store.database.set_fault_rates(FaultRates::default());
        store.follow_the_stream().await;
        let on_hand = store.level().await.on_hand;
        assert_eq!(
            on_hand,
            there_at(Timestamp::MAX, &events),
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
async fn what_is_told_one_after_another() {
    what_is_there_is_what_is_there(0..40, 1, FaultRates::default()).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_told_at_once() {
    what_is_there_is_what_is_there(0..40, 4, FaultRates::default()).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_told_at_once_while_requests_and_answers_are_lost() {
    what_is_there_is_what_is_there(0..40, 4, TROUBLE).await;
}
