//! Retries writes of a single item.

use std::future::Future;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use super::transaction::is_busy;
use stockline_application::deadline::Deadline;

/// For how long a write without a deadline of its own is retried. The surrounding call may end earlier.
///
/// A conflict with a transaction lasts some milliseconds. Longer throttling is left to the retry of the caller, or to the
/// redelivery of the record.
pub const RETRY_TIMEOUT: Duration = Duration::from_secs(1);

/// Calls `send` until it succeeds, fails for another reason than a conflict or throttling, or `deadline` passes. Returns the
/// last result.
///
/// After a conflict or throttling nothing is written, so the write can be sent again.
pub async fn retry_while_busy<T, E, R, F>(
    deadline: Deadline,
    send: impl Fn() -> F,
) -> Result<T, SdkError<E, R>>
where
    F: Future<Output = Result<T, SdkError<E, R>>>,
    E: ProvideErrorMetadata,
{
    let mut attempts = deadline.attempts();
    loop {
        let result = send().await;
        let should_retry = matches!(&result, Err(error) if is_busy(error.code()));
        if !should_retry || !attempts.wait_for_next().await {
            return result;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::put_item::PutItemError;

    use super::*;

    fn error(code: &str) -> SdkError<PutItemError, ()> {
        let meta = ErrorMetadata::builder().code(code).build();
        SdkError::service_error(PutItemError::generic(meta), ())
    }

    #[tokio::test(start_paused = true)]
    async fn write_is_retried_only_while_throttled() {
        let throttled = || error("ThrottlingException");
        for (results, expected_requests) in [
            (vec![Ok(())], 1),
            (vec![Err(error("ValidationException"))], 1),
            (vec![Err(throttled()), Err(throttled()), Ok(())], 3),
        ] {
            let (results, requests) = (Cell::new(results.into_iter()), Cell::new(0));
            let send = async || {
                requests.set(requests.get() + 1);
                let mut remaining = results.take();
                let result = remaining.next().unwrap();
                results.set(remaining);
                result
            };
            let last = retry_while_busy(Deadline::within(RETRY_TIMEOUT), send).await;
            assert_eq!(requests.get(), expected_requests, "{last:?}");
        }
    }
}
