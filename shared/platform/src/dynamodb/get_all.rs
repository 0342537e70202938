//! Many items of one table, read at once.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::attributes::Item;
use super::transaction::sort;
use stockline_application::deadline::Deadline;
use stockline_application::store_error::StoreError;

/// The items under `keys` (at most 100), each read strongly, in no order; those that are not there are left out.
///
/// What the service leaves unread is asked for again until `deadline`.
pub async fn get_all(
    client: &Client,
    table: &str,
    keys: Vec<Item>,
    deadline: Deadline,
) -> Result<Vec<Item>, StoreError> {
    let (mut open, mut items, mut tries) = (keys, Vec::new(), 0);
    while !open.is_empty() {
        if tries > 0 && !deadline.back_off(tries).await {
            return Err(StoreError::Busy);
        }
        tries += 1;
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(open))
            .consistent_read(true)
            .build()
            .map_err(StoreError::failed("read items"))?;
        let read = client
            .batch_get_item()
            .request_items(table, wanted)
            .send()
            .await
            .map_err(sort("read items"))?;
        items.extend(read.responses.unwrap_or_default().into_values().flatten());
        open = read
            .unprocessed_keys
            .unwrap_or_default()
            .into_values()
            .flat_map(|left| left.keys)
            .collect();
    }
    Ok(items)
}
