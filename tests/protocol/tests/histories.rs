//! The judge of histories takes what one after another could have seen, and refuses what nobody could.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Mutex;

use stockline_protocol::history::{
    History, Mix, Outcome, Plan, Request, Seen, Shelf, Shop, is_linearizable, record,
};
use tokio::task::yield_now;

/// A store in this process that does one thing at a time.
struct Careful(Mutex<Shelf>);

/// One that reads, lets others pass, and then writes what it made of its reading.
struct Forgetful(Mutex<Shelf>);

fn full_shelf() -> Mutex<Shelf> {
    Mutex::new(Shelf::first_seen(Seen {
        on_hand: 10,
        allocated: 0,
        version: 1,
    }))
}

async fn let_others_pass() {
    for _ in 0..fastrand::u32(0..4) {
        yield_now().await;
    }
}

impl Shop for Careful {
    async fn ask(&self, _: &str, request: &Request) -> Outcome {
        let_others_pass().await;
        let outcome = {
            let mut shelf = self.0.lock().unwrap();
            let (outcome, next) = shelf.answer(request);
            *shelf = next;
            outcome
        };
        let_others_pass().await;
        outcome
    }
}

impl Shop for Forgetful {
    async fn ask(&self, _: &str, request: &Request) -> Outcome {
        let read = self.0.lock().unwrap().clone();
        let_others_pass().await;
        let (outcome, next) = read.answer(request);
        if next != read {
            *self.0.lock().unwrap() = next;
        }
        outcome
    }
}

fn plan(seed: u64, mix: Mix) -> Plan {
    Plan {
        seed,
        clients: 8,
        requests: 125,
        mix,
    }
}

async fn careful(seed: u64, mix: Mix) -> History {
    record(&Careful(full_shelf()), plan(seed, mix)).await
}

#[tokio::test]
async fn a_thousand_requests_of_eight_clients_to_a_store_that_does_one_at_a_time_are_taken() {
    for (seed, mix) in [(1, Mix::Tills), (2, Mix::Counts), (3, Mix::Tills)] {
        let history = careful(seed, mix).await;
        assert_eq!(history.len(), 1001);
        assert!(is_linearizable(&history));
        let seen =
            |wanted: fn(&Outcome) -> bool| history.iter().any(|entry| wanted(&entry.outcome));
        assert!(seen(|outcome| *outcome == Outcome::Placed));
        assert!(seen(|outcome| *outcome == Outcome::Canceled));
        assert!(seen(|outcome| matches!(outcome, Outcome::Short(_))));
    }
}

#[tokio::test]
async fn a_store_that_loses_updates_is_found_out() {
    for (seed, mix) in [(1, Mix::Tills), (2, Mix::Counts), (3, Mix::Tills)] {
        let history = record(&Forgetful(full_shelf()), plan(seed, mix)).await;
        assert!(!is_linearizable(&history), "seed {seed}");
    }
}

#[tokio::test]
async fn a_history_is_refused_when_one_sale_of_it_never_happened() {
    let mut history = careful(4, Mix::Tills).await;
    let sale = history
        .iter()
        .position(|entry| entry.outcome == Outcome::Placed)
        .unwrap();
    history.remove(sale);
    assert!(!is_linearizable(&history));
}

#[tokio::test]
async fn a_history_is_refused_when_one_reading_is_of_the_past() {
    let mut history = careful(5, Mix::Tills).await;
    let first = history[0].outcome.clone();
    let last = history
        .iter_mut()
        .rfind(|entry| entry.request == Request::Read)
        .unwrap();
    last.outcome = first;
    assert!(!is_linearizable(&history));
}

#[tokio::test]
async fn what_nobody_learnt_of_may_have_happened_or_not() {
    for happened in [true, false] {
        let mut history = careful(6, Mix::Tills).await;
        let sale = history
            .iter()
            .position(|entry| entry.outcome == Outcome::Placed)
            .unwrap();
        if happened {
            history[sale].outcome = Outcome::Unknown;
            history[sale].answered = u64::MAX;
        } else {
            let mut never = history[sale].clone();
            never.request = Request::Adjust {
                delta: 1,
                expected: None,
            };
            never.outcome = Outcome::Unknown;
            never.answered = u64::MAX;
            history.push(never);
        }
        assert!(is_linearizable(&history));
    }
}
