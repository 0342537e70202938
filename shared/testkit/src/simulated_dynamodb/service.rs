//! One request through the service: how long it takes, what goes wrong with it, and what is done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use tokio::time::{Instant, sleep_until};

use super::error::ServiceError;
use super::fault::{Fault, Faults};
use super::read::{batch_get, get, query, told};
use super::request::{Write, WriteRequest};
use super::store::Store;
use super::timing::{Steps, Timing};
use super::transaction::{self, Begun, Checked};
use super::value::item_json;

/// What came back.
#[derive(Debug)]
pub enum Reply {
    /// An answer: its status and body.
    Answered(u16, Json),
    /// The request never arrived.
    RequestLost,
    /// The answer was lost.
    ResponseLost,
}

/// How often each operation ended how: an error's name, or `OK`; of a canceled transaction, its first item's reason that
/// is one.
pub type Tally = BTreeMap<(String, String), u64>;

/// The service. A clone is the same one.
#[derive(Debug, Clone)]
pub struct Service {
    timing: Timing,
    inside: Arc<Mutex<Inside>>,
}

/// What its requests share.
#[derive(Debug)]
pub struct Inside {
    /// Tables and all that.
    pub store: Store,
    /// What goes wrong.
    pub faults: Faults,
    /// Draws latencies, faults, and the order of batches.
    pub random: Rng,
    /// How requests ended.
    pub tally: Tally,
}

type Answer = Result<Json, ServiceError>;

impl Service {
    /// Over `inside`.
    pub fn new(timing: Timing, inside: Inside) -> Self {
        Self {
            timing,
            inside: Arc::new(Mutex::new(inside)),
        }
    }

    /// What its requests share, for one at a time.
    pub fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    /// One request. What has arrived is done, even if nobody waits for the answer.
    pub async fn call(&self, operation: String, body: Vec<u8>) -> Reply {
        let service = self.clone();
        match tokio::spawn(async move { service.serve(&operation, &body).await }).await {
            Ok(reply) => reply,
            Err(broken) => std::panic::resume_unwind(broken.into_panic()),
        }
    }

    async fn serve(&self, operation: &str, body: &[u8]) -> Reply {
        let begun = Instant::now();
        let (fault, single, steps) = {
            let mut inside = self.inside();
            let Inside {
                store,
                faults,
                random,
                ..
            } = &mut *inside;
            store.buckets.bill.asked(operation);
            let fault = faults.draw(operation, random);
            (
                fault,
                self.timing.single(random),
                self.timing.transaction(random),
            )
        };
        match fault {
            Some(Fault::RequestLost) => {
                sleep_until(begun + single).await;
                return Reply::RequestLost;
            }
            Some(Fault::ErrorBefore) => {
                sleep_until(begun + single).await;
                return reply(Err(ServiceError::internal()));
            }
            _ => {}
        }
        let answer = if operation == "TransactWriteItems" {
            self.transact(body, begun, steps).await
        } else {
            let took = if operation == "TransactGetItems" {
                steps.answer
            } else {
                single
            };
            self.at_once(operation, body, begun, took).await
        };
        let ended = answer.as_ref().map_or_else(ending, |_| "OK".to_owned());
        *self
            .inside()
            .tally
            .entry((operation.to_owned(), ended))
            .or_default() += 1;
        match fault {
            Some(Fault::ResponseLost) => Reply::ResponseLost,
            Some(Fault::ErrorAfter) => reply(Err(ServiceError::internal())),
            Some(Fault::Delay(time)) => {
                sleep_until(Instant::now() + time).await;
                reply(answer)
            }
            _ => reply(answer),
        }
    }

    /// Whatever is done in one moment, half-way between request and answer.
    async fn at_once(&self, name: &str, body: &[u8], begun: Instant, took: Duration) -> Answer {
        sleep_until(begun + took / 2).await;
        let answer = self.inside().run(name, body);
        sleep_until(begun + took).await;
        answer
    }

    async fn transact(&self, body: &[u8], begun: Instant, steps: Steps) -> Answer {
        let checked = Checked::new(read(body)?)?;
        sleep_until(begun + steps.prepare).await;
        let prepared = checked.begin(&mut self.inside().store, Instant::now());
        let answer = match prepared {
            Err(refused) => Err(refused),
            Ok(Begun::Before(answer)) => Ok(answer),
            Ok(Begun::Prepared(transaction)) => {
                sleep_until(begun + steps.commit).await;
                transaction.end(&mut self.inside().store, Instant::now())
            }
        };
        sleep_until(begun + steps.answer).await;
        answer
    }
}

impl Inside {
    fn run(&mut self, operation: &str, body: &[u8]) -> Answer {
        let now = Instant::now();
        match operation {
            "GetItem" => get(&mut self.store, read(body)?, now),
            "BatchGetItem" => batch_get(&mut self.store, read(body)?, &mut self.random, now),
            "Query" => query(&mut self.store, read(body)?, now),
            "TransactGetItems" => transaction::get(&mut self.store, read(body)?, now),
            "PutItem" => self.write(body, Write::put),
            "UpdateItem" => self.write(body, Write::update),
            "DeleteItem" => self.write(body, Write::delete),
            other => Err(ServiceError::unknown_operation(other)),
        }
    }

    fn write(
        &mut self,
        body: &[u8],
        read_write: impl FnOnce(WriteRequest) -> Result<Write, ServiceError>,
    ) -> Answer {
        let request: WriteRequest = read(body)?;
        let detail = request.return_consumed_capacity;
        let write = read_write(request)?;
        let (done, consumed) = self.store.write(&write, Instant::now())?;
        let mut answer = json!({});
        if let Some(item) = done.returned(&write) {
            answer["Attributes"] = item_json(&item);
        }
        Ok(told(answer, &write.table, &consumed, detail))
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ServiceError> {
    serde_json::from_slice(body).map_err(|wrong| ServiceError::validation(wrong.to_string()))
}

fn reply(answer: Answer) -> Reply {
    match answer {
        Ok(body) => Reply::Answered(200, body),
        Err(error) => Reply::Answered(error.status, error.body()),
    }
}

fn ending(error: &ServiceError) -> String {
    error.body()["CancellationReasons"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|reason| reason["Code"].as_str())
        .find(|code| *code != "None")
        .unwrap_or(error.code)
        .to_owned()
}
