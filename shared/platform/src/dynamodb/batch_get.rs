//! Reads many items of one table with `BatchGetItem`.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::attributes::Item;
use super::transaction::classify_error;
use stockline_application::deadline::Deadline;
use stockline_application::store_error::StoreError;

/// The maximum number of keys in one `BatchGetItem`, a limit of DynamoDB.
pub const MAX_BATCH_KEYS: usize = 100;

/// Reads the items with these keys (at most [`MAX_BATCH_KEYS`]), strongly consistent. The result is in no order and omits missing items.
///
/// Unprocessed keys are requested again until `deadline`.
///
/// # Errors
/// [`StoreError::Busy`] if keys are still unprocessed at `deadline`.
pub async fn batch_get(
    client: &Client,
    table: &str,
    keys: Vec<Item>,
    deadline: Deadline,
) -> Result<Vec<Item>, StoreError> {
    const CONTEXT: &str = "read items";
    let (mut pending_keys, mut items, mut attempts) = (keys, Vec::new(), 0);
    while !pending_keys.is_empty() {
        if attempts > 0 && !deadline.back_off(attempts).await {
            return Err(StoreError::Busy);
        }
        attempts += 1;
        let request = KeysAndAttributes::builder()
            .set_keys(Some(pending_keys))
            .consistent_read(true)
            .build()
            .map_err(StoreError::failed(CONTEXT))?;
        let response = client
            .batch_get_item()
            .request_items(table, request)
            .send()
            .await
            .map_err(classify_error(CONTEXT))?;
        let responses = response.responses.unwrap_or_default();
        items.extend(responses.into_values().flatten());
        pending_keys = response
            .unprocessed_keys
            .unwrap_or_default()
            .into_values()
            .flat_map(|unprocessed| unprocessed.keys)
            .collect();
    }
    Ok(items)
}
