//! A DynamoDB in this process, with the real service's limits: what a local cloud accepts in no time, DynamoDB may throttle
//! or refuse because another transaction is under way.
//!
//! The real adapters speak to it through the real AWS client; only the HTTP connection under it is replaced. It runs on
//! tokio's clock: under `#[tokio::test(start_paused = true)]` minutes of contention pass in no time, and one seed gives one
//! course of events (tokio counts time in whole milliseconds, so latencies are rounded up to them).
//!
//! **Simulated:** the operations that Stockline uses (`GetItem`, `BatchGetItem`, `Query`, `PutItem`, `UpdateItem`, `DeleteItem`,
//! `TransactWriteItems`, `TransactGetItems`); conditions, updates, projections and key conditions by their grammars, with
//! reserved words; numbers of 38 digits; sizes and limits of items, pages, batches and transactions; client tokens; consumed
//! capacity; latency; transactions that hold their items between prepare and commit; partitions of 1,000 write and 3,000 read
//! units a second; the stream; faults on demand. A parameter or an expression that is not simulated is refused.
//!
//! **Not simulated:** keys that are no strings, local indexes, `Scan`, batched writes, legacy parameters, time to live; indexes
//! and eventually consistent reads that lag behind; a new table's warming up; limits of a table or an account; a single write
//! that stands in the way of a `TransactGetItems`, as single writes here take no time at the item. Error messages are
//! DynamoDB's where its documentation gives them; codes and statuses always.

mod bill;
mod capacity;
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
pub use service::Tally;
pub use store::Change;
pub use table::Key;
pub use timing::Timing;
pub use value::{Item, Value};

use connection::Connection;
use fault::Faults;
use service::{Inside, Service};
use store::Store;
use table::Table;

/// The simulated service. A clone is the same one.
#[derive(Debug, Clone)]
pub struct SimulatedDynamoDb {
    service: Service,
}

impl SimulatedDynamoDb {
    /// With no tables; everything drawn is drawn from `seed`, also the pauses before this thread's retries.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Timing::default(), Throughput::default())
    }

    /// As [`Self::new`], with other latencies and limits.
    pub fn with(seed: u64, timing: Timing, throughput: Throughput) -> Self {
        fastrand::seed(seed);
        let inside = Inside {
            store: Store::new(throughput),
            faults: Faults::default(),
            random: Rng::with_seed(seed),
            tally: Tally::default(),
        };
        Self {
            service: Service::new(timing, inside),
        }
    }

    /// Makes an empty table, and gives its name.
    pub fn table(&self, layout: Layout) -> String {
        let name = format!("simulated-{layout:?}").to_lowercase();
        let tables = &mut self.service.inside().store.tables;
        tables.insert(name.clone(), Table::new(layout));
        name
    }

    /// AWS with this DynamoDB, and no other service.
    pub fn aws(&self) -> Aws {
        let http = SharedHttpClient::new(Connection::to(self.service.clone()));
        let region = "eu-central-1".to_owned();
        Aws::over(http, credentials(), region, Some("http://dynamodb.invalid"))
    }

    /// The next request of `operation`, such as `TransactWriteItems`, meets `fault`; asked for more often, the ones after it.
    pub fn fail_next(&self, operation: &str, fault: Fault) {
        self.service.inside().faults.ask(operation, fault);
    }

    /// From now on so many requests meet a fault.
    pub fn set_fault_rates(&self, rates: FaultRates) {
        self.service.inside().faults.rates = rates;
    }

    /// The changes committed to `table` since they were last taken, in order.
    pub fn take_changes(&self, table: &str) -> Vec<Change> {
        let changes = &mut self.service.inside().store.changes;
        let (taken, left) = std::mem::take(changes)
            .into_iter()
            .partition(|change| change.table == table);
        *changes = left;
        taken
    }

    /// Every item of `table`, by key.
    pub fn items(&self, table: &str) -> Vec<Item> {
        let inside = self.service.inside();
        let table = inside.store.tables.get(table);
        table.into_iter().flat_map(Table::items).cloned().collect()
    }

    /// What was asked and consumed since this was last taken.
    pub fn take_bill(&self) -> Bill {
        std::mem::take(&mut self.service.inside().store.buckets.bill)
    }

    /// How often each operation ended how, so far.
    pub fn tally(&self) -> Tally {
        self.service.inside().tally.clone()
    }
}
