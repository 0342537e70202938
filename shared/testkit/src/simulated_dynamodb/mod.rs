//! An in-process simulation of DynamoDB with the real service's limits: throttling, latency and transaction conflicts,
//! which a local cloud does not have.
//!
//! The real adapters call it through the real AWS client; only the HTTP connector is replaced. It runs on tokio's clock:
//! under `#[tokio::test(start_paused = true)]` minutes of contention take milliseconds of real time, and a run is
//! reproducible from its seed (tokio's timer has a resolution of 1 ms, so latencies are rounded up to it).
//!
//! **Simulated:** the operations that Stockline uses (`GetItem`, `BatchGetItem`, `Query`, `PutItem`, `UpdateItem`,
//! `DeleteItem`, `TransactWriteItems`, `TransactGetItems`); the full grammars of condition, update, projection and key condition
//! expressions, with reserved words; numbers of 38 digits; the size limits of items, pages, batches and transactions; client
//! request tokens; consumed capacity; latency; transactions that lock their items between prepare and commit; partitions of
//! 1,000 write and 3,000 read units a second; the stream; injected faults. A parameter or an expression that is not
//! simulated is rejected.
//!
//! **Not simulated:** number and binary keys, local secondary indexes, `Scan`, batch writes, legacy parameters, TTL; the
//! lag of indexes and of eventually consistent reads; the warm-up of a new table; table and account limits; a conflict between a
//! single-item write and a `TransactGetItems`, because a single-item write is instantaneous here. Error codes and HTTP
//! statuses are DynamoDB's; error messages are where its documentation gives them.

mod bill;
mod capacity;
mod client_tokens;
mod connection;
mod error;
mod expression;
mod fault;
mod number;
mod read;
mod request;
mod service;
mod store;
mod table;
mod timing;
mod transaction;
mod value;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use fastrand::Rng;
use stockline_platform::clients::Aws;

use crate::cloud::{Table as Layout, credentials};

pub use bill::{Bill, CostTable};
pub use capacity::Throughput;
pub use fault::{Fault, FaultRates};
pub use service::RequestCounts;
pub use store::Change;
pub use table::Key;
pub use timing::Timing;
pub use value::{Item, Value};

use connection::Connection;
use fault::Faults;
use service::{Service, ServiceState};
use store::Store;
use table::Table;

/// A simulated DynamoDB. Clones share one state.
#[derive(Debug, Clone)]
pub struct SimulatedDynamoDb {
    service: Service,
}

impl SimulatedDynamoDb {
    /// Creates a service without tables. All random values derive from `seed`, including the jitter of retries on this
    /// thread.
    pub fn new(seed: u64) -> Self {
        Self::with_limits(seed, Timing::default(), Throughput::default())
    }

    /// Like [`Self::new`], with the given latencies and partition throughput.
    pub fn with_limits(seed: u64, timing: Timing, throughput: Throughput) -> Self {
        fastrand::seed(seed);
        let state = ServiceState {
            store: Store::new(throughput),
            faults: Faults::default(),
            random: Rng::with_seed(seed),
            request_counts: RequestCounts::default(),
        };
        Self {
            service: Service::new(timing, state),
        }
    }

    /// Creates an empty table and returns its name.
    pub fn create_table(&self, layout: Layout) -> String {
        let name = format!("simulated-{layout:?}").to_lowercase();
        let tables = &mut self.service.state().store.tables;
        tables.insert(name.clone(), Table::new(layout));
        name
    }

    /// Returns AWS clients whose DynamoDB is this service. No other AWS service is reachable.
    pub fn aws(&self) -> Aws {
        let http = SharedHttpClient::new(Connection::new(self.service.clone()));
        let region = "eu-central-1".to_owned();
        Aws::over(http, credentials(), region, Some("http://dynamodb.invalid"))
    }

    /// Injects `fault` into the next request of `operation`, such as `TransactWriteItems`. Several calls for one operation
    /// apply to its requests in turn.
    pub fn fail_next(&self, operation: &str, fault: Fault) {
        self.service.state().faults.enqueue(operation, fault);
    }

    /// Sets the rates of random faults.
    pub fn set_fault_rates(&self, rates: FaultRates) {
        self.service.state().faults.rates = rates;
    }

    /// Removes and returns the stream records of `table` since the last call, in commit order.
    pub fn take_changes(&self, table: &str) -> Vec<Change> {
        let changes = &mut self.service.state().store.changes;
        let (taken, remaining) = std::mem::take(changes)
            .into_iter()
            .partition(|change| change.table == table);
        *changes = remaining;
        taken
    }

    /// Returns all items of `table`, sorted by key.
    pub fn items(&self, table: &str) -> Vec<Item> {
        let state = self.service.state();
        let table = state.store.tables.get(table);
        table.into_iter().flat_map(Table::items).cloned().collect()
    }

    /// Returns the requests and consumed capacity since the last call, and resets them.
    pub fn take_bill(&self) -> Bill {
        std::mem::take(&mut self.service.state().store.buckets.bill)
    }

    /// Returns how many requests of each operation have ended with each result code.
    pub fn request_counts(&self) -> RequestCounts {
        self.service.state().request_counts.clone()
    }
}
