//! A single write, tried again while the service is busy with its item.

use std::future::Future;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use super::transaction::is_busy;
use crate::deadline::Deadline;

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
    let mut tries = deadline.tries();
    loop {
        let sent = send().await;
        let busy = matches!(&sent, Err(error) if is_busy(error.code()));
        if !busy || !tries.another().await {
            return sent;
        }
    }
}
