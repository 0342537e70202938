//! Simulates one load of orders on one SKU.

use std::cell::Cell;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use serde_json::json;
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_application::ports::stock::StockStore;
use stockline_application::store_error::StoreError;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_testkit::cloud::Table;
use stockline_testkit::conformance::orders::minute;
use stockline_testkit::conformance::stock::{apply, deadline, key, receipt};
use stockline_testkit::dynamo_shop::DynamoShop;
use stockline_testkit::orders::order;
use stockline_testkit::simulated_dynamodb::{RequestCounts, SimulatedDynamoDb, Throughput, Timing};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// The load, and the parameters of the simulation.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// The arrival rate, in orders per second.
    pub rate: u32,
    /// The number of orders.
    pub orders: u32,
    /// The number of buckets of the level.
    pub buckets: u8,
    /// The time for each order, all its attempts included.
    pub deadline: Duration,
    /// The median latency of a transaction.
    pub transaction: Duration,
    /// The seed of all random numbers.
    pub seed: u64,
}

/// What was measured under one load.
#[derive(Debug)]
pub struct Measurement {
    /// The time during which orders arrived.
    pub arrival_window: Duration,
    /// The orders placed during that time.
    pub placed_in_window: u32,
    /// The latency of each placed order, in ascending order.
    pub latencies: Vec<Duration>,
    /// The orders that failed with [`StoreError::Busy`], which a client gets as 503.
    pub busy: u32,
    /// The orders that sent `TransactWriteItems` more than once.
    pub retried: u32,
    /// The number of `TransactWriteItems` requests of all orders.
    pub attempts: u32,
    /// The requests by their result.
    pub request_counts: RequestCounts,
}

/// The location of all orders.
const LOCATION: &str = "store-1";

/// The SKU of all orders.
const SKU: &str = "milk";

/// Simulates `load` on a paused clock, which skips idle time.
pub fn run(load: &Load) -> std::io::Result<Measurement> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    Ok(runtime.block_on(simulate(load)))
}

async fn simulate(load: &Load) -> Measurement {
    let timing = Timing {
        transaction: load.transaction,
        ..Timing::default()
    };
    let database = SimulatedDynamoDb::with_limits(load.seed, timing, Throughput::default());
    let client = count_attempts(&database.aws().dynamodb());
    let (orders, stock) = (
        database.create_table(Table::Orders),
        database.create_table(Table::Stock),
    );
    let shop = DynamoShop::new(client.clone(), client, orders, stock);
    create_level(&database, &shop, load.buckets).await;
    let mut random = fastrand::Rng::with_seed(load.seed);
    let (started, mut arrival) = (Instant::now(), Duration::ZERO);
    let mut placements = JoinSet::new();
    for number in 0..load.orders {
        // A Poisson process: the times between arrivals are exponentially distributed.
        let gap = -(1.0 - random.f64()).ln() / f64::from(load.rate);
        arrival += Duration::from_secs_f64(gap);
        sleep_until(started + arrival).await;
        let (shop, deadline) = (shop.clone(), load.deadline);
        placements.spawn(ATTEMPTS.scope(Cell::new(0), async move {
            let placement = place(&shop, number, deadline).await;
            (placement, ATTEMPTS.with(Cell::get))
        }));
    }
    let arrival_window = started.elapsed();
    let mut measured = Measurement {
        arrival_window,
        placed_in_window: 0,
        latencies: Vec::new(),
        busy: 0,
        retried: 0,
        attempts: 0,
        request_counts: RequestCounts::default(),
    };
    while let Some(joined) = placements.join_next().await {
        let (placement, attempts) = joined.expect("placing an order panicked");
        measured.attempts += attempts;
        measured.retried += u32::from(attempts > 1);
        match placement {
            Placement::Placed { at, latency } => {
                measured.latencies.push(latency);
                measured.placed_in_window += u32::from(at <= started + arrival_window);
            }
            Placement::Busy => measured.busy += 1,
        }
    }
    measured.latencies.sort_unstable();
    measured.request_counts = database.request_counts();
    measured
}

tokio::task_local! {
    /// The `TransactWriteItems` requests sent for the order of this task, retries of the AWS client included.
    static ATTEMPTS: Cell<u32>;
}

/// Counts the attempts of the current task.
#[derive(Debug)]
struct AttemptCounter;

impl Intercept for AttemptCounter {
    fn name(&self) -> &'static str {
        "attempt counter"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target");
        if target.is_some_and(|target| target.ends_with(".TransactWriteItems")) {
            ATTEMPTS.with(|attempts| attempts.set(attempts.get() + 1));
        }
        Ok(())
    }
}

/// The same client, with an [`AttemptCounter`].
fn count_attempts(client: &Client) -> Client {
    Client::from_conf(
        client
            .config()
            .to_builder()
            .interceptor(AttemptCounter)
            .build(),
    )
}

/// Creates the level with more stock than all orders need, split over `buckets`.
async fn create_level(database: &SimulatedDynamoDb, shop: &DynamoShop, buckets: u8) {
    let stock = DynamoStock::new(database.aws().dynamodb(), shop.stock_table.clone());
    // Splitting the level distributes its stock over the buckets, so receive the stock first.
    apply(&stock, LOCATION, 0, &receipt(LOCATION, 1_000_000)).await;
    let policy = json!({"reorder_point": 1, "target_level": 9, "buckets": buckets});
    let policy = serde_json::from_value(policy).expect("a policy");
    let level = key(LOCATION, SKU);
    let split = stock.set_policy(&level, &policy, minute(0), deadline());
    split.await.expect("the level is split");
}

/// The result of placing one order.
enum Placement {
    Placed { at: Instant, latency: Duration },
    Busy,
}

async fn place(shop: &DynamoShop, number: u32, time_limit: Duration) -> Placement {
    let mut order = order(&number.to_string(), LOCATION, "pos", &[(SKU, 1)]);
    // Distinct times, as real orders have: they are part of the sort key in the index.
    order.placed_at += jiff::SignedDuration::from_millis(number.into());
    let request = Fingerprint::of(&number).expect("a number has a fingerprint");
    let started = Instant::now();
    let placed = OrderStore::place(shop, &order, &request, Deadline::within(time_limit)).await;
    match placed {
        Ok(PlaceOutcome::Placed) => Placement::Placed {
            at: Instant::now(),
            latency: started.elapsed(),
        },
        Err(StoreError::Busy) => Placement::Busy,
        other => panic!("neither placed nor busy: {other:?}"),
    }
}
