//! Sets the reorder policy of a level, and creates the level if the catalog allows it.

use jiff::Timestamp;
use stockline_domain::level::{Level, LevelKey, ReorderPolicy};

use crate::deadline::Deadline;
use crate::level_creation::{NotStockable, find_not_stockable};
use crate::ports::stock::{StockStore, StockableCatalog};
use crate::store_error::StoreError;

/// A policy to set.
#[derive(Debug, Clone, Copy)]
pub struct PolicyRequest<'a> {
    /// The level.
    pub key: &'a LevelKey,
    /// Its new policy.
    pub policy: &'a ReorderPolicy,
    /// When the request arrived.
    pub at: Timestamp,
    /// When the response is due.
    pub deadline: Deadline,
}

/// The outcome of setting a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyOutcome {
    /// The level has the policy. This is the level.
    Set(Box<Level>),
    /// The level does not exist and must not be created.
    NotStockable(NotStockable),
}

/// Sets a policy. The catalog is read only if the level does not exist. An equal policy is not written again.
///
/// # Errors
/// [`StoreError::Busy`] if conflicts last until the deadline.
pub async fn set_policy<Stock: StockStore, Catalog: StockableCatalog>(
    stock: &Stock,
    catalog: &Catalog,
    request: PolicyRequest<'_>,
) -> Result<PolicyOutcome, StoreError> {
    let PolicyRequest {
        key,
        policy,
        at,
        deadline,
    } = request;
    let mut attempts = deadline.attempts();
    loop {
        if let Some(level) = stock.set_policy(key, policy, at, deadline).await? {
            return Ok(PolicyOutcome::Set(Box::new(level)));
        }
        if let Some(reason) = find_not_stockable(catalog, std::slice::from_ref(key)).await? {
            return Ok(PolicyOutcome::NotStockable(reason));
        }
        let created = stock.create_with_policy(key, policy, at, deadline).await?;
        if let Some(level) = created {
            return Ok(PolicyOutcome::Set(Box::new(level)));
        }
        // Another request created the level since, perhaps with another policy.
        if !attempts.wait_for_next().await {
            return Err(StoreError::Busy);
        }
    }
}
