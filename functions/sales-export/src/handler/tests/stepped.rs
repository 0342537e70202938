//! Stores that pass every call of a run to other stores, and stop the run before or after one of them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use jiff::civil::Date;
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Page, Position};
use stockline_application::ports::export::{ExportFile, FileVersion, PutOutcome, StoredFile};
use stockline_application::store_error::StoreError;
use stockline_domain::catalog::{Location, Product};
use stockline_domain::export::late::LateDay;
use stockline_domain::ids::{LocationId, OrderId, Sku};
use stockline_domain::order::{Order, Refund};
use tokio::sync::Notify;

use super::*;

/// A moment in a run: before or after its call of this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The call has had no effect.
    Before(usize),
    /// The call has had its effect, but the run has not seen the response.
    After(usize),
}

/// Stops a run at one moment.
#[derive(Debug, Clone)]
pub struct Steps(Arc<StepState>);

#[derive(Debug)]
struct StepState {
    stop_at: Moment,
    calls: Mutex<usize>,
    stopped: Notify,
    resumed: Notify,
}

impl Steps {
    /// Creates the steps of a run that stops at `stop_at`.
    pub fn until(stop_at: Moment) -> Self {
        Self(Arc::new(StepState {
            stop_at,
            calls: Mutex::new(0),
            stopped: Notify::new(),
            resumed: Notify::new(),
        }))
    }

    /// Waits until the run has stopped.
    pub async fn stopped(&self) {
        self.0.stopped.notified().await;
    }

    /// Lets the run continue.
    pub fn resume(&self) {
        self.0.resumed.notify_one();
    }

    async fn call<T>(&self, call: impl Future<Output = T>) -> T {
        let number = {
            let mut calls = self.0.calls.lock().unwrap();
            *calls += 1;
            *calls - 1
        };
        self.pass(Moment::Before(number)).await;
        let result = call.await;
        self.pass(Moment::After(number)).await;
        result
    }

    async fn pass(&self, moment: Moment) {
        if moment == self.0.stop_at {
            self.0.stopped.notify_one();
            self.0.resumed.notified().await;
        }
    }
}

/// A store whose calls are steps.
#[derive(Debug, Clone)]
pub struct Stepped<Store> {
    store: Store,
    steps: Steps,
}

type SteppedFunction = ExportFunction<
    Stepped<MemoryShop>,
    Stepped<MemoryCatalog>,
    Stepped<MemoryBucket>,
    ParquetEncoder,
    FakeClock,
>;

/// The export of `retailer` whose calls are `steps`.
pub fn stepped(retailer: &Retailer, steps: &Steps) -> SteppedFunction {
    let function = retailer.function();
    ExportFunction {
        export: SalesExport {
            sales: Stepped {
                store: function.export.sales,
                steps: steps.clone(),
            },
            catalog: Stepped {
                store: function.export.catalog,
                steps: steps.clone(),
            },
            bucket: Stepped {
                store: function.export.bucket,
                steps: steps.clone(),
            },
            encoder: function.export.encoder,
        },
        clock: function.clock,
    }
}

impl<Store: SalesReader> SalesReader for Stepped<Store> {
    async fn page(
        &self,
        location: &LocationId,
        business_date: Date,
        after: Option<Position>,
    ) -> Result<Listing<Order>, StoreError> {
        let call = self.store.page(location, business_date, after);
        self.steps.call(call).await
    }

    async fn refunds_page(
        &self,
        location: &LocationId,
        business_date: Date,
        after: Option<Position>,
    ) -> Result<Listing<Refund>, StoreError> {
        let call = self.store.refunds_page(location, business_date, after);
        self.steps.call(call).await
    }

    async fn find_orders(&self, ids: &BTreeSet<OrderId>) -> Result<Vec<Order>, StoreError> {
        self.steps.call(self.store.find_orders(ids)).await
    }

    async fn written_late(&self, day: Date) -> Result<BTreeSet<LateDay>, StoreError> {
        self.steps.call(self.store.written_late(day)).await
    }
}

impl<Store: CatalogStore> CatalogStore for Stepped<Store> {
    async fn put_product(&self, product: &Product, deadline: Deadline) -> Result<(), StoreError> {
        let call = self.store.put_product(product, deadline);
        self.steps.call(call).await
    }

    async fn find_product(&self, sku: &Sku) -> Result<Option<Product>, StoreError> {
        self.steps.call(self.store.find_product(sku)).await
    }

    async fn put_location(
        &self,
        location: &Location,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let call = self.store.put_location(location, deadline);
        self.steps.call(call).await
    }

    async fn find_location(&self, id: &LocationId) -> Result<Option<Location>, StoreError> {
        self.steps.call(self.store.find_location(id)).await
    }

    async fn list_locations(&self) -> Result<Vec<Location>, StoreError> {
        self.steps.call(self.store.list_locations()).await
    }

    async fn list_products(&self, shard: u8, page: Page) -> Result<Listing<Product>, StoreError> {
        self.steps.call(self.store.list_products(shard, page)).await
    }
}

impl<Store: ExportBucket> ExportBucket for Stepped<Store> {
    async fn put(
        &self,
        file: ExportFile,
        expected: Option<&FileVersion>,
    ) -> Result<PutOutcome, StoreError> {
        self.steps.call(self.store.put(file, expected)).await
    }

    async fn sha256(&self, key: &str) -> Result<Option<StoredFile<String>>, StoreError> {
        self.steps.call(self.store.sha256(key)).await
    }

    async fn get(&self, key: &str) -> Result<Option<StoredFile<Vec<u8>>>, StoreError> {
        self.steps.call(self.store.get(key)).await
    }
}
