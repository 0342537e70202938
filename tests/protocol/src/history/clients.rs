//! Clients that read, buy, cancel, correct and count, each by what it last saw, and what they saw written down.

use std::future::Future;
use std::time::Instant;

use fastrand::Rng;
use futures::future::join_all;

use super::{Entry, History, Outcome, Request, Seen};

/// Whatever answers for one SKU at one location.
pub trait Shop {
    /// Makes `request` under `key`, again and again until its outcome is known.
    fn ask(&self, key: &str, request: &Request) -> impl Future<Output = Outcome>;
}

/// What clients do beside reading, ordering online and canceling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// They sell at the till and correct by so much up or down.
    Tills,
    /// They correct and count what they have just read, if nobody came between. Goods that leave at the very moment of
    /// a count belong to the count or come after it, as their times say; so no goods leave here.
    Counts,
}

/// Who does how much of what.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Decides what they do.
    pub seed: u64,
    /// How many clients, at most 8.
    pub clients: u32,
    /// How many requests each makes.
    pub requests: u32,
    /// Of which kinds.
    pub mix: Mix,
}

/// Lets the clients of `plan` loose on `shop`, all at once.
pub async fn record<S: Shop>(shop: &S, plan: Plan) -> History {
    let begun = Instant::now();
    let now = || u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let first = observe(shop, &now, plan.seed, 0, Request::Read).await;
    let clients = (1..=plan.clients).map(|number| Client::new(plan, number).run(shop, &now));
    let histories = join_all(clients).await;
    std::iter::once(first)
        .chain(histories.into_iter().flatten())
        .collect()
}

async fn observe<S: Shop>(
    shop: &S,
    now: &impl Fn() -> u64,
    seed: u64,
    number: u32,
    request: Request,
) -> Entry {
    let called = now();
    let outcome = shop.ask(&format!("{seed}-{number}"), &request).await;
    // What nobody learnt of may happen at any time after.
    let answered = match outcome {
        Outcome::Unknown => u64::MAX,
        _ => now(),
    };
    Entry {
        called,
        answered,
        request,
        outcome,
    }
}

/// A client's requests are numbered from its own number times this.
const PER_CLIENT: u32 = 10_000;

struct Client {
    rng: Rng,
    plan: Plan,
    number: u32,
    last_seen: Option<Seen>,
    placed: Vec<u32>,
}

impl Client {
    fn new(plan: Plan, number: u32) -> Self {
        Self {
            rng: Rng::with_seed(plan.seed.wrapping_mul(31).wrapping_add(number.into())),
            plan,
            number,
            last_seen: None,
            placed: Vec::new(),
        }
    }

    async fn run<S: Shop>(mut self, shop: &S, now: &impl Fn() -> u64) -> History {
        let mut history = Vec::new();
        for number in 0..self.plan.requests {
            let number = self.number * PER_CLIENT + number;
            let request = self.choose(number);
            let entry = observe(shop, now, self.plan.seed, number, request).await;
            self.learn(&entry);
            history.push(entry);
        }
        history
    }

    fn choose(&mut self, number: u32) -> Request {
        let quantity = self.rng.i64(1..=3);
        match (self.rng.u32(0..100), self.plan.mix, self.last_seen) {
            (0..20, _, _) | (_, Mix::Counts, None) => Request::Read,
            (20..40, _, _) if !self.placed.is_empty() => {
                let which = self.rng.usize(0..self.placed.len());
                // Now and then it cancels twice.
                let order = if self.rng.bool() {
                    self.placed.swap_remove(which)
                } else {
                    self.placed[which]
                };
                Request::Cancel { order }
            }
            (75..85, Mix::Tills, _) => Request::Place {
                order: number,
                quantity,
                at_the_till: true,
            },
            (85.., Mix::Tills, _) => Request::Adjust {
                delta: self.delta(),
                expected: None,
            },
            (75..88, Mix::Counts, Some(seen)) => Request::Adjust {
                delta: self.delta(),
                expected: Some(seen.version),
            },
            (88.., Mix::Counts, Some(seen)) => Request::Count {
                quantity: self.rng.i64(5..=12),
                expected: seen.version,
            },
            _ => Request::Place {
                order: number,
                quantity,
                at_the_till: false,
            },
        }
    }

    fn delta(&mut self) -> i64 {
        *self.rng.choice(&[-2, -1, 1, 2, 3]).unwrap_or(&1)
    }

    fn learn(&mut self, entry: &Entry) {
        match (&entry.request, &entry.outcome) {
            (_, Outcome::Level(seen)) => self.last_seen = Some(*seen),
            (
                Request::Place {
                    order,
                    at_the_till: false,
                    ..
                },
                Outcome::Placed,
            ) => self.placed.push(*order),
            _ => {}
        }
    }
}
