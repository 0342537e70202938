//! Concurrent clients that send random requests for one level and record each request with its outcome.

use std::future::Future;
use std::time::Instant;

use fastrand::Rng;
use futures::future::join_all;

use super::{Entry, History, LevelSnapshot, Request, RequestOutcome};

/// The system under test: it executes requests for one SKU at one location.
pub trait StockService {
    /// Sends `request` under the idempotency key `key`, and retries until its outcome is known.
    fn execute(&self, key: &str, request: &Request) -> impl Future<Output = RequestOutcome>;
}

/// The requests that clients send besides reads, online orders and cancellations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestMix {
    /// Point-of-sale orders, and adjustments without an expected version.
    WithSales,
    /// Adjustments and counts that expect the version the client last read. There are no point-of-sale orders: a sale
    /// that happens at the moment of a count is ordered before or after it by timestamps, which the sequential
    /// specification does not model.
    WithCounts,
}

/// The size and the seed of one recording.
#[derive(Debug, Clone, Copy)]
pub struct RecordingConfig {
    /// Seeds the requests that clients choose.
    pub seed: u64,
    /// Number of clients, at most 8.
    pub clients: u32,
    /// Number of requests each client sends.
    pub requests_per_client: u32,
    /// Kinds of requests.
    pub mix: RequestMix,
}

/// Runs the clients of `config` concurrently against `service` and returns the recorded history. Its first entry is a
/// read that completes before any client starts.
pub async fn record_history<Service: StockService>(
    service: &Service,
    config: RecordingConfig,
) -> History {
    let start = Instant::now();
    let now = || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let first = execute_timed(service, &now, config.seed, 0, Request::Read).await;
    let clients = (1..=config.clients).map(|number| Client::new(config, number).run(service, &now));
    let histories = join_all(clients).await;
    std::iter::once(first)
        .chain(histories.into_iter().flatten())
        .collect()
}

async fn execute_timed<Service: StockService>(
    service: &Service,
    now: &impl Fn() -> u64,
    seed: u64,
    number: u32,
    request: Request,
) -> Entry {
    let called_ns = now();
    let outcome = service.execute(&format!("{seed}-{number}"), &request).await;
    // A request without a known outcome may take effect at any later time.
    let settled_ns = match outcome {
        RequestOutcome::Unknown => u64::MAX,
        _ => now(),
    };
    Entry {
        called_ns,
        settled_ns,
        request,
        outcome,
    }
}

/// Request numbers are unique: client number times this constant, plus the client's own counter.
const NUMBERS_PER_CLIENT: u32 = 10_000;

struct Client {
    rng: Rng,
    config: RecordingConfig,
    number: u32,
    last_read: Option<LevelSnapshot>,
    placed: Vec<u32>,
}

impl Client {
    fn new(config: RecordingConfig, number: u32) -> Self {
        Self {
            rng: Rng::with_seed(config.seed.wrapping_mul(31).wrapping_add(number.into())),
            config,
            number,
            last_read: None,
            placed: Vec::new(),
        }
    }

    async fn run<Service: StockService>(
        mut self,
        service: &Service,
        now: &impl Fn() -> u64,
    ) -> History {
        let mut history = Vec::new();
        for number in 0..self.config.requests_per_client {
            let number = self.number * NUMBERS_PER_CLIENT + number;
            let request = self.choose_request(number);
            let entry = execute_timed(service, now, self.config.seed, number, request).await;
            self.remember(&entry);
            history.push(entry);
        }
        history
    }

    fn choose_request(&mut self, number: u32) -> Request {
        let quantity = self.rng.i64(1..=3);
        match (self.rng.u32(0..100), self.config.mix, self.last_read) {
            (0..20, _, _) | (_, RequestMix::WithCounts, None) => Request::Read,
            (20..40, _, _) if !self.placed.is_empty() => {
                let index = self.rng.usize(0..self.placed.len());
                // Keep the order in the list half of the time, so that some orders are canceled twice.
                let order = if self.rng.bool() {
                    self.placed.swap_remove(index)
                } else {
                    self.placed[index]
                };
                Request::Cancel { order }
            }
            (75..85, RequestMix::WithSales, _) => Request::Place {
                order: number,
                quantity,
                is_pos: true,
            },
            (85.., RequestMix::WithSales, _) => Request::Adjust {
                delta: self.delta(),
                expected: None,
            },
            (75..88, RequestMix::WithCounts, Some(snapshot)) => Request::Adjust {
                delta: self.delta(),
                expected: Some(snapshot.version),
            },
            (88.., RequestMix::WithCounts, Some(snapshot)) => Request::Count {
                quantity: self.rng.i64(5..=12),
                expected: snapshot.version,
            },
            _ => Request::Place {
                order: number,
                quantity,
                is_pos: false,
            },
        }
    }

    fn delta(&mut self) -> i64 {
        *self.rng.choice(&[-2, -1, 1, 2, 3]).unwrap_or(&1)
    }

    fn remember(&mut self, entry: &Entry) {
        match (&entry.request, &entry.outcome) {
            (_, RequestOutcome::Level(snapshot)) => self.last_read = Some(*snapshot),
            (
                Request::Place {
                    order,
                    is_pos: false,
                    ..
                },
                RequestOutcome::Placed,
            ) => self.placed.push(*order),
            _ => {}
        }
    }
}
