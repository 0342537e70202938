//! Stores levels, the requests that change them, and their movements in one DynamoDB table.

mod audit_data;
mod changes;
mod levels;
mod movements;
mod policies;
mod replenishment;
mod requests;
mod stock_lookup;
mod stream;

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use stockline_domain::ids::{LocationId, RequestId, Sku};
use stockline_domain::level::{Level, LevelKey, Movement, ReorderPolicy};

use super::attributes::key_of;
use super::rebalance::Rebalancer;
use super::split_levels::SplitLevels;
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::paging::{Listing, Page};
use stockline_application::ports::stock::{
    Ledger, RecordMovementOutcome, RequestStatus, StockStore,
};
use stockline_application::store_error::StoreError;

pub use stream::level_change;

/// The time limit to read a level when the caller sets no deadline.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// A store of levels, stock requests and movements.
#[derive(Debug, Clone)]
pub struct DynamoStock {
    client: Client,
    levels: SplitLevels,
    rebalancer: Rebalancer,
}

impl DynamoStock {
    /// Creates a store over `table`.
    pub fn new(client: Client, table: String) -> Self {
        let levels = SplitLevels::new(client.clone(), table);
        Self {
            rebalancer: Rebalancer::new(client.clone(), levels.clone()),
            levels,
            client,
        }
    }

    /// Opens the connection before the first request, by reading a request that does not exist. An error is only logged: the
    /// first request reports it.
    pub async fn warm_up(&self) {
        let absent_id = RequestId::derive("", "");
        if let Err(error) = self.read_request(absent_id).await {
            tracing::warn!(%error, "failed to open the DynamoDB connection during init");
        }
    }
}

impl StockStore for DynamoStock {
    async fn open(
        &self,
        id: RequestId,
        request: &Fingerprint,
        at: Timestamp,
    ) -> Result<RequestStatus, StoreError> {
        self.open_request(id, request, at).await
    }

    async fn recall(
        &self,
        id: RequestId,
        request: &Fingerprint,
    ) -> Result<Option<RequestStatus>, StoreError> {
        self.recall_request(id, request).await
    }

    async fn find(&self, key: &LevelKey) -> Result<Option<Level>, StoreError> {
        let deadline = Deadline::within(READ_TIMEOUT);
        let snapshot = self.levels.read(key, deadline).await?;
        Ok(snapshot.map(|snapshot| snapshot.level.total()))
    }

    async fn find_all(
        &self,
        location: &LocationId,
        skus: &[Sku],
        deadline: Deadline,
    ) -> Result<Vec<Level>, StoreError> {
        let keys = skus.iter().map(|sku| {
            key_of(&keys::level(&LevelKey {
                location_id: location.clone(),
                sku: sku.clone(),
            }))
        });
        self.read_totals(keys.collect(), deadline).await
    }

    async fn list(
        &self,
        location: &LocationId,
        page: Page,
        deadline: Deadline,
    ) -> Result<Listing<Level>, StoreError> {
        self.list_levels(location, page, deadline).await
    }

    async fn set_policy(
        &self,
        key: &LevelKey,
        policy: &ReorderPolicy,
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<Option<Level>, StoreError> {
        self.write_policy(key, policy, at, deadline).await
    }

    async fn create_with_policy(
        &self,
        key: &LevelKey,
        policy: &ReorderPolicy,
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<Option<Level>, StoreError> {
        self.create_level(key, policy, at, deadline).await
    }

    async fn movements(&self, key: &LevelKey, page: Page) -> Result<Listing<Movement>, StoreError> {
        self.list_movements(key, page).await
    }
}

impl Ledger for DynamoStock {
    async fn record(&self, movement: &Movement) -> Result<RecordMovementOutcome, StoreError> {
        self.record_movement(movement).await
    }
}
