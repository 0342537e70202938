//! Some items of one table, read in one moment.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_get_items::TransactGetItemsError;
use aws_sdk_dynamodb::types::{Get, TransactGetItem};

use super::attributes::Item;
use super::transaction::{is_busy, is_conflict, sort};
use stockline_application::deadline::Deadline;
use stockline_application::store_error::StoreError;

/// As many tries of [`get_together`] as there is time for.
pub const WHILE_THERE_IS_TIME: u32 = u32::MAX;

/// The items under `keys` (at most 100) as they were in one moment, in this order; those that are not there are left out.
///
/// None where other writes held one of them at each of `tries`.
pub async fn get_together(
    client: &Client,
    table: &str,
    keys: Vec<Item>,
    tries: u32,
    deadline: Deadline,
) -> Result<Option<Vec<Item>>, StoreError> {
    let gets = keys
        .into_iter()
        .map(|key| {
            let get = Get::builder().table_name(table).set_key(Some(key)).build();
            get.map(|get| TransactGetItem::builder().get(get).build())
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(StoreError::failed("read items together"))?;
    for tried in 1..=tries {
        let read = client
            .transact_get_items()
            .set_transact_items(Some(gets.clone()))
            .send()
            .await;
        match read {
            Ok(read) => {
                let items = read.responses.unwrap_or_default().into_iter();
                let items = items.filter_map(|response| response.item);
                return Ok(Some(items.filter(|item| !item.is_empty()).collect()));
            }
            Err(error) if is_held(&error) => {}
            Err(error) => return Err(sort("read items together")(error)),
        }
        if tried < tries && !deadline.back_off(tried).await {
            return Err(StoreError::Busy);
        }
    }
    Ok(None)
}

/// Whether another write held one of the items, or the service was busy.
fn is_held(error: &SdkError<TransactGetItemsError>) -> bool {
    let reasons = match error.as_service_error() {
        Some(TransactGetItemsError::TransactionCanceledException(canceled)) => {
            canceled.cancellation_reasons()
        }
        _ => &[],
    };
    let is_conflicting = reasons
        .iter()
        .any(|reason| reason.code().is_some_and(is_conflict));
    is_conflicting || is_busy(error.code())
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

    /// A database whose partitions give so many read units a second, and the read of an item that is not there.
    fn of_units(reads: u32) -> SimulatedDynamoDb {
        let throughput = Throughput {
            reads,
            ..Throughput::default()
        };
        SimulatedDynamoDb::with(1, Timing::default(), throughput)
    }

    /// What a read of one item is told, and how often it asked.
    async fn read(
        database: &SimulatedDynamoDb,
        table: &str,
        tries: u32,
        seconds: u64,
    ) -> (Result<Option<Vec<Item>>, StoreError>, u64) {
        let (client, keys) = (
            database.aws().dynamodb(),
            vec![key_of(&keys::level(&key("store-1", "milk")))],
        );
        let deadline = Deadline::within(Duration::from_secs(seconds));
        let told = get_together(&client, table, keys, tries, deadline).await;
        (told, database.tally().values().sum())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_always_held_is_tried_so_often_and_then_given_up() {
        for tries in [1, 3] {
            let database = of_units(0);
            let table = database.table(Table::Stock);
            let (told, asked) = read(&database, &table, tries, 10).await;
            assert!(matches!(told, Ok(None)), "{told:?}");
            assert_eq!(asked, u64::from(tries));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_where_there_is_time_for_it_is_it_tried_again() {
        for (tries, is_busy) in [(1, false), (3, true), (WHILE_THERE_IS_TIME, true)] {
            let database = of_units(0);
            let table = database.table(Table::Stock);
            let (told, asked) = read(&database, &table, tries, 0).await;
            assert_eq!(matches!(told, Err(StoreError::Busy)), is_busy, "{told:?}");
            assert_eq!(asked, 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_read_is_not_tried_again() {
        let database = of_units(1000);
        let (told, asked) = read(&database, "no-such-table", 3, 10).await;
        assert!(matches!(told, Err(StoreError::Failed { .. })), "{told:?}");
        assert_eq!(asked, 1);
    }
}
