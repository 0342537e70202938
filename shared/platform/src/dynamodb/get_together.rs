//! Some items of one table, read in one moment.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_get_items::TransactGetItemsError;
use aws_sdk_dynamodb::types::{Get, TransactGetItem};

use super::attributes::Item;
use super::transaction::{is_busy, is_conflict, sort};
use crate::deadline::Deadline;
use crate::store_error::StoreError;

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
