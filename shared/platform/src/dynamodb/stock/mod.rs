//! Stock in DynamoDB: levels, the requests that change them, and their movements, in one table.

mod books;
mod levels;
mod movements;
mod policies;
mod requests;
mod whereabouts;

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use stockline_domain::ids::{LocationId, RequestId};
use stockline_domain::level::{Level, LevelKey, Movement, ReorderPolicy};

use super::rebalance::Rebalance;
use super::split_levels::SplitLevels;
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::paging::{Listing, Page};
use stockline_application::ports::stock::{
    ChangeOutcome, Ledger, MissingLevel, PendingChange, RecordMovementOutcome, RequestStatus,
    StockStore,
};
use stockline_application::store_error::StoreError;

/// How long the parts of one level may be read for.
const READ: Duration = Duration::from_secs(5);

/// Levels, requests and movements.
#[derive(Debug, Clone)]
pub struct DynamoStock {
    client: Client,
    levels: SplitLevels,
    rebalance: Rebalance,
}

impl DynamoStock {
    /// Stock in `table`.
    pub fn new(client: Client, table: String) -> Self {
        let levels = SplitLevels::new(client.clone(), table);
        Self {
            rebalance: Rebalance::new(client.clone(), levels.clone()),
            levels,
            client,
        }
    }

    /// Opens the connection ahead of the first request, by reading a change that cannot be; that it fails is the
    /// first request's to tell.
    pub async fn warm_up(&self) {
        let deadline = Deadline::within(READ);
        let nothing = RequestId::derive("", "");
        if let Err(error) = self.applied_change(nothing, 0, deadline).await {
            tracing::warn!(%error, "the connection could not be opened ahead");
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

    async fn apply(
        &self,
        pending: PendingChange<'_>,
        deadline: Deadline,
    ) -> Result<ChangeOutcome, StoreError> {
        self.apply_change(pending, deadline).await
    }

    async fn find(&self, key: &LevelKey) -> Result<Option<Level>, StoreError> {
        let deadline = Deadline::within(READ);
        let read = self.levels.read(key, deadline).await?;
        Ok(read.map(|read| read.level.total()))
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
        missing: MissingLevel,
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<Option<Level>, StoreError> {
        self.write_policy(key, policy, missing, at, deadline).await
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
