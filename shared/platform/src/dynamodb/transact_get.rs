//! Reads several items of one table as one snapshot, with `TransactGetItems`.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_get_items::TransactGetItemsError;
use aws_sdk_dynamodb::types::{Get, TransactGetItem};

use super::attributes::Item;
use super::transaction::{classify_error, is_busy, is_conflict};
use stockline_application::deadline::Deadline;
use stockline_application::store_error::StoreError;

const CONTEXT: &str = "read items in a transaction";

/// Reads the items with these keys (at most 100) as one snapshot. The result is in the order of `keys` and omits missing
/// items.
///
/// Returns None if each of `max_attempts` attempts conflicted with another write or was throttled.
///
/// # Errors
/// [`StoreError::Busy`] if `deadline` leaves no time for another attempt.
pub async fn transact_get(
    client: &Client,
    table: &str,
    keys: Vec<Item>,
    max_attempts: u32,
    deadline: Deadline,
) -> Result<Option<Vec<Item>>, StoreError> {
    let gets = keys
        .into_iter()
        .map(|key| {
            let get = Get::builder().table_name(table).set_key(Some(key)).build();
            get.map(|get| TransactGetItem::builder().get(get).build())
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(StoreError::failed(CONTEXT))?;
    for attempt in 1..=max_attempts {
        let result = client
            .transact_get_items()
            .set_transact_items(Some(gets.clone()))
            .send()
            .await;
        match result {
            Ok(response) => {
                let items = response.responses.unwrap_or_default().into_iter();
                let items = items.filter_map(|response| response.item);
                return Ok(Some(items.filter(|item| !item.is_empty()).collect()));
            }
            Err(error) if is_retryable(&error) => {}
            Err(error) => return Err(classify_error(CONTEXT)(error)),
        }
        if attempt < max_attempts && !deadline.back_off(attempt).await {
            return Err(StoreError::Busy);
        }
    }
    Ok(None)
}

/// Returns whether another write conflicted with the read of an item, or the service throttled the request.
fn is_retryable(error: &SdkError<TransactGetItemsError>) -> bool {
    let reasons = match error.as_service_error() {
        Some(TransactGetItemsError::TransactionCanceledException(canceled)) => {
            canceled.cancellation_reasons()
        }
        _ => &[],
    };
    let has_conflict = reasons
        .iter()
        .any(|reason| reason.code().is_some_and(is_conflict));
    has_conflict || is_busy(error.code())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use stockline_testkit::cloud::Table;
    use stockline_testkit::conformance::stock::key;
    use stockline_testkit::simulated_dynamodb::{SimulatedDynamoDb, Throughput, Timing};

    use super::*;
    use crate::dynamodb::attributes::key_of;
    use crate::keys;

    /// Returns a database with this read throughput per partition, in units per second.
    fn database_with_throughput(reads: u32) -> SimulatedDynamoDb {
        let throughput = Throughput {
            reads,
            ..Throughput::default()
        };
        SimulatedDynamoDb::with_limits(1, Timing::default(), throughput)
    }

    /// Reads a missing item. Returns the result and the number of requests.
    async fn read_missing_item(
        database: &SimulatedDynamoDb,
        table: &str,
        max_attempts: u32,
        seconds: u64,
    ) -> (Result<Option<Vec<Item>>, StoreError>, u64) {
        let (client, keys) = (
            database.aws().dynamodb(),
            vec![key_of(&keys::level(&key("store-1", "milk")))],
        );
        let deadline = Deadline::within(Duration::from_secs(seconds));
        let result = transact_get(&client, table, keys, max_attempts, deadline).await;
        (result, database.request_counts().values().sum())
    }

    #[tokio::test(start_paused = true)]
    async fn throttled_read_gives_up_after_max_attempts() {
        for max_attempts in [1, 3] {
            let database = database_with_throughput(0);
            let table = database.create_table(Table::Stock);
            let (result, requests) = read_missing_item(&database, &table, max_attempts, 10).await;
            assert!(matches!(result, Ok(None)), "{result:?}");
            assert_eq!(requests, u64::from(max_attempts));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn throttled_read_without_time_to_retry_is_busy() {
        for (max_attempts, is_busy) in [(1, false), (3, true)] {
            let database = database_with_throughput(0);
            let table = database.create_table(Table::Stock);
            let (result, requests) = read_missing_item(&database, &table, max_attempts, 0).await;
            assert_eq!(
                matches!(result, Err(StoreError::Busy)),
                is_busy,
                "{result:?}"
            );
            assert_eq!(requests, 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failed_read_is_not_retried() {
        let database = database_with_throughput(1000);
        let (result, requests) = read_missing_item(&database, "no-such-table", 3, 10).await;
        assert!(
            matches!(result, Err(StoreError::Failed { .. })),
            "{result:?}"
        );
        assert_eq!(requests, 1);
    }
}
