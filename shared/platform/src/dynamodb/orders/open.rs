//! The orders of which something is still to leave, by the index that holds no others.

use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::open_order::OpenOrder;

use super::DynamoOrders;
use super::record::{OpenEntry, OrderRecord};
use crate::dynamodb::attributes::{key_of, position, start_key, string, value};
use crate::dynamodb::get_all::get_all;
use crate::dynamodb::transaction::sort;
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Position};
use stockline_application::ports::orders::OpenOrders;
use stockline_application::store_error::StoreError;

/// The most orders that one call reads.
const BATCH: usize = 100;

impl OpenOrders for DynamoOrders {
    /// No limit: a page is the 1 MB that one query reads, some thousand orders.
    async fn open_at(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> Result<Listing<OpenOrder>, StoreError> {
        let found = self
            .client
            .query()
            .table_name(&self.orders_table)
            .index_name("open_by_location")
            .key_condition_expression("open_location = :location")
            .expression_attribute_values(":location", string(location.as_str()))
            .scan_index_forward(false)
            .set_exclusive_start_key(start_key(after))
            .send()
            .await
            .map_err(sort("list open orders"))?;
        let mut items = Vec::new();
        for item in found.items.unwrap_or_default() {
            items.extend(value::<OpenEntry>(item)?.open_order()?);
        }
        Ok(Listing {
            items,
            next: position(found.last_evaluated_key),
        })
    }

    async fn open_among(
        &self,
        ids: &[OrderId],
        deadline: Deadline,
    ) -> Result<Vec<OpenOrder>, StoreError> {
        let mut orders = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH) {
            let keys = batch.iter().map(|id| key_of(&keys::order(*id))).collect();
            for item in get_all(&self.client, &self.orders_table, keys, deadline).await? {
                orders.extend(OpenOrder::of(&value::<OrderRecord>(item)?.order()));
            }
        }
        Ok(orders)
    }
}
