//! Finds orders by index `by_location`, by index `by_reference`, and by their ids.

use jiff::civil::Date;
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::order::Order;

use super::{DynamoOrders, daily_orders_page, query_daily_orders};
use crate::dynamodb::attributes::{Item, string};
use crate::dynamodb::paging::query_page;
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Page};
use stockline_application::ports::order_search::{OrderSearch, PlacedRange};
use stockline_application::store_error::StoreError;

impl OrderSearch for DynamoOrders {
    async fn placed_on(
        &self,
        location: &LocationId,
        business_date: Date,
        placed: PlacedRange,
        page: Page,
    ) -> Result<Listing<Order>, StoreError> {
        // A placed_key is the time followed by the id, so the key of the end alone sorts before the orders placed then.
        let query = query_daily_orders(&self.client, &self.orders_table, location, business_date)
            .key_condition_expression("location_key = :day AND placed_key BETWEEN :from AND :to")
            .expression_attribute_values(":from", string(keys::placed_prefix(placed.from)))
            .expression_attribute_values(":to", string(keys::placed_prefix(placed.to)))
            .limit(i32::from(page.limit));
        daily_orders_page(query, page.after).await
    }

    /// The index has only keys: an order's later writes then cost nothing in it, and the order is read as it is now.
    async fn by_reference(
        &self,
        location: &LocationId,
        reference: &str,
        page: Page,
        deadline: Deadline,
    ) -> Result<Listing<Order>, StoreError> {
        const CONTEXT: &str = "find orders by reference";
        let query = self
            .client
            .query()
            .table_name(&self.orders_table)
            .index_name("by_reference")
            .key_condition_expression(
                "external_reference = :reference AND begins_with(location_key, :location)",
            )
            .expression_attribute_values(":reference", string(reference))
            .expression_attribute_values(":location", string(keys::location_prefix(location)))
            .limit(i32::from(page.limit));
        let entries = query_page(query, page.after, CONTEXT, |item: Item| {
            item.get("pk")
                .and_then(|key| keys::parse_order_partition(key.as_s().ok()?))
                .ok_or_else(|| StoreError::failed(CONTEXT)("an index entry has no valid key"))
        });
        let Listing { items: ids, next } = entries.await?;
        let mut items = self.read_orders(&ids, deadline).await?;
        items.sort_by_key(|order| {
            let placed = keys::placed_key(order.placed_at, order.order_id);
            (order.business_date, placed)
        });
        Ok(Listing { items, next })
    }

    async fn find_all(
        &self,
        ids: &[OrderId],
        deadline: Deadline,
    ) -> Result<Vec<Order>, StoreError> {
        self.read_orders(ids, deadline).await
    }
}
