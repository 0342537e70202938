//! The sales reader on DynamoDB, for the conformance suite of sales.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use jiff::civil::Date;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::paging::{Listing, Position};
use stockline_application::ports::export::SalesReader;
use stockline_application::store_error::StoreError;
use stockline_domain::export::late::LateDay;
use stockline_domain::ids::LocationId;
use stockline_domain::order::Order;
use stockline_platform::dynamodb::attributes::item;
use stockline_platform::dynamodb::orders::OrderRecord;
use stockline_platform::dynamodb::sales::DynamoSales;
use stockline_platform::keys;

use crate::conformance::sales::StoredSales;

/// The reader under test, and a client of its own that writes the orders.
#[derive(Debug, Clone)]
pub struct DynamoStoredSales {
    reader: DynamoSales,
    client: Client,
    orders_table: String,
}

impl DynamoStoredSales {
    /// Orders in `orders_table`.
    pub fn new(client: Client, orders_table: String) -> Self {
        Self {
            reader: DynamoSales::new(client.clone(), orders_table.clone()),
            client,
            orders_table,
        }
    }

    async fn put_record(&self, order: &Order, record: &OrderRecord) {
        self.client
            .put_item()
            .table_name(&self.orders_table)
            .set_item(Some(item(&keys::order(order.order_id), record).unwrap()))
            .send()
            .await
            .unwrap();
    }
}

impl SalesReader for DynamoStoredSales {
    async fn page(
        &self,
        location: &LocationId,
        business_date: Date,
        after: Option<Position>,
    ) -> Result<Listing<Order>, StoreError> {
        self.reader.page(location, business_date, after).await
    }

    async fn written_late(&self, day: Date) -> Result<BTreeSet<LateDay>, StoreError> {
        self.reader.written_late(day).await
    }
}

impl StoredSales for DynamoStoredSales {
    async fn put(&self, order: &Order) {
        self.put_record(order, &placed(order)).await;
    }

    /// Writes the order as it is placed, and then as it is canceled at `at`.
    async fn put_at(&self, order: &Order, at: Timestamp) {
        let placed = placed(order);
        let canceled = placed.next(&order.cancel(at).unwrap(), at);
        for record in [placed, canceled] {
            self.put_record(order, &record).await;
        }
    }
}

fn placed(order: &Order) -> OrderRecord {
    OrderRecord::new(order, &Fingerprint::of(&"a").unwrap())
}
