//! One load on one SKU.

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
use stockline_application::ports::stock::{MissingLevel, StockStore};
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

/// What arrives.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Orders a second.
    pub rate: u32,
    /// How many in all.
    pub orders: u32,
    /// How many items the SKU's stock is spread over.
    pub buckets: u8,
    /// How long each order is tried.
    pub deadline: Duration,
    /// The median of a transaction's latency.
    pub transaction: Duration,
    /// What is drawn is drawn from this.
    pub seed: u64,
}

/// What became of it.
#[derive(Debug)]
pub struct Outcome {
    /// For how long orders arrived.
    pub window: Duration,
    /// Answers of placed orders that came in that time.
    pub placed_in_window: u32,
    /// How long each placed order took, shortest first.
    pub latencies: Vec<Duration>,
    /// Orders told to come again: 503.
    pub busy: u32,
    /// Orders that sent `TransactWriteItems` more than once.
    pub retried: u32,
    /// How often all orders together sent `TransactWriteItems`.
    pub tries: u32,
    /// How the service's requests ended.
    pub tally: RequestCounts,
}

/// The location and what its orders want of it.
const LOCATION: &str = "store-1";

const SKU: &str = "milk";

/// Runs it, on a clock of its own.
pub fn run(load: &Load) -> std::io::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    Ok(runtime.block_on(arrive(load)))
}

async fn arrive(load: &Load) -> Outcome {
    let timing = Timing {
        transaction: load.transaction,
        ..Timing::default()
    };
    let database = SimulatedDynamoDb::with_limits(load.seed, timing, Throughput::default());
    let client = counting(&database.aws().dynamodb());
    let (orders, stock) = (
        database.create_table(Table::Orders),
        database.create_table(Table::Stock),
    );
    let shop = DynamoShop::new(client.clone(), client, orders, stock);
    fill_shelf(&database, &shop, load.buckets).await;
    let mut random = fastrand::Rng::with_seed(load.seed);
    let (begun, mut arrival) = (Instant::now(), Duration::ZERO);
    let mut answers = JoinSet::new();
    for number in 0..load.orders {
        // Arrivals of a Poisson process are apart by times of the exponential distribution.
        let gap = -(1.0 - random.f64()).ln() / f64::from(load.rate);
        arrival += Duration::from_secs_f64(gap);
        sleep_until(begun + arrival).await;
        let (shop, deadline) = (shop.clone(), load.deadline);
        answers.spawn(TRIES.scope(Cell::new(0), async move {
            let answer = place(&shop, number, deadline).await;
            (answer, TRIES.with(Cell::get))
        }));
    }
    let window = begun.elapsed();
    let mut outcome = Outcome {
        window,
        placed_in_window: 0,
        latencies: Vec::new(),
        busy: 0,
        retried: 0,
        tries: 0,
        tally: RequestCounts::default(),
    };
    while let Some(answer) = answers.join_next().await {
        let (answer, tries) = answer.expect("an order was not answered");
        outcome.tries += tries;
        outcome.retried += u32::from(tries > 1);
        match answer {
            Answer::Placed { at, took } => {
                outcome.latencies.push(took);
                outcome.placed_in_window += u32::from(at <= begun + window);
            }
            Answer::Busy => outcome.busy += 1,
        }
    }
    outcome.latencies.sort_unstable();
    outcome.tally = database.request_counts();
    outcome
}

tokio::task_local! {
    /// How often the order that this task places has sent `TransactWriteItems`, the AWS client's own tries among them.
    static TRIES: Cell<u32>;
}

/// Counts what the task's order sends.
#[derive(Debug)]
struct CountsTries;

impl Intercept for CountsTries {
    fn name(&self) -> &'static str {
        "counts tries"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target");
        if target.is_some_and(|target| target.ends_with(".TransactWriteItems")) {
            TRIES.with(|tries| tries.set(tries.get() + 1));
        }
        Ok(())
    }
}

fn counting(client: &Client) -> Client {
    Client::from_conf(
        client
            .config()
            .to_builder()
            .interceptor(CountsTries)
            .build(),
    )
}

/// Puts more than is wanted on the shelf, spread over `buckets`.
async fn fill_shelf(database: &SimulatedDynamoDb, shop: &DynamoShop, buckets: u8) {
    let stock = DynamoStock::new(database.aws().dynamodb(), shop.stock_table.clone());
    // What is there is evened out when the level is split.
    apply(&stock, LOCATION, 0, &receipt(LOCATION, 1_000_000)).await;
    let policy = json!({"reorder_point": 1, "target_level": 9, "buckets": buckets});
    let policy = serde_json::from_value(policy).expect("a policy");
    let level = key(LOCATION, SKU);
    let create = MissingLevel::Create;
    stock
        .set_policy(&level, &policy, create, minute(0), deadline())
        .await
        .expect("the level is split");
}

/// What one order is told.
enum Answer {
    Placed { at: Instant, took: Duration },
    Busy,
}

async fn place(shop: &DynamoShop, number: u32, patience: Duration) -> Answer {
    let mut order = order(&number.to_string(), LOCATION, "pos", &[(SKU, 1)]);
    // Orders of one millisecond sort by their ids: times apart keep the index's entries apart as well.
    order.placed_at += jiff::SignedDuration::from_millis(number.into());
    let request = Fingerprint::of(&number).expect("a number has a fingerprint");
    let begun = Instant::now();
    let placed = OrderStore::place(shop, &order, &request, Deadline::within(patience)).await;
    match placed {
        Ok(PlaceOutcome::Placed) => Answer::Placed {
            at: Instant::now(),
            took: begun.elapsed(),
        },
        Err(StoreError::Busy) => Answer::Busy,
        other => panic!("neither placed nor busy: {other:?}"),
    }
}
