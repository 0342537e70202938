//! Reads the orders and refunds of whole business dates, and the business dates with late writes, from indexes of the orders
//! table.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::civil::Date;
use stockline_domain::export::late::LateDay;
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::order::{Order, Refund};

use super::attributes::{Item, string};
use super::orders::{daily_orders_page, daily_refunds_page, find_order, query_daily_orders};
use super::paging::query_all;
use crate::keys;
use stockline_application::paging::{Listing, Position};
use stockline_application::ports::export::SalesReader;
use stockline_application::store_error::StoreError;

const LIST_LATE_WRITES: &str = "list late writes";

/// The number of orders that are read at the same time.
const CONCURRENT_READS: usize = 16;

/// A reader of orders for the export.
#[derive(Debug, Clone)]
pub struct DynamoSales {
    client: Client,
    orders_table: String,
}

impl DynamoSales {
    /// Creates a reader of `orders_table`.
    pub fn new(client: Client, orders_table: String) -> Self {
        Self {
            client,
            orders_table,
        }
    }
}

impl SalesReader for DynamoSales {
    async fn page(
        &self,
        location: &LocationId,
        business_date: Date,
        after: Option<Position>,
    ) -> Result<Listing<Order>, StoreError> {
        let query = query_daily_orders(&self.client, &self.orders_table, location, business_date);
        daily_orders_page(query, after).await
    }

    async fn refunds_page(
        &self,
        location: &LocationId,
        business_date: Date,
        after: Option<Position>,
    ) -> Result<Listing<Refund>, StoreError> {
        let partition = keys::daily_refunds_partition(location, business_date);
        daily_refunds_page(&self.client, &self.orders_table, partition, after).await
    }

    /// Queries the orders one by one: a `BatchGetItem` costs as much, and would be one more permission.
    async fn find_orders(&self, ids: &BTreeSet<OrderId>) -> Result<Vec<Order>, StoreError> {
        let reads = ids
            .iter()
            .copied()
            .map(|id| find_order(&self.client, &self.orders_table, id));
        let orders: Vec<Option<Order>> = stream::iter(reads)
            .buffer_unordered(CONCURRENT_READS)
            .try_collect()
            .await?;
        Ok(orders.into_iter().flatten().collect())
    }

    async fn written_late(&self, day: Date) -> Result<BTreeSet<LateDay>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.orders_table)
            .index_name("by_late_write")
            .key_condition_expression("late_on = :day")
            .expression_attribute_values(":day", string(day.to_string()));
        let late_days = query_all(query, LIST_LATE_WRITES, |item| late_day(&item)).await?;
        Ok(late_days.into_iter().collect())
    }
}

fn late_day(item: &Item) -> Result<LateDay, StoreError> {
    let (location_id, business_date) = item
        .get("location_key")
        .and_then(|key| key.as_s().ok())
        .and_then(|key| keys::parse_daily_partition(key))
        .ok_or_else(|| {
            StoreError::failed(LIST_LATE_WRITES)("an index entry has no valid location_key")
        })?;
    Ok(LateDay {
        location_id,
        business_date,
    })
}
