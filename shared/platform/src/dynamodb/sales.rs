//! The orders of whole days, and the days that were written late, read from the orders' indexes.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use jiff::civil::Date;
use stockline_domain::export::late::LateDay;
use stockline_domain::ids::LocationId;
use stockline_domain::order::Order;

use super::attributes::{Item, string};
use super::orders::orders_of_day;
use super::transaction::sort;
use crate::keys;
use stockline_application::paging::{Listing, Position};
use stockline_application::ports::export::SalesReader;
use stockline_application::store_error::StoreError;

/// The orders of a table, for reading only.
#[derive(Debug, Clone)]
pub struct DynamoSales {
    client: Client,
    orders_table: String,
}

impl DynamoSales {
    /// Orders in `orders_table`.
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
        let day = keys::orders_of_day(location, business_date);
        orders_of_day(&self.client, &self.orders_table, day, None, after).await
    }

    async fn written_late(&self, day: Date) -> Result<BTreeSet<LateDay>, StoreError> {
        let (mut days, mut after) = (BTreeSet::new(), None);
        loop {
            let found = self
                .client
                .query()
                .table_name(&self.orders_table)
                .index_name("by_late_write")
                .key_condition_expression("late_on = :day")
                .expression_attribute_values(":day", string(day.to_string()))
                .set_exclusive_start_key(after)
                .send()
                .await
                .map_err(sort("look for late writes"))?;
            for item in found.items.unwrap_or_default() {
                days.insert(late_day(&item)?);
            }
            after = found.last_evaluated_key;
            if after.is_none() {
                return Ok(days);
            }
        }
    }
}

fn late_day(item: &Item) -> Result<LateDay, StoreError> {
    let (location_id, business_date) = item
        .get("location_key")
        .and_then(|key| key.as_s().ok())
        .and_then(|key| keys::parse_day(key))
        .ok_or_else(|| StoreError::failed("look for late writes")("an order has no day"))?;
    Ok(LateDay {
        location_id,
        business_date,
    })
}
