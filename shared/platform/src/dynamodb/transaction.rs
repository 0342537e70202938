//! Sends `TransactWriteItems` and classifies its result and errors.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use uuid::Uuid;

use super::attributes::Item;
use stockline_application::deadline::Deadline;
use stockline_application::store_error::StoreError;

/// The final result of a transaction.
pub enum TransactionResult {
    /// All items are written, by this attempt or an earlier one with the same token.
    Committed,
    /// Nothing is written because at least one condition failed. Holds one check per transaction item, in their order.
    ConditionFailed(Vec<ConditionCheck>),
}

/// The result of the condition of one transaction item.
pub enum ConditionCheck {
    /// The condition held.
    Passed,
    /// The condition failed. Holds the item as it was, or None if it does not exist or the write does not ask for it.
    Failed(Option<Item>),
}

impl ConditionCheck {
    /// Returns whether the condition failed.
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

/// The result of one attempt of a transaction.
pub enum AttemptResult {
    /// The transaction committed, or a condition failed.
    Decided(TransactionResult),
    /// This attempt wrote nothing because of a conflict or throttling. Holds, per transaction item, whether it was affected; empty if
    /// the service did not say.
    Busy(Vec<bool>),
}

/// Writes `items` in one transaction and retries conflicts and throttling until `deadline`.
///
/// All attempts share one client token, so an attempt whose response was lost is not applied twice.
///
/// # Errors
/// [`StoreError::Busy`] if `deadline` leaves no time for another attempt.
pub async fn write_transaction(
    client: &Client,
    items: Vec<TransactWriteItem>,
    deadline: Deadline,
) -> Result<TransactionResult, StoreError> {
    let token = new_client_token();
    let mut attempts = deadline.attempts();
    loop {
        match attempt_transaction(client, items.clone(), &token).await? {
            AttemptResult::Decided(result) => return Ok(result),
            AttemptResult::Busy(_) => {}
        }
        if !attempts.wait_for_next().await {
            return Err(StoreError::Busy);
        }
    }
}

/// Makes one attempt to write `items` in one transaction. `token` is the client token; each set of items needs its own.
pub async fn attempt_transaction(
    client: &Client,
    items: Vec<TransactWriteItem>,
    token: &str,
) -> Result<AttemptResult, StoreError> {
    let result = client
        .transact_write_items()
        .set_transact_items(Some(items))
        .client_request_token(token)
        .send()
        .await;
    let Err(error) = result else {
        return Ok(AttemptResult::Decided(TransactionResult::Committed));
    };
    match busy_items(&error) {
        Some(is_busy) => Ok(AttemptResult::Busy(is_busy)),
        None => condition_checks(error).map(AttemptResult::Decided),
    }
}

/// Returns whether error code `code` means throttling or a conflict: this request had no effect and can be
/// retried.
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

/// Classifies an SDK error as [`StoreError::Busy`], [`StoreError::Unanswered`] or [`StoreError::Failed`].
pub fn classify_error<E>(context: &'static str) -> impl FnOnce(SdkError<E>) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    move |error| {
        if is_busy(error.code()) {
            return StoreError::Busy;
        }
        // A 5xx leaves the outcome unknown, like a timeout: the write may have been applied.
        let is_server_error = error
            .raw_response()
            .is_some_and(|response| response.status().is_server_error());
        let is_unanswered = matches!(
            error,
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_)
        );
        if is_server_error || is_unanswered {
            StoreError::Unanswered {
                context,
                source: error.into(),
            }
        } else {
            StoreError::failed(context)(error)
        }
    }
}

/// Returns a unique client token.
#[allow(
    clippy::disallowed_methods,
    reason = "a token is only ever compared with itself"
)]
pub fn new_client_token() -> String {
    Uuid::now_v7().to_string()
}

/// Returns, per transaction item, whether it conflicted or was throttled. None if neither canceled the transaction.
fn busy_items(error: &SdkError<TransactWriteItemsError>) -> Option<Vec<bool>> {
    if is_busy(error.code()) {
        return Some(Vec::new());
    }
    let TransactWriteItemsError::TransactionCanceledException(canceled) =
        error.as_service_error()?
    else {
        return None;
    };
    let is_busy_item: Vec<bool> = canceled
        .cancellation_reasons()
        .iter()
        .map(|reason| reason.code().is_some_and(is_conflict))
        .collect();
    // A conflict outweighs failed conditions of other items. The conflicting transaction may be an earlier send of this
    // request, whose level writes are visible while its guard item is still locked.
    is_busy_item.contains(&true).then_some(is_busy_item)
}

/// Returns whether cancellation reason `code` means that the item conflicted with another write or was throttled.
pub fn is_conflict(code: &str) -> bool {
    matches!(
        code,
        "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded"
    )
}

/// Reads the condition checks of a canceled transaction; other errors are returned.
fn condition_checks(
    error: SdkError<TransactWriteItemsError>,
) -> Result<TransactionResult, StoreError> {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) =
        error.as_service_error()
    else {
        return Err(classify_error("write a transaction")(error));
    };
    let reasons = canceled.cancellation_reasons();
    if !reasons
        .iter()
        .any(|reason| reason.code() == Some("ConditionalCheckFailed"))
    {
        return Err(StoreError::failed("write a transaction")(error));
    }
    let checks = reasons
        .iter()
        .map(|reason| match reason.code() {
            Some("ConditionalCheckFailed") => {
                ConditionCheck::Failed(reason.item().cloned().filter(|item| !item.is_empty()))
            }
            _ => ConditionCheck::Passed,
        })
        .collect();
    Ok(TransactionResult::ConditionFailed(checks))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::get_item::GetItemError;
    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::TransactionCanceledException;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn canceled(codes: &[&str]) -> SdkError<TransactWriteItemsError> {
        let reasons = codes
            .iter()
            .map(|code| CancellationReason::builder().code(*code).build());
        let canceled = TransactionCanceledException::builder()
            .set_cancellation_reasons(Some(reasons.collect()))
            .build();
        let response = HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::empty());
        SdkError::service_error(
            TransactWriteItemsError::TransactionCanceledException(canceled),
            response,
        )
    }

    fn classified(status: u16, code: &str) -> StoreError {
        let meta = ErrorMetadata::builder().code(code).build();
        let response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
        classify_error("read an item")(SdkError::service_error(
            GetItemError::generic(meta),
            response,
        ))
    }

    #[test]
    fn server_error_leaves_outcome_unknown() {
        let failed = classified(500, "InternalServerError");
        assert!(matches!(failed, StoreError::Unanswered { .. }));
        let throttled = classified(503, "ThrottlingException");
        assert!(matches!(throttled, StoreError::Busy));
        let refused = classified(400, "ValidationException");
        assert!(matches!(refused, StoreError::Failed { .. }));
    }

    #[test]
    fn conflict_takes_precedence_over_failed_condition() {
        // The conflict may be with a duplicate of the same request.
        let overlapping_duplicate = canceled(&["TransactionConflict", "ConditionalCheckFailed"]);
        assert_eq!(busy_items(&overlapping_duplicate), Some(vec![true, false]));
        assert_eq!(
            busy_items(&canceled(&["None", "ThrottlingError"])),
            Some(vec![false, true])
        );
        assert_eq!(
            busy_items(&canceled(&["None", "ConditionalCheckFailed"])),
            None
        );
    }
}
