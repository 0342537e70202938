//! Handles requests: applies latency and faults, and executes the operation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use tokio::time::{Instant, sleep_until};

use super::error::ServiceError;
use super::fault::{Fault, Faults};
use super::read::{batch_get, get_item, query, with_capacity};
use super::request::{ItemWrite, WriteRequest};
use super::store::Store;
use super::timing::{Timing, TransactionPhases};
use super::transaction::{PrepareOutcome, ValidatedTransaction, transact_get};
use super::value::item_json;

/// The result of a call over the simulated connection.
#[derive(Debug)]
pub enum Reply {
    /// The HTTP status and body of the response.
    Response(u16, Json),
    /// The request was lost.
    RequestLost,
    /// The response was lost.
    ResponseLost,
}

/// The number of requests by operation and result code. The code is `OK`, the name of the error, or, for a canceled
/// transaction, the first cancellation reason other than `None`.
pub type RequestCounts = BTreeMap<(String, String), u64>;

/// The simulated service. Clones share one state.
#[derive(Debug, Clone)]
pub struct Service {
    timing: Timing,
    state: Arc<Mutex<ServiceState>>,
}

/// The state that all requests share.
#[derive(Debug)]
pub struct ServiceState {
    /// Tables and what belongs to them.
    pub store: Store,
    /// The faults to inject.
    pub faults: Faults,
    /// Generates latencies, faults, and the order of batch responses.
    pub random: Rng,
    /// The requests by result.
    pub request_counts: RequestCounts,
}

type OperationResult = Result<Json, ServiceError>;

impl Service {
    /// Creates a service with the given state.
    pub fn new(timing: Timing, state: ServiceState) -> Self {
        Self {
            timing,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Locks the shared state.
    pub fn state(&self) -> MutexGuard<'_, ServiceState> {
        self.state.lock().unwrap()
    }

    /// Handles one request. A spawned task executes it, so that it completes even if the caller stops waiting.
    pub async fn call(&self, operation: String, body: Vec<u8>) -> Reply {
        let service = self.clone();
        match tokio::spawn(async move { service.handle(&operation, &body).await }).await {
            Ok(reply) => reply,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    async fn handle(&self, operation: &str, body: &[u8]) -> Reply {
        let started_at = Instant::now();
        let (fault, latency, phases) = {
            let mut state = self.state();
            let ServiceState {
                store,
                faults,
                random,
                ..
            } = &mut *state;
            store.buckets.bill.add_request(operation);
            let fault = faults.take_fault(operation, random);
            (
                fault,
                self.timing.single(random),
                self.timing.transaction(random),
            )
        };
        match fault {
            Some(Fault::RequestLost) => {
                sleep_until(started_at + latency).await;
                return Reply::RequestLost;
            }
            Some(Fault::ErrorBefore) => {
                sleep_until(started_at + latency).await;
                return reply(Err(ServiceError::internal()));
            }
            _ => {}
        }
        let result = if operation == "TransactWriteItems" {
            self.transact_write(body, started_at, phases).await
        } else {
            let latency = if operation == "TransactGetItems" {
                phases.response
            } else {
                latency
            };
            self.execute_at_midpoint(operation, body, started_at, latency)
                .await
        };
        let code = result
            .as_ref()
            .map_or_else(result_code, |_| "OK".to_owned());
        *self
            .state()
            .request_counts
            .entry((operation.to_owned(), code))
            .or_default() += 1;
        match fault {
            Some(Fault::ResponseLost) => Reply::ResponseLost,
            Some(Fault::ErrorAfter) => reply(Err(ServiceError::internal())),
            Some(Fault::Delay(delay)) => {
                sleep_until(Instant::now() + delay).await;
                reply(result)
            }
            _ => reply(result),
        }
    }

    /// Executes an operation atomically, halfway between request and response.
    async fn execute_at_midpoint(
        &self,
        operation: &str,
        body: &[u8],
        started_at: Instant,
        latency: Duration,
    ) -> OperationResult {
        sleep_until(started_at + latency / 2).await;
        let result = self.state().execute(operation, body);
        sleep_until(started_at + latency).await;
        result
    }

    async fn transact_write(
        &self,
        body: &[u8],
        started_at: Instant,
        phases: TransactionPhases,
    ) -> OperationResult {
        let transaction = ValidatedTransaction::new(parse(body)?)?;
        sleep_until(started_at + phases.prepare).await;
        let prepared = transaction.prepare(&mut self.state().store, Instant::now());
        let result = match prepared {
            Err(error) => Err(error),
            Ok(PrepareOutcome::Replayed(response)) => Ok(response),
            Ok(PrepareOutcome::Prepared(transaction)) => {
                sleep_until(started_at + phases.commit).await;
                transaction.finish(&mut self.state().store, Instant::now())
            }
        };
        sleep_until(started_at + phases.response).await;
        result
    }
}

impl ServiceState {
    fn execute(&mut self, operation: &str, body: &[u8]) -> OperationResult {
        let now = Instant::now();
        match operation {
            "GetItem" => get_item(&mut self.store, parse(body)?, now),
            "BatchGetItem" => batch_get(&mut self.store, parse(body)?, &mut self.random, now),
            "Query" => query(&mut self.store, parse(body)?, now),
            "TransactGetItems" => transact_get(&mut self.store, parse(body)?, now),
            "PutItem" => self.write(body, ItemWrite::put),
            "UpdateItem" => self.write(body, ItemWrite::update),
            "DeleteItem" => self.write(body, ItemWrite::delete),
            other => Err(ServiceError::unknown_operation(other)),
        }
    }

    fn write(
        &mut self,
        body: &[u8],
        parse_write: impl FnOnce(WriteRequest) -> Result<ItemWrite, ServiceError>,
    ) -> OperationResult {
        let request: WriteRequest = parse(body)?;
        let detail = request.return_consumed_capacity;
        let write = parse_write(request)?;
        let (written, consumed) = self.store.write(&write, Instant::now())?;
        let mut response = json!({});
        if let Some(item) = written.returned_attributes(&write) {
            response["Attributes"] = item_json(&item);
        }
        Ok(with_capacity(response, &write.table, &consumed, detail))
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ServiceError> {
    serde_json::from_slice(body).map_err(|error| ServiceError::validation(error.to_string()))
}

fn reply(result: OperationResult) -> Reply {
    match result {
        Ok(body) => Reply::Response(200, body),
        Err(error) => Reply::Response(error.status, error.body()),
    }
}

fn result_code(error: &ServiceError) -> String {
    error.body()["CancellationReasons"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|reason| reason["Code"].as_str())
        .find(|code| *code != "None")
        .unwrap_or(error.code)
        .to_owned()
}
