//! One transaction: what became of it, and what is tried again.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use uuid::Uuid;

use super::attributes::Item;
use crate::deadline::Deadline;
use crate::store_error::StoreError;

/// What became of a transaction.
pub enum Written {
    /// All of it is written, now or by an earlier try of the same token.
    All,
    /// None of it is: per part, whether its condition failed.
    Refused(Vec<Part>),
}

/// What one part of a refused transaction met.
pub enum Part {
    /// Its condition held.
    Held,
    /// Its condition failed on this item, or on there being none.
    Failed(Option<Item>),
}

/// Writes `parts`, all or nothing.
///
/// One token goes with every try, so a try whose response was lost is not applied twice. A conflict with another
/// transaction is tried again until `deadline`.
pub async fn write(
    client: &Client,
    parts: Vec<TransactWriteItem>,
    deadline: Deadline,
) -> Result<Written, StoreError> {
    let token = fresh_token();
    let mut tries = 0;
    loop {
        let sent = client
            .transact_write_items()
            .set_transact_items(Some(parts.clone()))
            .client_request_token(&token)
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(Written::All);
        };
        if !is_transient(&error) {
            return refused(error);
        }
        tries += 1;
        if !deadline.back_off(tries).await {
            return Err(StoreError::Busy);
        }
    }
}

/// Whether `code` says that the service is busy with this item or in all, and nothing was done.
pub fn is_busy(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            "ThrottlingException"
                | "ThrottlingError"
                | "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "TransactionInProgressException"
                | "TransactionConflictException"
        )
    )
}

/// Sorts the error of a single read or write into busy and failed.
pub fn sort<E, R>(context: &'static str) -> impl FnOnce(SdkError<E, R>) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    move |error| {
        if is_busy(error.code()) {
            StoreError::Busy
        } else {
            StoreError::failed(context)(error)
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a token is only ever compared with itself"
)]
fn fresh_token() -> String {
    Uuid::now_v7().to_string()
}

fn is_transient(error: &SdkError<TransactWriteItemsError>) -> bool {
    if is_busy(error.code()) {
        return true;
    }
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) =
        error.as_service_error()
    else {
        return false;
    };
    let reasons = canceled.cancellation_reasons();
    is_conflict(reasons.iter().filter_map(|reason| reason.code()))
}

/// Whether another write held one of the parts: what the others met says nothing yet, for it may be this very request,
/// sent before, whose guard is not written and whose levels are.
fn is_conflict<'a>(mut codes: impl Iterator<Item = &'a str>) -> bool {
    codes.any(|code| {
        matches!(
            code,
            "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded"
        )
    })
}

fn refused(error: SdkError<TransactWriteItemsError>) -> Result<Written, StoreError> {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) =
        error.as_service_error()
    else {
        return Err(StoreError::failed("write a transaction")(error));
    };
    let reasons = canceled.cancellation_reasons();
    if !reasons
        .iter()
        .any(|reason| reason.code() == Some("ConditionalCheckFailed"))
    {
        return Err(StoreError::failed("write a transaction")(error));
    }
    let parts = reasons
        .iter()
        .map(|reason| match reason.code() {
            Some("ConditionalCheckFailed") => {
                Part::Failed(reason.item().cloned().filter(|item| !item.is_empty()))
            }
            _ => Part::Held,
        })
        .collect();
    Ok(Written::Refused(parts))
}

#[cfg(test)]
mod tests {
    use super::is_conflict;

    #[test]
    fn a_refusal_beside_a_conflict_is_asked_again_because_the_conflict_may_be_the_same_request() {
        let overlapping_duplicate = ["TransactionConflict", "ConditionalCheckFailed"];
        assert!(is_conflict(overlapping_duplicate.into_iter()));
        assert!(is_conflict(["None", "ThrottlingError"].into_iter()));
        assert!(!is_conflict(["None", "ConditionalCheckFailed"].into_iter()));
    }
}
