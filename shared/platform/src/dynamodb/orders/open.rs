//! Reads open orders from index `open_by_location`, which holds only those.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::open_order::OpenOrder;
use stockline_domain::order::Order;

use super::DynamoOrders;
use super::record::{OpenEntry, OrderRecord};
use crate::dynamodb::attributes::{key_of, string, value};
use crate::dynamodb::batch_get::{MAX_BATCH_KEYS, batch_get};
use crate::dynamodb::paging::query_page;
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Page, Position};
use stockline_application::ports::orders::{OpenOrders, OrdersToShip};
use stockline_application::store_error::StoreError;

impl DynamoOrders {
    /// Returns the query for the open orders of a location, oldest first.
    fn query_open(&self, location: &LocationId) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.orders_table)
            .index_name("open_by_location")
            .key_condition_expression("open_location = :location")
            .expression_attribute_values(":location", string(location.as_str()))
    }

    /// Reads the orders with these ids, strongly consistent, in any order.
    pub(super) async fn read_orders(
        &self,
        ids: &[OrderId],
        deadline: Deadline,
    ) -> Result<Vec<Order>, StoreError> {
        let mut orders = Vec::with_capacity(ids.len());
        for batch in ids.chunks(MAX_BATCH_KEYS) {
            let keys = batch.iter().map(|id| key_of(&keys::order(*id))).collect();
            for item in batch_get(&self.client, &self.orders_table, keys, deadline).await? {
                orders.push(value::<OrderRecord>(item)?.order());
            }
        }
        Ok(orders)
    }
}

impl OpenOrders for DynamoOrders {
    /// The query has no limit: a page is up to 1 MB, some thousand orders.
    async fn open_at(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> Result<Listing<OpenOrder>, StoreError> {
        let query = self.query_open(location).scan_index_forward(false);
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
        let orders = self.read_orders(ids, deadline).await?;
        Ok(orders.iter().filter_map(OpenOrder::of).collect())
    }
}

impl OrdersToShip for DynamoOrders {
    /// The index lacks attributes of the orders and may be behind, so the orders themselves are read.
    async fn to_ship_at(
        &self,
        location: &LocationId,
        page: Page,
        deadline: Deadline,
    ) -> Result<Listing<Order>, StoreError> {
        let query = self.query_open(location).limit(i32::from(page.limit));
        let entries = query_page(query, page.after, "list orders to ship", |item| {
            value::<OpenEntry>(item)?.order_id()
        });
        let Listing { items: ids, next } = entries.await?;
        let mut orders = self.read_orders(&ids, deadline).await?;
        orders.retain(Order::is_open);
        orders.sort_by_key(|order| keys::placed_key(order.placed_at, order.order_id));
        Ok(Listing {
            items: orders,
            next,
        })
    }
}
