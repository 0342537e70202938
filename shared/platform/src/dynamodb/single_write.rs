//! A single write, tried again while the service is busy with its item.

use std::future::Future;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use super::transaction::is_busy;
use stockline_application::deadline::Deadline;

/// How long a write is tried that is handed no deadline; the call around it ends by its own, however long this is.
///
/// A transaction holds an item for some milliseconds. A table that throttles for longer is left to the caller, or to the
/// record's next delivery.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// Sends a write until the service takes or refuses it, or `deadline` passes; gives its last answer.
///
/// It passes that a transaction holds the item, or that the service throttles; nothing was written then.
pub async fn unless_busy<T, E, R, F>(
    deadline: Deadline,
    send: impl Fn() -> F,
) -> Result<T, SdkError<E, R>>
where
    F: Future<Output = Result<T, SdkError<E, R>>>,
    E: ProvideErrorMetadata,
{
    let mut attempts = deadline.attempts();
    loop {
        let sent = send().await;
        let busy = matches!(&sent, Err(error) if is_busy(error.code()));
        if !busy || !attempts.wait_for_next().await {
            return sent;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::put_item::PutItemError;

    use super::*;

    fn refused(code: &str) -> SdkError<PutItemError, ()> {
        let meta = ErrorMetadata::builder().code(code).build();
        SdkError::service_error(PutItemError::generic(meta), ())
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_is_sent_until_the_service_takes_or_refuses_it() {
        let throttled = || refused("ThrottlingException");
        for (answers, sent) in [
            (vec![Ok(())], 1),
            (vec![Err(refused("ValidationException"))], 1),
            (vec![Err(throttled()), Err(throttled()), Ok(())], 3),
        ] {
            let (answers, asked) = (Cell::new(answers.into_iter()), Cell::new(0));
            let send = async || {
                asked.set(asked.get() + 1);
                let mut left = answers.take();
                let answer = left.next().unwrap();
                answers.set(left);
                answer
            };
            let last = unless_busy(Deadline::within(PATIENCE), send).await;
            assert_eq!(asked.get(), sent, "{last:?}");
        }
    }
}
