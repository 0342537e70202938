//! The orders of whole days, read from the orders' index.

use aws_sdk_dynamodb::Client;
use jiff::civil::Date;
use stockline_domain::ids::LocationId;
use stockline_domain::order::Order;

use super::attributes::{position, start_key, string, value};
use super::orders::OrderRecord;
use super::transaction::sort;
use crate::cursor::{Listing, Position};
use crate::keys;
use crate::ports::export::SalesReader;
use crate::store_error::StoreError;

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
    /// No limit: a page is the 1 MB that one query reads, about a thousand orders.
    async fn page(
        &self,
        location: &LocationId,
        business_date: Date,
        after: Option<Position>,
    ) -> Result<Listing<Order>, StoreError> {
        let found = self
            .client
            .query()
            .table_name(&self.orders_table)
            .index_name("by_location")
            .key_condition_expression("location_key = :day")
            .expression_attribute_values(
                ":day",
                string(keys::orders_of_day(location, business_date)),
            )
            .set_exclusive_start_key(start_key(after))
            .send()
            .await
            .map_err(sort("read the orders of a day"))?;
        let items = found
            .items
            .unwrap_or_default()
            .into_iter()
            .map(|item| Ok(value::<OrderRecord>(item)?.order()))
            .collect::<Result<_, StoreError>>()?;
        Ok(Listing {
            items,
            next: position(found.last_evaluated_key),
        })
    }
}
