//! Histories of concurrent clients on one level, with lost requests and responses of DynamoDB, are linearizable.

use std::time::Duration;

use serde_json::json;
use stockline_application::order_lifecycle::{self, CancelOutcome, StepRequest};
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_application::ports::stock::StockStore;
use stockline_application::ports::stock_changes::PendingChange;
use stockline_application::stock_change::{ChangeOutcome, apply_change};
use stockline_application::store_error::StoreError;
use stockline_domain::ids::{CancellationId, RequestId};
use stockline_domain::level::Level;
use stockline_domain::order::CancelOrder;
use stockline_protocol::history::{
    LevelSnapshot, RecordingConfig, Request, RequestMix, RequestOutcome, StockService,
    is_linearizable, record_history,
};
use stockline_testkit::conformance::orders::{deadline, minute, request};
use stockline_testkit::conformance::stock::change;
use stockline_testkit::memory::catalog::EveryLevelStockable;
use stockline_testkit::orders::order;
use stockline_testkit::simulated_dynamodb::FaultRates;

use crate::test_store::{TestStore, milk_key};

/// Faults per 1,000 requests to DynamoDB.
const FAULTS: FaultRates = FaultRates {
    requests_lost: 15,
    responses_lost: 25,
    errors_before: 15,
    errors_after: 15,
};

/// Clients that retry a request until its outcome is known.
struct RetryingClients {
    store: TestStore,
    seed: u64,
}

impl RetryingClients {
    fn name(&self, order: u32) -> String {
        format!("{}-{order}", self.seed)
    }

    async fn try_once(&self, key: &str, operation: &Request) -> Result<RequestOutcome, StoreError> {
        let shop = &self.store.shop;
        Ok(match *operation {
            Request::Read => RequestOutcome::Level(observed(
                &self.store.stock.find(&milk_key()).await?.unwrap(),
            )),
            Request::Place {
                quantity, is_pos, ..
            } => {
                let channel = if is_pos { "pos" } else { "online" };
                let order = order(key, "store-1", channel, &[("milk", quantity)]);
                match OrderStore::place(shop, &order, &request(key), deadline()).await? {
                    PlaceOutcome::Placed | PlaceOutcome::Replayed(_) => RequestOutcome::Placed,
                    PlaceOutcome::Short(short) => RequestOutcome::Short(short[0].available),
                    other => panic!("{other:?}"),
                }
            }
            Request::Cancel { order: number } => {
                let name = self.name(number);
                let placed = order(&name, "store-1", "online", &[("milk", 1)]).order_id;
                let known = OrderStore::find(shop, placed).await?.unwrap();
                let id = CancellationId::derive(placed, "till", key);
                let (body, fingerprint) = (CancelOrder::default(), request(key));
                let at = minute(1);
                let canceled = order_lifecycle::cancel(
                    shop,
                    StepRequest {
                        order: &known,
                        fingerprint: &fingerprint,
                        at,
                        deadline: deadline(),
                    },
                    &body,
                    id,
                )
                .await?;
                assert!(matches!(
                    canceled,
                    CancelOutcome::Canceled(_) | CancelOutcome::Replayed(_)
                ));
                RequestOutcome::Canceled
            }
            Request::Adjust { delta, expected } => {
                let mut body = json!({"kind": "adjustment", "location_id": "store-1", "sku": "milk",
                    "delta": delta, "reason": "correction"});
                if let Some(expected) = expected {
                    body["expected_version"] = expected.into();
                }
                let pending = PendingChange {
                    request: RequestId::derive("manager", key),
                    index: 0,
                    change: &change(body),
                    at: minute(1),
                };
                let stock = &self.store.stock;
                match apply_change(stock, &EveryLevelStockable, pending, deadline()).await? {
                    ChangeOutcome::Applied(levels) | ChangeOutcome::AlreadyApplied(levels) => {
                        RequestOutcome::Level(observed(&levels[0]))
                    }
                    ChangeOutcome::Refused(_) | ChangeOutcome::AlreadyRefused(_) => {
                        RequestOutcome::Refused
                    }
                    ChangeOutcome::NotStockable(reason)
                    | ChangeOutcome::AlreadyNotStockable(reason) => panic!("{reason:?}"),
                }
            }
            Request::Count { .. } => panic!("this mix of requests has no counts"),
        })
    }
}

fn observed(level: &Level) -> LevelSnapshot {
    LevelSnapshot {
        on_hand: level.on_hand,
        allocated: level.allocated,
        version: level.version,
    }
}

impl StockService for RetryingClients {
    async fn execute(&self, key: &str, operation: &Request) -> RequestOutcome {
        loop {
            match self.try_once(key, operation).await {
                Ok(outcome) => return outcome,
                Err(StoreError::Busy | StoreError::Unanswered { .. }) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_histories_are_linearizable() {
    for seed in 0..40 {
        let store = TestStore::with_milk(seed, 10).await;
        store.database.set_fault_rates(FAULTS);
        let plan = RecordingConfig {
            seed,
            clients: 8,
            requests_per_client: 25,
            mix: RequestMix::WithSales,
        };
        let history = record_history(&RetryingClients { store, seed }, plan).await;
        assert!(is_linearizable(&history), "seed {seed}: {history:#?}");
    }
}
