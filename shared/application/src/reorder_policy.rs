//! Sets the reorder policy of a level, and creates the level if the catalog allows it.

use jiff::Timestamp;
use stockline_domain::level::{Level, LevelKey, ReorderPolicy};

use crate::deadline::Deadline;
use crate::fingerprint::Fingerprint;
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

/// The outcome of replacing a policy that a person saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplaceOutcome {
    /// The level has the new policy, by this request or an equal one before it.
    Replaced(Box<Level>),
    /// Nothing changed: the level has another policy than the person saw.
    Conflict,
    /// The level does not exist.
    NotFound,
}

/// Sets the policy of an existing level, provided that the level has the policy with the fingerprint `seen`.
///
/// A policy that someone else sets between the check and the write, a few milliseconds, is replaced. Both policies are complete, so
/// the result is one of the two.
pub async fn replace_policy<Stock: StockStore>(
    stock: &Stock,
    seen: &str,
    request: PolicyRequest<'_>,
) -> Result<ReplaceOutcome, StoreError> {
    let Some(level) = stock.find(request.key).await? else {
        return Ok(ReplaceOutcome::NotFound);
    };
    if level.policy.as_ref() == Some(request.policy) {
        return Ok(ReplaceOutcome::Replaced(Box::new(level)));
    }
    if policy_fingerprint(&level)?.as_str() != seen {
        return Ok(ReplaceOutcome::Conflict);
    }
    let PolicyRequest {
        key,
        policy,
        at,
        deadline,
    } = request;
    let level = stock.set_policy(key, policy, at, deadline).await?;
    Ok(level.map_or(ReplaceOutcome::NotFound, |level| {
        ReplaceOutcome::Replaced(Box::new(level))
    }))
}

/// Returns the fingerprint of the policy of `level`, or of having none.
///
/// # Errors
/// [`StoreError::Failed`] if the policy cannot be serialized.
pub fn policy_fingerprint(level: &Level) -> Result<Fingerprint, StoreError> {
    Fingerprint::of(&level.policy).map_err(StoreError::failed("serialize a policy"))
}
