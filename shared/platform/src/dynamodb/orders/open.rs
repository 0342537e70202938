//! Reads open orders from index `open_by_location`, which holds only those.

use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::open_order::OpenOrder;

use super::DynamoOrders;
use super::record::{OpenEntry, OrderRecord};
use crate::dynamodb::attributes::{key_of, string, value};
use crate::dynamodb::batch_get::batch_get;
use crate::dynamodb::paging::query_page;
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Position};
use stockline_application::ports::orders::OpenOrders;
use stockline_application::store_error::StoreError;

/// The maximum number of keys in one `BatchGetItem`, a limit of DynamoDB.
const MAX_BATCH_KEYS: usize = 100;

impl OpenOrders for DynamoOrders {
    /// The query has no limit: a page is up to 1 MB, some thousand orders.
    async fn open_at(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> Result<Listing<OpenOrder>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.orders_table)
            .index_name("open_by_location")
            .key_condition_expression("open_location = :location")
            .expression_attribute_values(":location", string(location.as_str()))
            .scan_index_forward(false);
        let page = query_page(query, after, "list open orders", |item| {
            value::<OpenEntry>(item)?.open_order()
        });
        let Listing { items, next } = page.await?;
        Ok(Listing {
            items: items.into_iter().flatten().collect(),
            next,
        })
    }

    async fn open_among(
        &self,
        ids: &[OrderId],
        deadline: Deadline,
    ) -> Result<Vec<OpenOrder>, StoreError> {
        let mut orders = Vec::with_capacity(ids.len());
        for batch in ids.chunks(MAX_BATCH_KEYS) {
            let keys = batch.iter().map(|id| key_of(&keys::order(*id))).collect();
            for item in batch_get(&self.client, &self.orders_table, keys, deadline).await? {
                orders.extend(OpenOrder::of(&value::<OrderRecord>(item)?.order()));
            }
        }
        Ok(orders)
    }
}
