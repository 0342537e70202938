//! One transaction: what became of it, and what is tried again.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use uuid::Uuid;

use super::attributes::Item;
use stockline_application::deadline::Deadline;
use stockline_application::store_error::StoreError;

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

impl Part {
    /// Whether its condition failed.
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

/// What became of one try of a transaction.
pub enum Tried {
    /// It is decided.
    Decided(Written),
    /// Nothing is written, for the service was busy: per part, whether another write held it just then.
    Busy(Vec<bool>),
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
    let mut attempts = deadline.attempts();
    loop {
        match try_once(client, parts.clone(), &token).await? {
            Tried::Decided(written) => return Ok(written),
            Tried::Busy(_) => {}
        }
        if !attempts.wait_for_next().await {
            return Err(StoreError::Busy);
        }
    }
}

/// Attempts once to write `parts`, all or nothing, under `token`, which belongs to these parts alone.
pub async fn try_once(
    client: &Client,
    parts: Vec<TransactWriteItem>,
    token: &str,
) -> Result<Tried, StoreError> {
    let sent = client
        .transact_write_items()
        .set_transact_items(Some(parts))
        .client_request_token(token)
        .send()
        .await;
    let Err(error) = sent else {
        return Ok(Tried::Decided(Written::All));
    };
    match busy_parts(&error) {
        Some(held) => Ok(Tried::Busy(held)),
        None => refused(error).map(Tried::Decided),
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

/// Sorts the error of a single read or write into busy, unanswered and failed.
pub fn sort<E>(context: &'static str) -> impl FnOnce(SdkError<E>) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    move |error| {
        if is_busy(error.code()) {
            return StoreError::Busy;
        }
        // What the service answers to its own failure says as little of the write as no answer.
        let is_its_own = error
            .raw_response()
            .is_some_and(|response| response.status().is_server_error());
        let is_unanswered = matches!(
            error,
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_)
        );
        if is_its_own || is_unanswered {
            StoreError::Unanswered {
                context,
                source: error.into(),
            }
        } else {
            StoreError::failed(context)(error)
        }
    }
}

/// A token that no other transaction has.
#[allow(
    clippy::disallowed_methods,
    reason = "a token is only ever compared with itself"
)]
pub fn fresh_token() -> String {
    Uuid::now_v7().to_string()
}

/// Per part, whether another write held it; none where the transaction was refused for itself.
fn busy_parts(error: &SdkError<TransactWriteItemsError>) -> Option<Vec<bool>> {
    if is_busy(error.code()) {
        return Some(Vec::new());
    }
    let TransactWriteItemsError::TransactionCanceledException(canceled) =
        error.as_service_error()?
    else {
        return None;
    };
    let held: Vec<bool> = canceled
        .cancellation_reasons()
        .iter()
        .map(|reason| reason.code().is_some_and(is_conflict))
        .collect();
    // What the other parts met says nothing yet where one was held: that may be this very request, sent before, whose
    // guard is not written and whose levels are.
    held.contains(&true).then_some(held)
}

/// Whether `code` says that another write held the part.
pub fn is_conflict(code: &str) -> bool {
    matches!(
        code,
        "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded"
    )
}

fn refused(error: SdkError<TransactWriteItemsError>) -> Result<Written, StoreError> {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) =
        error.as_service_error()
    else {
        return Err(sort("write a transaction")(error));
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

    fn answered(status: u16, code: &str) -> StoreError {
        let meta = ErrorMetadata::builder().code(code).build();
        let response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
        sort("read an item")(SdkError::service_error(
            GetItemError::generic(meta),
            response,
        ))
    }

    #[test]
    fn a_failure_of_the_service_leaves_open_what_it_did() {
        let failed = answered(500, "InternalServerError");
        assert!(matches!(failed, StoreError::Unanswered { .. }));
        let throttled = answered(503, "ThrottlingException");
        assert!(matches!(throttled, StoreError::Busy));
        let refused = answered(400, "ValidationException");
        assert!(matches!(refused, StoreError::Failed { .. }));
    }

    #[test]
    fn a_refusal_beside_a_conflict_is_asked_again_because_the_conflict_may_be_the_same_request() {
        let overlapping_duplicate = canceled(&["TransactionConflict", "ConditionalCheckFailed"]);
        assert_eq!(busy_parts(&overlapping_duplicate), Some(vec![true, false]));
        assert_eq!(
            busy_parts(&canceled(&["None", "ThrottlingError"])),
            Some(vec![false, true])
        );
        assert_eq!(
            busy_parts(&canceled(&["None", "ConditionalCheckFailed"])),
            None
        );
    }
}
